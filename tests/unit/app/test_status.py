"""Where a run stands, by its events and its lease."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.app.status import outcomes_by_step, run_status
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    GateOpened,
    RunClosed,
    RunOpened,
    StepSummary,
)

RUN = "20261123-100000-failover-aaaa"


@pytest.fixture
def journal():
    made = MemoryJournal()
    steps = tuple(StepSummary(id=name, digest="", tasks=1, targets_digest="") for name in ("a", "b"))
    opened = RunOpened(
        runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1", steps=steps, tasks=2
    )
    made.open_run(RUN, opened, Actor(name="dana"))
    return made


def say(journal, *events):
    journal.append(RUN, events, Actor(kind="engine", name="engine"))


def status(journal):
    return run_status(journal, journal.head(RUN))


def begun(task):
    return AttemptStarted(task=task, number=1, token="t")


def ended(task, outcome):
    return AttemptFinished(task=task, number=1, outcome=outcome, error="boom" if outcome == "failed" else "")


def test_what_ran_when_its_process_died_is_in_doubt(journal):
    say(journal, begun("a@x"))
    found = status(journal)
    assert (found.status, found.resumable) == ("stopped", True)
    assert [(trouble.task, trouble.state) for trouble in found.troubles] == [("a@x", "in doubt")]


def test_what_runs_under_a_lease_is_running(journal):
    say(journal, begun("a@x"))
    journal.take_lease(f"run:{RUN}", this_process(), 60)
    found = status(journal)
    assert (found.status, found.running, found.troubles, found.resumable) == ("running", ("a@x",), (), False)
    assert str(this_process()) == found.holder


def test_an_open_gate_waits(journal):
    say(journal, GateOpened(task="a@localhost", roles=("director",), message="Go?", fingerprint="f"))
    found = status(journal)
    assert found.status == "waiting"
    assert (found.gates[0].roles, found.gates[0].message) == (("director",), "Go?")


def test_a_gate_that_nobody_answered_in_time_is_expired(journal):
    until = datetime(2026, 11, 23, 12, tzinfo=UTC)
    say(journal, GateOpened(task="a@localhost", roles=("director",), message="Go?", fingerprint="f", expires_at=until))
    for now, expired in ((until - timedelta(seconds=1), False), (until, True)):
        assert [gate.expired for gate in run_status(journal, journal.head(RUN), now=now).gates] == [expired]


def test_a_failed_run_tells_why_and_can_be_resumed(journal):
    say(journal, begun("a@x"), ended("a@x", "failed"), RunClosed(status="failed"))
    found = status(journal)
    assert (found.status, found.counts, found.resumable) == ("failed", {"failed": 1}, True)
    assert found.troubles[0].reason == "boom"


def test_a_step_is_coloured_by_its_worst_task(journal):
    say(journal, begun("a@x"), ended("a@x", "changed"), begun("a@y"), ended("a@y", "failed"))
    assert outcomes_by_step(journal, RUN) == {"a": "failed", "b": "not started"}
