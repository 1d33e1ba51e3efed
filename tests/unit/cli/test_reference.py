"""The reference pages in docs are what the code says."""

from pathlib import Path

import pytest

from runbook_engine.cli.reference import PLUGINS, reference_pages, write_reference

DOCS = Path(__file__).parents[3] / "docs" / "reference"
PAGES = reference_pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name], (
        "run python -m runbook_engine.cli.reference docs/reference"
    )


def test_writing_twice_changes_nothing(tmp_path):
    assert {path.name for path in write_reference(tmp_path)} == set(PAGES)
    assert write_reference(tmp_path) == []


def test_each_action_and_command_has_its_section():
    from runbook_engine.cli.group import COMMANDS
    from runbook_engine.discovery.catalog import build_catalog

    assert all(f"\n## {name}\n" in PAGES["actions.md"] for name in build_catalog([PLUGINS])[0].names())
    assert all(f"\n## runbook {name}\n" in PAGES["cli.md"] for name in COMMANDS)
