"""Which of the answers and decisions in a run count: of two about the same question, the first. The one rule for it."""

from typing import NamedTuple

from runbook_engine.model.event import (
    AnswerRefused,
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
    ManualAnswered,
    NoteAdded,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.signed_answer import GateAnswer, answer_problem

DECISIVE = frozenset(
    {
        "plan.accepted", "lease.taken", "run.closed", "run.paused", "run.continued", "run.abort-requested",
        "revert.due", "gate.opened", "gate.approved", "gate.declined", "gate.expired", "manual.answered",
        "hold.opened", "hold.resolved", "drift.found", "task.resolved",
    }
)  # fmt: skip
"""Kinds of the events that a person's answer goes by; any other may come between question and answer."""

_FAILED = frozenset({Outcome.FAILED, Outcome.UNREACHABLE})
_NEVER = 1 << 62  # greater than any attempt's number


class Standing(NamedTuple):
    """Up to which attempt of a task nothing is to be decided (any more), and nothing is in doubt (any more)."""

    closed: int = -1
    settled: int = -1


def standing(event: Event) -> Standing | None:
    """Say what may be decided about a task after its newest event; None for an event that moves no task.

    An answer to a gate moves none: what the engine makes of it does.
    """
    found: Standing | None = None
    match event:
        case AttemptStarted(number=number) | AttemptFinished(number=number, in_doubt=True):
            found = Standing(number, number - 1)
        case AttemptFinished(was_none=True):
            found = _OVER
        case AttemptFinished(number=number, outcome=outcome):
            found = _UNDECIDED if outcome in _FAILED else Standing(number, _NEVER)
        case TaskSkipped() | TaskBlocked() | GateOpened():
            found = _OVER
        case HoldOpened() | DriftFound() | GateExpired():
            found = _UNDECIDED
        case HoldResolved(number=number):
            found = Standing(number, _NEVER)
        case TaskResolved(number=number):
            found = Standing(_NEVER, number)
        case _:
            found = None
    return found


def is_late(stored: StoredEvent, before: Standing) -> bool:
    """Tell whether a decision about a task changes nothing, since the task has gone on; false for any other event.

    What the engine decides (it gives up what is held when the run is to end) is the record of what it did.
    """
    event = stored.event
    if stored.actor.kind == "engine":
        return False
    if isinstance(event, HoldResolved):
        return event.number <= before.closed
    return isinstance(event, TaskResolved) and event.number <= before.settled


_UNKNOWN, _UNDECIDED, _OVER = Standing(), Standing(-1, _NEVER), Standing(_NEVER, _NEVER)
_DECIDES = frozenset({GateApproved, GateDeclined, ManualAnswered, HoldResolved, TaskResolved})


class _Asked:
    """What a gate asks, and what it was answered."""

    def __init__(self, opened: GateOpened) -> None:
        self.opened = opened
        self.approved: set[str] = set()
        self.decided = ""

    def copy(self) -> "_Asked":
        """Give another one that knows the same."""
        other = _Asked(self.opened)
        other.approved, other.decided = set(self.approved), self.decided
        return other


class CountedAnswers:
    """Tells of each answer, in the order of the journal, whether it counts; `take` every event that does.

    What it was never told of is no objection.

    Args:
        whole: it is told every event of the run. A tally leaves attempts out, and decisions that count for nothing.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._whole = whole
        self._gates: dict[str, _Asked] = {}
        self._over: set[str] = set()  # gates that are no longer open
        # A number stands for what nearly all events leave: an attempt begun, or (inverted) one that ended well.
        self._standing: dict[str, Standing | int] = {}

    def copy(self) -> "CountedAnswers":
        """Give another one that was told the same."""
        other = CountedAnswers(whole=self._whole)
        other._gates = {task: asked.copy() for task, asked in self._gates.items()}
        other._over, other._standing = set(self._over), dict(self._standing)
        return other

    def objection(self, stored: StoredEvent) -> str | None:
        """Say why an answer or decision changes nothing, None when it counts (or is none).

        The engine answers no gates, so that an answer is looked at whoever is said to have given it.
        """
        event = stored.event
        if type(event) not in _DECIDES:  # (nearly all events, so it is asked first)
            return None
        if isinstance(event, HoldResolved | TaskResolved):
            if not self._whole or not is_late(stored, self._stands(event.task)):
                return None
            if isinstance(event, HoldResolved):
                return "it waits for no decision: somebody decided before, or it went on"
            return "that attempt is not in doubt: somebody said so before, or it ended"
        return self._gate_objection(stored.run, event) if isinstance(event, GateAnswer) else None

    def _gate_objection(self, run: str, answer: GateAnswer) -> str | None:
        asked = self._gates.get(answer.task)
        if asked is None:
            return None
        opened = asked.opened
        void = answer_problem(run, opened, answer)
        # (Answers from before it was recorded name no plan.)
        other = answer.fingerprint != opened.fingerprint and (answer.fingerprint or isinstance(answer, GateApproved))
        objections = (
            (void is not None, void),
            (bool(asked.decided), f"the gate was {asked.decided} already"),
            (answer.task in self._over, "the gate is not open"),
            (bool(other), "the answer is to another plan"),
            (isinstance(answer, GateApproved) and answer.person in asked.approved, f"{answer.person} approved already"),
            (
                isinstance(answer, GateApproved) and answer.person == opened.requester,
                f"{answer.person} asked for this run, and somebody else must approve",
            ),
        )
        return next((text for applies, text in objections if applies), None)

    def _stands(self, task: str) -> Standing:
        found = self._standing.get(task, _UNKNOWN)
        if isinstance(found, Standing):
            return found
        return Standing(found, found - 1) if found >= 0 else Standing(~found, _NEVER)

    def take(self, event: Event) -> None:
        """Take note of an event that counts."""
        now: Standing | int | None
        # The two events that a long run has hundreds of thousands of come first, and leave a number.
        if isinstance(event, AttemptStarted):
            now = event.number
        elif (
            isinstance(event, AttemptFinished)
            and event.outcome not in _FAILED
            and not (event.in_doubt or event.unbegun)
        ):
            now = ~event.number
        else:
            now = standing(event)
            if now is None:
                self._take_answer(event)
                return
        task: str = event.task  # type: ignore[union-attr]  # what moves a task has one
        self._standing[task] = now
        if isinstance(event, GateOpened):
            self._gates[task] = _Asked(event)
            self._over.discard(task)
        elif task in self._gates:
            self._over.add(task)

    def _take_answer(self, event: Event) -> None:
        asked = self._gates.get(event.task) if isinstance(event, GateAnswer) else None
        if asked is None or not isinstance(event, GateAnswer):
            return
        if isinstance(event, GateApproved):
            asked.approved.add(event.person)
            if len(asked.approved) >= asked.opened.quorum:
                asked.decided = f"approved by {', '.join(sorted(asked.approved))}"
        else:
            asked.decided = f"{'answered' if isinstance(event, ManualAnswered) else 'declined'} by {event.person}"

    def counted(self, stored: StoredEvent) -> StoredEvent:
        """Give an event as it counts: of an answer that does not, the refusal; of such a decision, a note."""
        problem = self.objection(stored)
        if problem is None:
            self.take(stored.event)
            return stored
        event = stored.event
        if isinstance(event, GateAnswer):
            return stored._replace(event=AnswerRefused(task=event.task, person=event.person, reason=problem))
        said = event.decision if isinstance(event, HoldResolved) else f"resolved as {getattr(event, 'truth', '')}"
        text = f"{said} {getattr(event, 'task', '')} ({getattr(event, 'reason', '')}) does not count: {problem}"
        return stored._replace(event=NoteAdded(text=text))
