"""Text from hosts, files and people stays text on every page, and no page needs more than the strict policy gives."""

import re

import pytest
from support.dashboard_project import hostile_runbook
from support.dashboard_stage import DANA, ELI
from support.html_tree import Tree

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.steer import order_run
from runbook_engine.web.pages import compliance, error, journal, live, login, run, runbook, runbooks, runs, task, tasks

EVIL = """</pre><script>alert(1)</script><img src=x onerror=alert(2)>"'&\u202e\x1b[31m{{ 7*7 }}"""


@pytest.fixture(scope="module")
def hostile(stage):
    hostile_runbook(
        stage.root, EVIL.replace("{{ 7*7 }}", "").replace("\u202e", "").replace("\x1b", "").replace("'", "''")
    )
    run_id = stage.run("hostile", note=EVIL)
    order_run(stage.project, stage.journal, run_id, "pause", reason=EVIL, person="dana")
    answer_gate(stage.project, stage.journal, run_id, "asks", approve=False, reason=EVIL, person="dana")
    return run_id


@pytest.fixture(scope="module")
def pages(stage, gated, held, fleet, rehearsed, hostile):
    def of(module, viewer=DANA, **query):
        return module.page(stage.source, viewer, query)

    return {
        "runs": of(runs),
        **{f"run {one}": of(run, run=one) for one in (gated, held, fleet, rehearsed, hostile)},
        "as eli": of(run, ELI, run=held),
        "live": of(live, run=hostile),
        "step": of(tasks, run=hostile, step="shouts"),
        "task": of(task, run=hostile, task="shouts@localhost"),
        "runbooks": of(runbooks),
        "runbook": of(runbook, name="failover"),
        "hostile runbook": of(runbook, name="hostile"),
        "compliance": of(compliance),
        "journal": of(journal, check="yes"),
        "journal of a run": of(journal, check="yes", run=held),
        "login": login.page(None, None, {"problem": EVIL, "next": EVIL}),
        "error": error.page(None, DANA, {"status": EVIL, "message": EVIL, "hint": EVIL, "back": "/"}),
        "error to a stranger": error.page(None, None, {}),
    }


def test_no_page_has_anything_that_acts_in_it(pages):
    for name, text in pages.items():
        tree = Tree(text)
        scripts = [one.get("src", "") for one in tree.all("script")]
        assert all(re.fullmatch(r"/assets/[a-z]+\.js", source) for source in scripts), name
        assert not tree.all("style"), name
        assert not tree.all("img"), name
        for tag, attributes in tree.elements:
            assert "style" not in attributes, (name, tag)
            assert not [one for one in attributes if one.startswith("on")], (name, tag, attributes)


def test_no_page_loads_or_leads_anywhere_else(pages):
    for name, text in pages.items():
        for tag, attributes in Tree(text).elements:
            for one in ("href", "src", "action", "formaction"):
                address = attributes.get(one, "/")
                assert address[:1] in {"/", "#"}, (name, tag, address)
                assert not address.startswith("//"), (name, tag, address)


def test_what_is_hostile_is_shown_as_text(pages, hostile):
    shown = pages[f"run {hostile}"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "{{ 7*7 }}" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\u202e" in shown


def test_ids_are_given_once_and_each_field_has_a_label(pages):
    for name, text in pages.items():
        tree = Tree(text)
        ids = [attributes["id"] for _, attributes in tree.elements if attributes.get("id")]
        assert len(ids) == len(set(ids)), (name, [one for one in ids if ids.count(one) > 1])
        assert not [one for one in ids if re.search(r"\s", one)], name
        assert not tree.open, (name, tree.open)
        fields = [
            one for tag in ("input", "textarea", "select") for one in tree.all(tag) if one.get("type") != "hidden"
        ]
        assert len(fields) <= len(tree.all("label")), name


def test_the_page_says_where_one_is(pages):
    for name, here in (
        ("runs", "/"),
        ("runbooks", "/runbooks"),
        ("compliance", "/compliance"),
        ("journal", "/journal"),
    ):
        assert [one["href"] for one in Tree(pages[name]).all("a") if one.get("aria-current") == "page"] == [here]
