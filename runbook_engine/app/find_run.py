"""Finds a run by what a person types: its id, the beginning of it, or `last`."""

from runbook_engine.model.errors import UsageError
from runbook_engine.model.event import MONITOR
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.ports.journal import Glance, RunHead

_MOST_SHOWN = 5


def find_record(journal: Glance, name: str) -> RunHead:
    """Give the run of that id (see `find_run`), or a record of the monitor's: by its id, or (`monitor`) the newest.

    Raises:
        UsageError: there is none, or more than one.
    """
    if name == MONITOR:
        newest = journal.monitor_records(limit=1)
        if not newest:
            raise UsageError("the journal has no record of the monitor's", hint="`runbook monitor` makes one")
        return newest[0]
    exact = journal.head(name)
    return exact if exact is not None else find_run(journal, name)


def find_run(journal: Glance, name: str) -> RunHead:
    """Give the run of that id, the only one whose id begins so, or (`last`) the newest.

    Raises:
        UsageError: there is none, or more than one.
    """
    if name == "last":
        newest = journal.runs(limit=1)
        if not newest:
            raise UsageError("the journal has no runs yet", hint="`runbook run NAME --dry-run` makes one")
        return newest[0]
    exact = journal.head(name)
    if exact is not None and exact.mode == MONITOR:
        hint = f"`runbook audit log {name}` lists its events"
        raise UsageError(f"{name} is a record of the monitor's, and no run", hint=hint)
    if exact is not None:
        return exact
    runs = journal.runs()
    found = [run for run in runs if run.id.startswith(name)] if name else []
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(run.id for run in found[:_MOST_SHOWN]) + (", …" if len(found) > _MOST_SHOWN else "")
        raise UsageError(f"{len(found)} runs begin with {name!r}: {shown}", hint="type more of the id")
    hint = did_you_mean(name, [run.id for run in runs])
    raise UsageError(f"there is no run {name!r}", hint=hint or "`runbook runs` lists them; `last` is the newest")
