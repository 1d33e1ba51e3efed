"""How a run's end is written down."""

from typing import Literal

from runbook_engine.execution.messages import Messages
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import RunClosed
from runbook_engine.model.outcome import Outcome

RunEnded = Literal["succeeded", "failed", "aborted"]


def close_run(state: RunState, recorder: Recorder, messages: Messages, *, well: bool, tasks: int | None) -> RunEnded:
    """Write down how a run ended whose every task is over, and give its status.

    While nobody knows what became of one of its attempts, it has not succeeded, whatever was tolerated. A dry run has
    not succeeded, either, when a message that the run would owe could not be sent: it counts as a task not proven.

    Args:
        well: whether every step ended well.
        tasks: the plan's number of tasks, for a dry run to say which share of them it proved; None for others.
    """
    unproven_end = any(task.unproven_end for task in state.tasks.values())
    well = well and not unproven_end and not messages.unsendable
    status: RunEnded = "aborted" if state.abort is not None else "succeeded" if well else "failed"
    messages.close(status)
    recorder.flush()
    marks, rta, rpa = state.marks.achieved(status)
    counts: dict[Outcome, int] = {}
    for task in state.tasks.values():
        if task.outcome is not None:
            counts[task.outcome] = counts.get(task.outcome, 0) + 1
    drifted = sum(task.drift is not None for task in state.tasks.values())
    proven = recorder.proven(tasks + messages.unsendable) if tasks is not None else None
    recorder.add(
        RunClosed(status=status, clocks=marks, rta=rta, rpa=rpa, proven=proven, counts=counts, drifted=drifted)
    )
    recorder.flush()
    return status
