"""When a recovery passed its marks, and what that makes of the recovery time and recovery point achieved."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    Clocks,
    GateApproved,
    GateOpened,
    RecoveryPointUsed,
    RunClosed,
    RunOpened,
    StoredEvent,
    TaskResolved,
)
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Mode, Outcome


class Achieved(NamedTuple):
    """The marks, and in seconds the recovery time (`rta`) and recovery point (`rpa`) achieved; None: can't be told."""

    clocks: Clocks
    rta: float | None
    rpa: float | None


def clocks(events: Iterable[StoredEvent], *, status: str | None = None) -> Achieved:
    """Read a run's clocks off its events.

    Declared is when the first gate asked (or the run began, when none did); decided, when the first gate was approved,
    by the last of its quorum; recovered, when the last attempt that changed something ended (messages do not count);
    verified, when the last proof of the state after that ended. A run that did not succeed has verified nothing, and a
    dry run has recovered nothing.

    Args:
        status: how the run ends, for one whose run.closed is yet to be written.
    """
    marks, answers = Marks(), CountedAnswers()
    for stored in map(answers.counted, events):
        marks.take(stored)
    return marks.achieved(status)


@dataclass(slots=True)
class Marks:
    """What was seen so far.

    Attributes:
        told: the steps that only ask or tell people.
        proof: the time of the last proof.
        gates: each gate's quorum, and who approved it.
    """

    mode: Mode | None = None
    told: frozenset[str] = frozenset()
    began: datetime | None = None
    asked: datetime | None = None
    decided: datetime | None = None
    recovered: datetime | None = None
    proof: datetime | None = None
    oldest: datetime | None = None
    closed: str | None = None
    gates: dict[str, tuple[int, set[str]]] = field(default_factory=dict)

    def take(self, stored: StoredEvent) -> None:
        """Take note of one event."""
        event, time = stored.event, stored.time
        match event:
            case AttemptStarted():
                return  # (this and the next are nearly all events, so they are asked first)
            case AttemptFinished(outcome=Outcome.CHANGED | Outcome.UNCHANGED as outcome):
                if not self.told or step_of(event.task) not in self.told:
                    self.recovered, self.proof = time if outcome is Outcome.CHANGED else self.recovered, time
            case RunOpened():
                self.mode, self.began = event.mode, time
                self.told = frozenset(step.id for step in event.steps if step.kind in {"message", "gate"})
            case TaskResolved(truth="done"):
                self.recovered = self.proof = time
            case GateOpened(by_hand=False, opens_at=None):
                self.asked = self.asked or time
                self.gates[event.task] = (event.quorum, set())
            case GateApproved():
                self.decided = self.decided or self._decides(event, time)
            case RecoveryPointUsed():
                self.oldest = min(self.oldest or event.point, event.point)
            case RunClosed():
                self.closed = event.status
            case _:
                # Other kinds of event mark nothing.
                return

    def _decides(self, approval: GateApproved, time: datetime) -> datetime | None:
        """Give the time when this approval is the last that its gate waited for."""
        quorum, people = self.gates.get(approval.task, (1, set()))
        people.add(approval.person)
        return time if len(people) >= quorum else None

    def achieved(self, status: str | None = None) -> Achieved:
        """Give the clocks as `clocks` does."""
        declared = self.asked or self.began
        if self.mode is Mode.DRY_RUN:
            return Achieved(Clocks(declared=declared, decided=self.decided), None, None)
        verified = self.proof if (status or self.closed) == "succeeded" else None
        passed = Clocks(declared=declared, decided=self.decided, recovered=self.recovered, verified=verified)
        return Achieved(passed, _seconds(declared, verified), _seconds(self.oldest, declared))


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """Give the time between two marks; a clock that was set back in between must not make it negative."""
    return None if begin is None or end is None else max(0.0, (end - begin).total_seconds())
