"""The use case `workers`: who serves which queue, and what they do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from runbook_engine import version
from runbook_engine.model.base import Frozen
from runbook_engine.model.errors import JournalError, JournalUnavailableError


class WorkerOrder(Frozen):
    """An order that a worker makes now."""

    run: str
    task: str
    since: datetime


class WorkerView(Frozen):
    """A worker as people are shown it.

    Attributes:
        state: `works`; `drains`: takes nothing more; `silent`: its heartbeat stands still, and it is soon given up.
        skew: why it refuses this machine's orders; empty when it takes them.
    """

    id: str
    queues: tuple[str, ...]
    host: str
    pid: int
    version: str
    slots: int
    state: Literal["works", "drains", "silent"]
    started_at: datetime
    heartbeat: datetime
    runs: tuple[WorkerOrder, ...] = ()
    skew: str = ""


class WaitingOrder(Frozen):
    """A task whose attempt no worker has begun.

    Attributes:
        served: whether any worker serves the queue now.
    """

    task: str
    queue: str
    served: bool


@contextmanager
def explained() -> Iterator[None]:
    """Say what it means that the database can't hold orders, or can't be asked.

    Raises:
        JournalError: that.
    """
    from runbook_engine.dispatchers.queue_list import NoSchemaError, RefusedError, UnreachableError

    try:
        yield
    except NoSchemaError as error:
        raise JournalError(
            f"the journal's database can't hold orders for workers: {error}",
            hint="whoever owns it runs: runbook journal upgrade (or init, where no journal is yet)",
        ) from error
    except RefusedError as error:
        raise JournalError(
            f"the journal's database refuses this role what orders for workers need: {error}",
            hint="whoever owns it runs: runbook journal init --worker-role ROLE (--app-role ROLE for who runs)",
        ) from error
    except UnreachableError as error:
        raise JournalUnavailableError(f"the journal's database can't be reached: {error}") from error


def list_workers(url: str) -> list[WorkerView]:
    """Ask the database which workers there are.

    Raises:
        JournalError: it can't be reached, or has no tables for orders.
    """
    from runbook_engine.dispatchers.queue_list import workers_and_orders

    with explained():
        found = workers_and_orders(url)
    own = version()
    return [
        WorkerView(
            **facts,
            runs=tuple(WorkerOrder(run=run, task=task, since=since) for run, task, since in orders),
            skew="" if facts["version"] == own else f"it is of version {facts['version']}, and this one of {own}",
        )
        for facts, orders in found
    ]


def waiting_orders(url: str, run: str) -> list[WaitingOrder]:
    """Ask the database which tasks of a run wait for a worker.

    Raises:
        JournalError: it can't be reached, or has no tables for orders.
    """
    from runbook_engine.dispatchers.queue_list import orders_not_begun

    with explained():
        return [
            WaitingOrder(task=task, queue=queue, served=served) for task, queue, served in orders_not_begun(url, run)
        ]
