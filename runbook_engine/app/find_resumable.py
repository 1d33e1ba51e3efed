"""Finds the run that is meant when somebody goes on without naming one."""

from runbook_engine.app.from_run import continued_by
from runbook_engine.app.undo import taken_back_by
from runbook_engine.model.errors import UsageError
from runbook_engine.ports.journal import Journal, RunHead

_MOST_SHOWN = 5


def find_resumable(journal: Journal, *, take_over: bool = False) -> RunHead:
    """Give the newest run that can be resumed and that no other run took back or went on from.

    Args:
        take_over: the run that another process holds is meant, if there is one.

    Raises:
        UsageError: there is none, or more than one is held.
    """
    heads = [head for head in journal.runs() if not head.pruned]
    held = {head.id for head in heads if head.status == "open" and journal.lease(f"run:{head.id}") is not None}
    if take_over and held:
        return _only(heads, held)
    for head in heads:
        if head.status == "open" and head.id not in held:
            return head
        if head.status == "failed" and not taken_back_by(journal, head.id) and not continued_by(journal, head.id):
            return head
    raise UsageError("no run can be resumed", hint="`runbook runs` lists them, `runbook status` shows a running one")


def _only(heads: list[RunHead], held: set[str]) -> RunHead:
    found = [head for head in heads if head.id in held]
    if len(found) > 1:
        shown = ", ".join(head.id for head in found[:_MOST_SHOWN]) + (", …" if len(found) > _MOST_SHOWN else "")
        hint = "name the one whose holder is gone: runbook resume RUN --take-over"
        raise UsageError(f"{len(found)} runs are held by other processes: {shown}", hint=hint)
    return found[0]
