"""What a run waits for, told by its events: every kind of question, and what is said to whom."""

import itertools
from dataclasses import replace

import pytest
from support.dashboard_stage import DANA, ELI
from support.html_tree import Tree
from support.simulation import VirtualClock

from runbook_engine.journals.holder import this_process
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    GateApproved,
    GateOpened,
    MessageDue,
    NoteAdded,
    RunClosed,
    RunOpened,
    StepSummary,
)
from runbook_engine.model.runbook import Objectives
from runbook_engine.web.pages import run
from runbook_engine.web.source import Source

RUN = "20260101-000000-failover-0000"
STEPS = tuple(
    StepSummary(id=name, digest="", tasks=tasks, targets_digest="", needs=needs)
    for name, tasks, needs in (("asks", 1, ()), ("does", 30, ("asks",)))
)


class Told:
    """A run that is told event by event, and what its page says then."""

    def __init__(self, project) -> None:
        self.clock = VirtualClock()
        self.journal = MemoryJournal(self.clock)
        self.source = Source(project, self.journal)

    def opened(self, **more):
        facts = {"runbook": "failover", "inventory": "demo", "mode": "live", "fingerprint": "f", "engine_version": "1"}
        event = RunOpened(**{"steps": STEPS, "tasks": 31, **facts, **more})
        self.journal.open_run(RUN, event, Actor(name="eli"))
        return self

    def say(self, *events):
        self.journal.append(RUN, events, Actor(name="eli"))
        return self

    def page(self, viewer=DANA):
        return Tree(run.page(self.source, viewer, {"run": RUN}))


@pytest.fixture
def told(stage):
    return Told(stage.project).opened()


def gate(**more):
    return GateOpened(task="asks@localhost", roles=("director",), fingerprint="f", message="Shall we?", **more)


def answers(tree):
    return [one["value"] for one in tree.all("button") if one.get("value") not in {None, "pause", "note", "abort"}]


def test_who_asked_for_the_run_can_only_decline(told):
    tree = told.say(gate(requester="dana")).page()
    assert answers(tree) == ["decline"]
    assert "You asked for this run, and somebody else must approve it." in tree.text
    assert answers(told.page(ELI)) == []


def test_who_may_not_answer_at_all_gets_no_form_whatever_their_role(told):
    tree = told.say(gate()).page(replace(DANA, may_act=False))
    assert answers(tree) == []
    assert "This session may look, but not answer" in tree.text


def test_a_gate_that_wants_signatures_shows_the_command_and_no_button(told):
    tree = told.say(gate(signed=True)).page()
    assert answers(tree) == []
    assert f"runbook approve {RUN} asks@localhost --sign" in tree.text


def test_who_approved_already_waits_for_somebody_else(told):
    approved = GateApproved(task="asks@localhost", person="dana", role="director", fingerprint="f")
    tree = told.say(gate(quorum=2), approved).page()
    assert answers(tree) == []
    assert "Approved by dana, 1 of 2." in tree.text
    assert "it waits for somebody else, too" in tree.text


def test_an_expired_gate_says_how_it_is_asked_anew(told):
    told.say(gate(expires_at=told.clock.now()))
    tree = told.page()
    assert answers(tree) == []
    assert f"`runbook resume {RUN}` asks anew" in tree.text


def test_a_window_asks_nobody_and_says_when_it_opens(told):
    tree = told.say(gate(opens_at=told.clock.now())).page()
    assert answers(tree) == []
    assert "Waits for a time, and asks nobody." in tree.text


def test_what_is_in_doubt_can_be_said_to_be_done_or_not(told):
    told.say(AttemptStarted(task="does@web1", number=1, token="t"))
    assert answers(told.page()) == ["done", "again"]
    told.journal.take_lease(f"run:{RUN}", this_process(), 60)  # somebody advances it: it only runs
    assert answers(told.page()) == []
    assert "1 running" in told.page().text


def test_many_tolerated_failures_are_told_by_their_reason(told):
    for number in range(30):
        task = f"does@web{number}"
        told.say(AttemptStarted(task=task, number=1, token="t"))
        told.say(AttemptFinished(task=task, number=1, outcome="failed", error="no space"))
    tree = told.say(RunClosed(status="succeeded")).page()
    assert "tolerated: does on 30 targets" in tree.text
    assert tree.text.count("no space") == 3  # under attention, at the step, among the deviations


def test_a_run_with_ever_so_many_tasks_and_reasons_has_a_page_that_can_be_read(stage):
    many = tuple(StepSummary(id=f"s{number}", digest="", tasks=20, targets_digest="") for number in range(60))
    told = Told(stage.project).opened(steps=many, tasks=1200)
    for step, number in itertools.product(range(60), range(20)):
        task, outcome = f"s{step}@web{number}", "failed" if step in {3, 4} else "changed"
        told.say(AttemptStarted(task=task, number=1, token="t"))
        told.say(AttemptFinished(task=task, number=1, outcome=outcome, error=f"reason {number}"))
    text = run.page(told.source, DANA, {"run": RUN})
    assert len(text) < 150_000
    tree = Tree(text)
    assert "… and 10 more; their steps below have all." in tree.text
    assert tree.all("div", id="task-s3@web7")
    assert not tree.all("div", id="task-s5@web7")
    assert tree.all("a", href=f"/runs/{RUN}/tasks?step=s5")


def test_a_clock_that_passed_its_objective_says_so(stage):
    told = Told(stage.project).opened(objectives=Objectives(rto="1m"))
    assert "RTO missed , over by" in told.page().text  # (the run began at the beginning of 2026)


def test_a_recovery_is_not_called_one_before_the_run_is_over(told):
    told.say(AttemptStarted(task="does@web1", number=1, token="t"))
    told.say(AttemptFinished(task="does@web1", number=1, outcome="changed"))
    assert "last change" in told.page().text
    assert "recovered" not in told.page().text
    assert "recovered" in told.say(RunClosed(status="succeeded")).page().text


def test_notes_are_shown(told):
    assert "they call back at four" in told.say(NoteAdded(text="they call back at four")).page().text


def test_messages_owed_say_until_when(told):
    tree = told.say(MessageDue(audience="customers", sequence=1, what="first", due_at=told.clock.now(), calls=1)).page()
    assert "customers" in tree.text
    assert "Overdue since 2026-01-01 00:00:00 UTC" in tree.text
    assert "Tell customers now" in tree.text
