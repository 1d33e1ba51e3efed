"""The gates that a run waits at: opened, answered from any terminal, expired."""

from dataclasses import dataclass
from datetime import datetime

from runbook_engine.execution.gates import gate_verdict
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import Phase, RunState
from runbook_engine.model.event import AttemptFinished, Event, GateExpired, GateOpened
from runbook_engine.model.outcome import Outcome, satisfied


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
        if earlier is None or expired or earlier.fingerprint != opened.fingerprint:
            self._recorder.add(opened)
        self.tasks[opened.task] = index
        return self.settle(opened.task)

    def settle(self, task: str) -> GateEnd | None:
        """Give the end of a gate that was approved or declined; None while it is open (or is none of ours)."""
        state = self._state.task(task)
        verdict = gate_verdict(state) if task in self.tasks else None
        if verdict is None:
            return None
        outcome = Outcome.UNCHANGED if verdict.approved else Outcome.FAILED
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
        """Give the ends of the gates that nobody answered in time."""
        ended = []
        for task, index in list(self.tasks.items()):
            opened = self._state.task(task).opened
            if opened is not None and _is_over(opened, now):
                del self.tasks[task]
                ended.append(GateEnd(index, GateExpired(task=task), Outcome.FAILED))
        return ended


def _is_over(opened: GateOpened, now: datetime) -> bool:
    return opened.expires_at is not None and opened.expires_at <= now
