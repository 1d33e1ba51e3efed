"""The gates that a run waits at: opened, answered from any terminal, expired."""

from dataclasses import dataclass
from datetime import datetime

from runbook_engine.execution.gates import gate_verdict
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import (
    Phase,
    TaskState,
)
from runbook_engine.model.event import (
    AnswerRefused,
    AttemptFinished,
    Event,
    GateExpired,
    GateOpened,
)
from runbook_engine.model.outcome import Outcome, satisfied
from runbook_engine.model.signed_answer import GateAnswer, answer_problem


@dataclass(frozen=True, slots=True)
class GateEnd:
    """A gate is decided: the event that says so, and what it means for the steps that wait for it."""

    index: int
    event: Event
    outcome: Outcome


class OpenGates:
    """Keeps the open gates; `tasks` has the index in the plan of each by its task's id."""

    def __init__(self, state: RunState, recorder: Recorder) -> None:
        self._state = state
        self._recorder = recorder
        self.tasks: dict[str, int] = {}

    def reach(self, index: int, opened: GateOpened, now: datetime) -> GateEnd | None:
        """Open a gate, or go on with one that was opened before and may have been answered meanwhile.

        One that expired while nobody waited at it is recorded as expired, and asked anew.
        """
        state = self._state.task(opened.task)
        earlier = state.opened if state.phase is Phase.GATE else None
        expired = earlier is not None and gate_verdict(state) is None and _is_over(earlier, now)
        if expired:
            self._recorder.add(GateExpired(task=opened.task))
        if earlier is None or expired or _is_another(state, opened):
            self._recorder.add(opened)
        self.tasks[opened.task] = index
        return self._opens(opened.task, now) or self.settle(opened.task)

    @property
    def asking(self) -> list[str]:
        """Name the gates that wait for people, and not for a time."""
        return [task for task in self.tasks if not self._is_timed(task)]

    @property
    def timed(self) -> bool:
        """Whether a gate waits for a time."""
        return any(self._is_timed(task) for task in self.tasks)

    def heed(self, answer: GateAnswer) -> GateEnd | None:
        """Give the end of a gate that somebody answered, None while it is open; a void signature is recorded."""
        opened = self._state.task(answer.task).opened
        problem = answer_problem(self._state.run, opened, answer) if opened is not None else None
        if problem is not None:
            self._recorder.add(AnswerRefused(task=answer.task, person=answer.person, reason=problem))
        return self.settle(answer.task)

    def settle(self, task: str) -> GateEnd | None:
        """Give the end of a gate that was approved or declined; None while it is open (or is none of ours)."""
        state = self._state.task(task)
        verdict = gate_verdict(state) if task in self.tasks else None
        if verdict is None:
            return None
        well = Outcome.CHANGED if state.answered is not None else Outcome.UNCHANGED
        outcome = well if verdict.approved else Outcome.FAILED
        event = AttemptFinished(
            task=task,
            number=state.attempts + 1,
            outcome=outcome,
            finding=satisfied(verdict.text, outputs=verdict.outputs) if verdict.approved else None,
            outputs=verdict.outputs,
            error="" if verdict.approved else verdict.text,
        )
        return GateEnd(self.tasks.pop(task), event, outcome)

    def expire(self, now: datetime) -> list[GateEnd]:
        """Give the ends of the gates whose time has come, or that nobody answered in time."""
        ended = [end for task in list(self.tasks) if (end := self._opens(task, now)) is not None]
        for task, index in list(self.tasks.items()):
            opened = self._state.task(task).opened
            if opened is not None and _is_over(opened, now):
                del self.tasks[task]
                ended.append(GateEnd(index, GateExpired(task=task), Outcome.FAILED))
        return ended

    def _is_timed(self, task: str) -> bool:
        opened = self._state.task(task).opened
        return opened is not None and opened.opens_at is not None

    def _opens(self, task: str, now: datetime) -> GateEnd | None:
        """Give the end of a gate whose time has come."""
        state = self._state.task(task)
        at = state.opened.opens_at if state.opened is not None else None
        if at is None or at > now:
            return None
        event = AttemptFinished(
            task=task,
            number=state.attempts + 1,
            outcome=Outcome.UNCHANGED,
            finding=satisfied(f"open since {at.isoformat(timespec='seconds')}"),
        )
        return GateEnd(self.tasks.pop(task), event, Outcome.UNCHANGED)


def _is_another(earlier: TaskState, opened: GateOpened) -> bool:
    """Whether a gate must be asked anew: the plan is another, or nobody decided yet and other keys count now."""
    before = earlier.opened
    if before is None or before.fingerprint != opened.fingerprint or before.opens_at != opened.opens_at:
        return True
    undecided = gate_verdict(earlier) is None
    return undecided and (before.signed, before.signers) != (opened.signed, opened.signers)


def _is_over(opened: GateOpened, now: datetime) -> bool:
    return opened.expires_at is not None and opened.expires_at <= now
