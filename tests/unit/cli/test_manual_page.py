"""The manual page is what the commands say, and says it to `man` as it stands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runbook_engine.cli.group import COMMANDS
from runbook_engine.cli.reference_commands import helps
from runbook_engine.cli.reference_man import man_page

PAGE = Path(__file__).parents[3] / "docs" / "man" / "runbook.1"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_up_to_date():
    assert man_page() == TEXT, "run make docs"


def test_every_command_has_its_section():
    sections = re.findall(r"^\.SS (.*)$", TEXT, re.MULTILINE)
    assert {f"runbook {name}".replace("-", r"\-") for name in COMMANDS} <= set(sections)
    assert r"runbook audit verify" in sections
    assert len(sections) == len(set(sections))


def test_no_line_of_help_is_taken_for_a_request():
    asked = {line.split()[0] for line in TEXT.splitlines() if line[:1] in {".", "'"}}
    assert asked == {'.\\"', ".TH", ".SH", ".SS", ".nf", ".fi", ".TP", ".BR"}


def test_groff_shows_every_word_without_a_warning():
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-c", "-ww", "-k", str(PAGE)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert not shown.stderr
    words = set(re.sub(r".\x08", "", shown.stdout).replace("\N{HYPHEN}", "-").split())
    missing = {word for _name, text in helps(76) for word in text.split()} - words
    assert not missing
