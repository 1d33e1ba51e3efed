"""A journal's tally says of every task what its events say, whatever happened to the run."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.journals.address import open_glance, open_journal
from runbook_engine.model.errors import JournalError, NoJournalError
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    LeaseTaken,
    ManualAnswered,
    NoteAdded,
    RecoveryPointUsed,
    RunAbortRequested,
    RunPaused,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.journal import Holder

TASKS = st.sampled_from(["a@h1", "a@h2", "b[0]@h1", "b[1]@h1", "x/y@h\0"])
GATES = st.just("gate@localhost")
FILE = "sqlite:///journal.db"


def events():
    """Any events of a few tasks, in any order: a tally must not depend on the engine's good manners."""
    return st.one_of(
        st.builds(AttemptStarted, task=TASKS, number=st.integers(1, 3), token=st.just("t")),
        st.builds(
            AttemptFinished,
            task=TASKS,
            number=st.integers(1, 3),
            outcome=st.sampled_from(Outcome),
            error=st.sampled_from(["", "boom"]),
            in_doubt=st.booleans(),
            unbegun=st.booleans(),
        ),
        st.builds(TaskSkipped, task=TASKS, reason=st.just("when")),
        st.builds(TaskBlocked, task=TASKS, because=st.just("step a failed")),
        st.builds(TaskResolved, task=TASKS, number=st.just(1), truth=st.sampled_from(["done", "retry"])),
        st.builds(GateOpened, task=TASKS | GATES, fingerprint=st.just("f")),
        st.builds(GateApproved, task=GATES, person=st.just("dana"), role=st.just("r"), fingerprint=st.just("f")),
        st.builds(
            GateDeclined,
            task=GATES,
            person=st.just("dana"),
            role=st.just("r"),
            reason=st.just("no"),
            fingerprint=st.just("f"),
        ),
        st.builds(GateExpired, task=TASKS),
        st.builds(
            HoldOpened,
            task=TASKS,
            reason=st.just("boom"),
            outcome=st.sampled_from([Outcome.FAILED, Outcome.UNREACHABLE]),
        ),
        st.builds(
            HoldResolved,
            task=TASKS,
            decision=st.sampled_from(["retry", "skip", "ignore", "abort"]),
            reason=st.just("looked"),
        ),
        st.builds(ManualAnswered, task=GATES, passed=st.booleans()),
        st.builds(RunPaused, reason=st.just("wait")),
        st.builds(RunAbortRequested, reason=st.just("over")),
        st.builds(RecoveryPointUsed, task=TASKS, point=st.just("2026-01-01T00:00:00Z")),
        st.builds(NoteAdded, text=st.just("note")),
        st.builds(LeaseTaken, holder=st.just("x"), fence=st.integers(1, 9)),
    )


def summary(tasks):
    """What a status tells of tasks, ended well or not."""
    return Counter((task.phase, task.outcome if task.phase is Phase.ENDED else None) for task in tasks)


