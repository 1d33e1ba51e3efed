"""A look is compared with the newest finished one at the same thing; whatever else is in the journal is passed over."""

import pytest

from runbook_engine.app.readiness_history import changes, look_before, looks
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import Actor, NoteAdded, ReadinessAssessed, RunClosed, RunOpened
from runbook_engine.model.readiness import Area, Level, ReadinessFinding, Verdict, judge, ordered

WHO = Actor(name="dana")


@pytest.fixture
def journal():
    return MemoryJournal()


def finding(what, level=Level.MISSING, area=Area.STEP):
    return ReadinessFinding(level=level, area=area, what=what, text=what)


def look(journal, run, *whats, assessed=True, notes=0, **more):
    facts = {"runbook": "failover", "inventory": "demo", "mode": "dry-run", "readiness": True, **more}
    journal.open_run(run, RunOpened(fingerprint="f", engine_version="1", **facts), WHO)
    journal.append(run, [RunClosed(status="failed")], WHO)
    if assessed:
        found = tuple(map(finding, whats))
        journal.append(run, [ReadinessAssessed(verdict=judge(found), findings=found)], WHO)
    journal.append(run, [NoteAdded(text=str(number)) for number in range(notes)], WHO) if notes else None
    return run


def test_the_history_is_the_finished_looks_at_the_runbook_newest_first(journal):
    look(journal, "a", "x")
    look(journal, "b", assessed=False)
    look(journal, "c", runbook="failback")
    look(journal, "d", readiness=False, assessed=False)
    look(journal, "e", "y", inventory="other", notes=20)
    assert [one.run for one in looks(journal, "failover")] == ["e", "a"]


def test_the_first_look_has_none_before_it(journal):
    assert look_before(journal, look(journal, "a")) is None


def test_the_newest_finished_look_at_the_same_thing_counts(journal):
    look(journal, "older", "x")
    look(journal, "newer", "y", notes=20)
    for number, other in enumerate(
        ({"runbook": "failback"}, {"inventory": "drill"}, {"limit": "web"}, {"readiness": False}, {"assessed": False})
    ):
        look(journal, f"other{number}", "z", **other)
    mine = look(journal, "mine", assessed=False)
    look(journal, "later", "z")
    assert look_before(journal, mine).run == "newer"
    assert [one.what for one in look_before(journal, mine).assessed.findings] == ["y"]


def test_a_pruned_look_is_passed_over(journal):
    look(journal, "old", "x")
    mine = look(journal, "mine")
    journal.prune("old", WHO, "space")
    assert look_before(journal, mine) is None


def test_changes_are_by_name_and_notes_are_none(journal):
    look(journal, "before", "gone", "stays")
    before = look_before(journal, look(journal, "mine"))
    now = (finding("stays", Level.UNKNOWN), finding("came"), finding("nothing", Level.NOTE))
    assert changes(now, before) == (("came",), ("gone",))
    assert changes(now, None) == ((), ())


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ((), Verdict.READY),
        ((Level.NOTE,), Verdict.READY),
        ((Level.NOTE, Level.UNKNOWN), Verdict.UNKNOWN),
        ((Level.UNKNOWN, Level.MISSING), Verdict.NOT_READY),
    ],
)
def test_the_heaviest_finding_judges(levels, verdict):
    assert judge([finding("x", level) for level in levels]) is verdict


def test_the_heaviest_are_told_first():
    some = [
        finding("a", Level.NOTE),
        finding("b", Level.MISSING, Area.QUOTA),
        finding("c", Level.UNKNOWN),
        finding("d", Level.MISSING),
    ]
    assert [one.what for one in ordered(some)] == ["d", "b", "c", "a"]
