"""Which attempts workers make: those on targets that an inventory gives a queue, when the journal can hold orders."""

import re
from collections.abc import Iterable, Iterator

from runbook_engine.app.project import OpenProject
from runbook_engine.model.config import Config
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import InvalidInputError, JournalError
from runbook_engine.model.inventory import LOCALHOST, Inventory, Target
from runbook_engine.model.journal_address import postgresql_url, sqlite_file
from runbook_engine.model.plan import Plan
from runbook_engine.model.rules import diagnostic

VARIABLE = "queue"
# PostgreSQL's channels have names of 63 bytes, of which procrastinate needs 23.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_MANY = 5


def queue_of(inventory: Inventory, target: Target) -> str | None:
    """Name a target's queue; None for one whose attempts are made by the engine itself.

    The implicit `localhost` is the machine that runs the engine, whatever group `all` says.
    """
    if target.name == LOCALHOST and LOCALHOST not in inventory.targets:
        return None
    value = target.variables.get(VARIABLE)
    return None if value is None or value == "" else str(value)


def check_name(queue: str) -> None:
    """Make sure that a name can be a queue's.

    Raises:
        InvalidInputError: it can't.
    """
    if not _NAME.fullmatch(queue):
        hint = "letters, digits, '.', '_' and '-', at most 40 of them, such as eu-west-1"
        raise InvalidInputError(f"{queue!r} can't be the name of a queue", hint=hint)


def database(config: Config) -> str | None:
    """Give the address of the database that orders can be kept in; None when the journal is a file."""
    return None if sqlite_file(config.journal) is not None else postgresql_url(config.journal)


def queues_of(plan: Plan) -> dict[str, list[str]]:
    """Give the plan's queues, each with the targets that it is to serve."""
    found: dict[str, dict[str, None]] = {}
    for task in plan.tasks:
        queue = queue_of(plan.inventory, plan.target(task.target))
        if queue is not None:
            found.setdefault(queue, {})[task.target] = None
    return {queue: list(targets) for queue, targets in found.items()}


def uses_queues(config: Config) -> bool:
    """Whether the targets' queues mean anything: `dispatcher = "threads"` says that this process does it all."""
    return config.dispatcher != "threads"


def queue_problems(
    project: OpenProject, inventory: Inventory, targets: Iterable[Target], file: str = ""
) -> Iterator[Diagnostic]:
    """Say which targets' queues can't be served, whoever works; `file`: where the inventory is, if not by its name."""
    if not uses_queues(project.config):
        return
    queued = {target.name: queue for target in targets if (queue := queue_of(inventory, target)) is not None}
    here = Location(file=file or inventory.name)
    for queue in dict.fromkeys(queued.values()):
        try:
            check_name(queue)
        except InvalidInputError as error:
            named = _named([name for name, one in queued.items() if one == queue])
            yield diagnostic("RB242", here, f"{named}: {VARIABLE} {error.message}", error.hint)
    if queued and database(project.config) is None:
        message = (
            f"{_named(list(queued))}: {VARIABLE} names a queue of workers, and the journal is a file:"
            " only one in PostgreSQL holds orders for them"
        )
        hint = 'set journal = "postgresql://…", or dispatcher = "threads" to run it all from here, in runbook.toml'
        yield diagnostic("RB241", here, message, hint)


def unserved(project: OpenProject, plan: Plan) -> list[Diagnostic]:
    """Warn of the plan's queues that nobody serves now, or that are served by another version than this one."""
    queues = queues_of(plan) if uses_queues(project.config) else {}
    url = database(project.config)
    if not queues or url is None:
        return []
    from runbook_engine.app.workers import list_workers

    here = Location(file=plan.inventory.name)
    try:
        workers = list_workers(url)
    except JournalError as error:
        return [diagnostic("RB243", here, f"who serves the queues can't be told: {error.message}", error.hint)]
    found = []
    for queue, targets in queues.items():
        serving = [worker for worker in workers if queue in worker.queues and worker.state == "works"]
        if not serving:
            message = f"no worker serves the queue {queue} now, which {_named(targets)} wait for"
            found.append(diagnostic("RB243", here, message, f"start one there: runbook worker --queue {queue}"))
        found += [
            diagnostic("RB243", here, f"the worker on {worker.host} (queue {queue}) refuses orders: {worker.skew}")
            for worker in serving
            if worker.skew
        ]
    return found


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more