def troubles(state):
    return {
        name: (task.phase, task.reason if task.phase in {Phase.ENDED, Phase.DOUBT} else "")
        for name, task in state.tasks.items()
        if not (task.phase is Phase.ENDED and task.outcome is not None and task.outcome.ended_well)
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(batches=st.lists(st.lists(events(), min_size=1, max_size=6), max_size=6))
def test_a_tally_says_what_all_events_say(journal, opening, actor, batches):
    run = f"r{len(journal.runs())}"
    journal.open_run(run, opening, actor)
    for batch in batches:
        journal.append(run, batch, actor)
    whole = RunState(run, journal.read(run))
    tally = journal.tally(run)
    told = RunState(run, tally.events, whole=False)
    well = Counter()
    for (_, outcome), number in tally.well.items():
        well[Phase.ENDED, Outcome(outcome)] += number
    assert summary(told.tasks.values()) + well == summary(whole.tasks.values())
    assert troubles(told) == troubles(whole)
    assert (told.paused, told.abort) == (whole.paused, whole.abort)
    assert [one.seq for one in tally.events] == sorted({one.seq for one in tally.events})
    assert journal.verify(run) == []


def test_answers_that_came_too_late_say_nothing_of_where_a_task_stands(journal, opening, actor):
    gate = {"task": "go@h", "role": "r", "fingerprint": "f"}
    done = AttemptFinished(task="go@h", number=1, outcome=Outcome.UNCHANGED)
    failed = AttemptFinished(task="a@h", number=1, outcome=Outcome.FAILED, error="boom")
    retried = HoldResolved(task="a@h", number=1, decision="retry", reason="first")
    lost = AttemptFinished(task="b@h", number=1, outcome=Outcome.FAILED, in_doubt=True)
    journal.open_run("r", opening, actor)
    for event in (
        GateOpened(task="go@h", fingerprint="f"),
        GateApproved(person="dana", **gate),
        done,
        GateDeclined(person="eli", **gate),
        failed,
        HoldOpened(task="a@h", reason="boom"),
        retried,
        AttemptStarted(task="a@h", number=2, token="t"),
        retried.model_copy(update={"decision": "skip", "reason": "second"}),
        lost,
        TaskResolved(task="b@h", number=1, truth="retry"),
        AttemptStarted(task="b@h", number=2, token="t"),
        TaskResolved(task="b@h", number=1, truth="done"),
    ):
        journal.append("r", [event], actor)
    tally = journal.tally("r")
    state = RunState("r", tally.events, whole=False)
    assert (dict(tally.well), {name: task.phase for name, task in state.tasks.items()}) == (
        {("go", "unchanged"): 1},
        {"a@h": Phase.RUNNING, "b@h": Phase.RUNNING},
    )
    assert journal.verify("r") == []


def test_what_ended_well_is_counted_by_step_and_given_no_more(journal, opening, actor):
    journal.open_run("r", opening, actor)
    ends = [AttemptFinished(task=f"a@h{n}", number=1, outcome=Outcome.CHANGED) for n in range(3)]
    held = [HoldOpened(task="c@h", reason="no"), HoldResolved(task="c@h", decision="skip", reason="known")]
    journal.append("r", [*ends, TaskSkipped(task="b@h", reason="no"), *held, NoteAdded(text="n")], actor)
    tally = journal.tally("r")
    assert dict(tally.well) == {("a", "changed"): 3, ("b", "skipped"): 1, ("c", "skipped"): 1}
    assert [one.event.kind for one in tally.events] == ["run.opened", "note.added"]


def test_what_ended_well_is_counted_by_target_when_asked_and_small_steps_are_given_whole(journal, opening, actor):
    journal.open_run("r", opening, actor)
    ends = [AttemptFinished(task=f"{step}@h", number=1, outcome=Outcome.CHANGED) for step in ("a", "b", "c[0]", "c[1]")]
    journal.append("r", ends, actor)
    assert journal.tally("r").targets == {}
    assert dict(journal.tally("r", by_target=True).targets) == {("h", "changed"): 4}
    few = journal.tally("r", few=1, by_target=True)
    assert (dict(few.well), dict(few.targets)) == ({("c", "changed"): 2}, {("h", "changed"): 2})
    assert [one.seq for one in few.events] == [1, 2, 3]


def test_a_tally_of_no_run_is_refused(journal):
    with pytest.raises(JournalError, match="knows no run"):
        journal.tally("nope")


@pytest.fixture
def written(tmp_path, opening, actor):
    journal = open_journal(FILE, project=tmp_path, create=True)
    journal.open_run("r", opening, actor)
    journal.append("r", [AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED)], actor)
    journal.take_lease("run:r", Holder(host="elsewhere", boot="b", pid=1, started=1), 60)
    yield journal
    journal.close()


def answers(store):
    return (
        store.head("r"),
        store.head("nope"),
        store.runs(),
        store.runs(limit=1),
        store.runs(limit=1, before=1),
        store.runs(before=2),
        store.lease("nope"),
        store.tally("r"),
        store.tally("r", few=1, by_target=True),
        store.tally("r", by_target=True),
    )


def test_a_glance_gives_the_journals_own_answers(written, tmp_path):
    glance = open_glance(FILE, project=tmp_path)
    assert answers(glance) == answers(written)
    assert glance.lease("run:r").holder == written.lease("run:r").holder
    with pytest.raises(JournalError, match="knows no run"):
        glance.tally("nope")
    glance.close()


def test_a_glance_leaves_what_is_out_of_the_ordinary_to_the_journal(written, tmp_path):
    with pytest.raises(NoJournalError):
        open_glance("sqlite:///other.db", project=tmp_path).runs()
    (tmp_path / "empty").write_bytes(b"no database, but a text of some length" * 100)
    (tmp_path / "empty").chmod(0o600)
    with pytest.raises(JournalError, match="no SQLite database"):
        open_glance("sqlite:///empty", project=tmp_path).runs()
    (tmp_path / "journal.db").chmod(0o644)
    with pytest.raises(JournalError, match="open to others"):
        open_glance(FILE, project=tmp_path).runs()


def test_a_glance_at_a_journal_of_an_older_version_says_what_to_do(written, tmp_path):
    written.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database, database:
        database.execute("UPDATE meta SET value = 1 WHERE key = 'schema_version'")
    database.close()
    glance = open_glance(FILE, project=tmp_path)
    with pytest.raises(JournalError, match="older version") as refused:
        glance.tally("r")
    assert "runbook journal upgrade" in refused.value.hint


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tasks SET outcome = 'failed'",
        "UPDATE tasks SET seq = 1",
        "DELETE FROM tasks",
        "INSERT INTO tasks VALUES ('r', 'b@h', 'b', 'h', 2, 'attempt.finished', 'changed')",
    ],
)
def test_a_row_of_a_task_that_is_not_what_its_events_say_is_found(written, tmp_path, statement):
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database, database:
        database.execute(statement)
    database.close()
    damages = written.verify("r")
    assert [damage.kind for damage in damages] == ["head"]
    assert "otherwise than its events tell" in damages[0].problem
