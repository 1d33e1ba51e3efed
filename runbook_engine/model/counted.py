"""Which of the answers and decisions in a run count: of two about the same question, the first. The one rule for it."""

from runbook_engine.model.event import (
    AnswerRefused,
    AttemptFinished,
    AttemptStarted,
    DriftFound,
    Event,
    GateApproved,
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


class _Asked:
    """What a gate asks, and what it was answered."""

    def __init__(self, opened: GateOpened) -> None:
        self.opened = opened
        self.approved: set[str] = set()
        self.decided = ""


class CountedAnswers:
    """Tells of each answer, in the order of the journal, whether it counts; `take` every event that does.

    What it was never told of (a tally leaves attempts out) is no objection.
    """

    def __init__(self) -> None:
        self._gates: dict[str, _Asked] = {}
        self._over: set[str] = set()  # gates that are no longer open
        self._closed: dict[str, int] = {}  # up to which attempt of a task nothing is to be decided (any more)
        self._settled: dict[str, int] = {}  # up to which attempt of a task nothing is in doubt (any more)

    def objection(self, stored: StoredEvent) -> str | None:
        """Say why an answer or decision changes nothing, None when it counts (or is none).

        What the engine decides (it gives up what is held when the run is to end) is the record of what it did; it
        answers no gates, so that an answer is looked at whoever is said to have given it.
        """
        event = stored.event
        if stored.actor.kind == "engine" and not isinstance(event, GateAnswer):
            return None
        if isinstance(event, HoldResolved):
            late = event.number <= self._closed.get(event.task, -1)
            return "it waits for no decision: somebody decided before, or it went on" if late else None
        if isinstance(event, TaskResolved):
            late = event.number <= self._settled.get(event.task, -1)
            return "that attempt is not in doubt: somebody said so before, or it ended" if late else None
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

    def take(self, event: Event) -> None:
        """Take note of an event that counts."""
        match event:
            case AttemptStarted():
                self._closed[event.task], self._settled[event.task] = event.number, event.number - 1
                self._over.add(event.task)
            case AttemptFinished():
                self._end(event)
            case TaskSkipped() | TaskBlocked():
                self._closed[event.task] = _NEVER
                self._over.add(event.task)
            case TaskResolved():
                self._settled[event.task] = event.number
            case HoldResolved():
                self._closed[event.task] = max(event.number, self._closed.get(event.task, 0))
            case HoldOpened() | DriftFound() | GateExpired():
                self._closed.pop(event.task, None)
                self._over.add(event.task)
            case GateOpened():
                self._gates[event.task] = _Asked(event)
                self._closed[event.task] = _NEVER
                self._over.discard(event.task)
            case _:
                self._take_answer(event)

    def _end(self, event: AttemptFinished) -> None:
        self._over.add(event.task)
        if event.in_doubt:
            self._settled[event.task] = event.number - 1
        else:
            self._settled[event.task] = event.number
        if event.outcome in _FAILED and not event.in_doubt:
            self._closed.pop(event.task, None)
        else:
            self._closed[event.task] = event.number

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
