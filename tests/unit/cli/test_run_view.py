"""What is shown of an earlier part of a run: made of what it adds up to, it is what its events would have made."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.cli.run_view import RunView
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    DriftFound,
    Event,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    LeaseTaken,
    ManualAnswered,
    PlanAccepted,
    RunAbortRequested,
    RunContinued,
    RunOpened,
    RunPaused,
    StepSummary,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.outcome import Outcome, unsatisfied

RUN = "20261123-120304-book-0001"
STEPS = tuple(StepSummary(id=name, digest="", tasks=2, targets_digest="") for name in "abc")
OPENED = RunOpened(
    runbook="book", inventory="demo", mode="live", fingerprint="f", engine_version="1", steps=STEPS, tasks=6
)
TASKS = ("a@x", "a@y", "b@localhost", "c[1]@x")
OUTCOMES = st.sampled_from([Outcome.CHANGED, Outcome.UNCHANGED, Outcome.FAILED, Outcome.UNREACHABLE])
PEOPLE = st.sampled_from(["dana", "eli"])

BY_PEOPLE = (GateApproved, GateDeclined, ManualAnswered, HoldResolved, TaskResolved)


def moves(task: str, state: RunState) -> st.SearchStrategy[Event]:
    """What may be written of a task that stands like this: by the engine, or by a person who may come too late."""
    now = state.task(task)
    number = now.attempts

    def begin(settles: bool) -> Event:
        return AttemptStarted(task=task, number=number + 1, token="t", settles=settles)

    ends = st.builds(
        AttemptFinished,
        task=st.just(task),
        number=st.just(number),
        outcome=OUTCOMES,
        error=st.sampled_from(["", "boom"]),
        in_doubt=st.booleans(),
        unbegun=st.booleans(),
    )
    approved = st.builds(
        GateApproved, task=st.just(task), person=PEOPLE, role=st.just("director"), fingerprint=st.sampled_from("fg")
    )
    declined = st.builds(
        GateDeclined, task=st.just(task), person=PEOPLE, role=st.just("director"), fingerprint=st.just("f")
    )
    answered = st.builds(
        ManualAnswered,
        task=st.just(task),
        person=PEOPLE,
        role=st.just("director"),
        passed=st.booleans(),
        fingerprint=st.just("f"),
    )
    opened = GateOpened(task=task, roles=("director",), quorum=2, fingerprint="f")
    decided = st.builds(
        HoldResolved,
        task=st.just(task),
        decision=st.sampled_from(["retry", "skip", "ignore", "abort"]),
        reason=st.just("so"),
        number=st.sampled_from([max(number - 1, 0), number]),
    )
    resolved = st.builds(
        TaskResolved, task=st.just(task), number=st.just(number), truth=st.sampled_from(["done", "retry"])
    )
    if now.opened is not None and now.phase is not Phase.GATE:
        late = approved | declined
    elif number and now.phase is not Phase.DOUBT:
        late = resolved
    else:
        late = st.nothing()
    found = unsatisfied("gone")
    match now.phase:
        case Phase.WAITING:
            untouched = [TaskSkipped(task=task, reason="no"), TaskBlocked(task=task, because="a"), opened, begin(False)]
            return st.sampled_from(untouched) | late
        case Phase.RUNNING:
            return ends | st.just(begin(True)) | resolved | late
        case Phase.DOUBT:
            return st.just(begin(True)) | resolved
        case Phase.GATE:
            ended = AttemptFinished(task=task, number=number + 1, outcome=Outcome.UNCHANGED)
            return approved | declined | answered | st.sampled_from([ended, GateExpired(task=task)]) | late
        case Phase.HELD:
            return decided | late
        case Phase.ENDED:
            outcome = now.outcome or Outcome.CHANGED
            again: list[Event] = [begin(False), opened, HoldOpened(task=task, reason="so", outcome=outcome)]
            if outcome.ended_well:
                again.append(DriftFound(task=task, outcome=outcome, finding=found, needed=True))
            return st.sampled_from(again) | late


@st.composite
def runs(draw: st.DrawFn) -> list[StoredEvent]:
    """Draw the events of a run as far as it has come."""
    state, events = RunState(RUN), list[StoredEvent]()
    others = (
        RunPaused(reason="wait"),
        RunContinued(reason="go"),
        RunAbortRequested(reason="enough"),
        LeaseTaken(holder="h", fence=1, took_over=False, machine="m"),
        PlanAccepted(before="f", fingerprint="f", steps=(*STEPS, STEPS[0].model_copy(update={"id": "d"}))),
    )

    def say(event: Event, kind: str) -> None:
        seq = len(events) + 1
        time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seq)
        stored = StoredEvent(RUN, seq, time, Actor(kind=kind, name="dana"), event, "", "")
        events.append(stored)
        state.apply(stored)

    say(OPENED, "person")
    for _ in range(draw(st.integers(0, 25))):
        task = draw(st.sampled_from([*TASKS, *TASKS, ""]))
        event = draw(moves(task, state) if task else st.sampled_from(others))
        say(event, "person" if isinstance(event, BY_PEOPLE) else "engine")
    return events


@given(runs(), st.integers(1, 25))
def test_a_view_of_a_state_is_the_view_of_its_events_and_goes_on_alike(events, cut):
    told, recalled = RunView(), RunView()
    for stored in events[:cut]:
        told.take(stored)
    recalled.recall(RunState(RUN, events[:cut]))
    compare(recalled, told)
    for stored in events[cut:]:
        assert recalled.take(stored) == told.take(stored)
    compare(recalled, told)


def compare(one: RunView, other: RunView) -> None:
    for name in ("opened", "run", "started_at", "plan", "running", "gates", "doubts", "holds", "order", "counts"):
        assert getattr(one, name) == getattr(other, name), name
    assert {task: one.outcome(task) for task in TASKS} == {task: other.outcome(task) for task in TASKS}
    assert {task: one.approvals[task] for task in one.gates} == {task: other.approvals[task] for task in other.gates}
    for name, step in one.steps.items():
        assert step.tasks == other.steps[name].tasks
        assert +step.outcomes == +other.steps[name].outcomes
