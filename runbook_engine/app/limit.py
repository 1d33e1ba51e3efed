"""What `--limit` stands for: a pattern, the lines of a file, or the hosts that failed in an earlier run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import OpenProject
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import (
    Phase,
    TaskState,
)
from runbook_engine.model.errors import InvalidInputError, NoJournalError, UsageError
from runbook_engine.model.event import RunOpened
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.planning.targets import TargetPatternError, choose_targets, failed_parts, limited_to
from runbook_engine.ports.journal import Glance, RunHead

_MOST_NAMED = 10
_HINT = "`runbook runs` lists runs: @failed:RUN means the hosts that failed in one; @./failed is a file of that name"


@dataclass(frozen=True, slots=True)
class Limited:
    """A limit that was read.

    Attributes:
        limit: what steps are limited to: a pattern, or the names that it stood for; None without a limit.
        hosts: the names, when the pattern alone does not say them: with `@` in it. They are kept with the run.
        notes: what people should know.
    """

    limit: str | frozenset[str] | None = None
    hosts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_limit(
    project: OpenProject, inventory: Inventory, runbook: str | None, limit: str | None, *, known: Sequence[str] = ()
) -> Limited:
    """Read a limit; all that is wrong with it is said here, once, and not at each step.

    `@failed` stands for the hosts that failed in the newest finished run of the same runbook on the same inventory
    that was no dry run, `@failed:RUN` for those of the named one.

    Args:
        runbook: None for runs of any.
        known: the names that it stood for when the run was opened; then nothing is looked up.

    Raises:
        InvalidInputError: the pattern names something that is not there.
        UsageError: there is no such run, or nothing failed in it.
    """
    if limit is None:
        return Limited()
    if known:
        return Limited(frozenset(known), tuple(known))
    try:
        if "@" not in limit:
            choose_targets(inventory, "all", limit=limit)
            return Limited(limit)
        parts = failed_parts(limit)
        notes: list[str] = []
        failed = _look_up(project, inventory, runbook, parts, notes) if parts else {}
        hosts = limited_to(inventory, limit, failed)
    except TargetPatternError as error:
        raise InvalidInputError(f"--limit {limit}: {error.message}", hint=error.hint) from None
    if not hosts:
        text = f"--limit {limit} leaves no target of the inventory"
        raise UsageError(f"{text}: {'; '.join(notes)}" if notes else text, hint=_HINT if parts else "")
    return Limited(frozenset(hosts), hosts, tuple(notes))


def newest_finished(journal: Glance, runbook: str, inventory: str) -> RunHead | None:
    """Give the run that `@failed` means: the newest that is over, dry runs left out; None when there is none."""
    runs = _that_did_something(journal, runbook, inventory)
    return next((head for head in runs if head.status != "open"), None)


def failed_hosts(state: RunState) -> tuple[str, ...]:
    """Name the targets of which a task failed, timed out, could not be reached, or ended nobody knows how.

    What was blocked by another's failure is not among them: nothing was tried there.
    """
    return tuple(dict.fromkeys(name.partition("@")[2] for name, task in state.tasks.items() if _is_failed(task)))


def _is_failed(task: TaskState) -> bool:
    if task.phase is Phase.ENDED:
        return task.outcome in {Outcome.FAILED, Outcome.UNREACHABLE}
    return task.phase in {Phase.DOUBT, Phase.RUNNING}


def _look_up(
    project: OpenProject, inventory: Inventory, runbook: str | None, parts: dict[str, str | None], notes: list[str]
) -> dict[str, tuple[str, ...]]:
    """Find the hosts behind each part of the limit; those that the inventory has no more are left out, and told."""
    found: dict[str, tuple[str, ...]] = {}
    journal = project.glance()
    try:
        for part, run in parts.items():
            head = find_run(journal, run) if run else _newest(journal, runbook, inventory.name, notes)
            hosts = _hosts_of(journal, head, inventory)
            gone = [host for host in hosts if host not in inventory.targets]
            found[part] = tuple(host for host in inventory.targets if host in set(hosts))
            notes += _told(part, head, found[part], gone)
    except NoJournalError as error:
        raise UsageError(f"there was no run yet whose failures could be meant: {error.message}") from error
    finally:
        journal.close()
    return found


def _newest(journal: Glance, runbook: str | None, inventory: str, notes: list[str]) -> RunHead:
    """Give the newest finished run that did something; a newer one that can go on is mentioned."""
    for head in _that_did_something(journal, runbook, inventory):
        if head.status != "open":
            return head
        notes.append(f"run {head.id} is newer and not over, and does not count (`runbook resume {head.id}` goes on)")
    of = f" of {runbook}" if runbook else ""
    raise UsageError(
        f"--limit @failed: no run{of} on inventory {inventory} is over (dry runs do not count)",
        hint=_HINT,
    )


def _that_did_something(journal: Glance, runbook: str | None, inventory: str) -> Iterator[RunHead]:
    """Give a runbook's runs on an inventory, newest first, but no dry runs and none that took another one back."""
    for head in journal.runs():
        if head.inventory == inventory and runbook in {None, head.runbook} and head.mode != Mode.DRY_RUN.value:
            opened = journal.tally(head.id).events[0].event
            if not (isinstance(opened, RunOpened) and opened.reverts):
                yield head


def _hosts_of(journal: Glance, head: RunHead, inventory: Inventory) -> list[str]:
    hosts = failed_hosts(RunState(head.id, journal.tally(head.id).events, whole=False))
    return [host for host in hosts if host != LOCALHOST or host in inventory.targets]


def _told(part: str, head: RunHead, hosts: Sequence[str], gone: Sequence[str]) -> Iterator[str]:
    if hosts:
        yield f"{part}: {len(hosts)} hosts of run {head.id}: {_named(hosts)}"
    elif not gone:
        yield f"{part}: no host failed in run {head.id}"
    if gone:
        what = f"{len(gone)} hosts that failed in run {head.id} are not in the inventory any more"
        yield f"{part}: {what}: {_named(gone)}"


def _named(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - _MOST_NAMED} more" if len(hosts) > _MOST_NAMED else ""
    return " ".join(hosts[:_MOST_NAMED]) + more
