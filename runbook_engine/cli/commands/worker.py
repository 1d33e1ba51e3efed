"""runbook worker: make attempts that are ordered by way of a queue."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

import click

from runbook_engine.app.metrics_address import Address
from runbook_engine.app.project import open_project
from runbook_engine.app.worker import QueueWorker
from runbook_engine.app.worker_metrics import WorkerMetrics
from runbook_engine.cli.address import AddressType
from runbook_engine.cli.documented import documented
from runbook_engine.cli.service_manager import notify
from runbook_engine.cli.signals import SIGNALS, ignore_signals
from runbook_engine.cli.terminal import say
from runbook_engine.model.errors import ExitCode

_FORKS = 10


@documented
@click.option(
    "--queue",
    "queues",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A queue to serve: what the inventory's variable `queue` says of its targets. May be repeated.",
)
@click.option(
    "--forks",
    type=click.IntRange(1, 1000),
    default=_FORKS,
    show_default=True,
    metavar="N",
    help="Greatest number of attempts at once.",
)
@click.option(
    "--metrics",
    type=AddressType(),
    metavar="ADDRESS",
    help="Offer metrics to Prometheus there: PORT or HOST:PORT; without a host at the loopback only.",
)
def worker(queues: tuple[str, ...], forks: int, metrics: Address | None) -> int:
    """Make the attempts on targets whose `queue` is served here, until it is told to stop.

    Start it in a copy of the project, at the commit that runs are made with, on a machine that reaches these targets.
    It takes its orders from the journal's PostgreSQL database, resolves secrets itself, and reaches nobody but that
    database and its targets. SIGTERM (or Ctrl-C) once: it takes nothing more, and what runs ends; twice: that is
    cancelled, too. When the database goes away, what runs goes on, and is reported when it is back.

    Examples:
      runbook worker --queue eu-west-1
      RUNBOOK_JOURNAL=postgresql://worker@db.example.com/journal runbook worker --queue us-east-1 --queue us-west-2
    """
    offered = WorkerMetrics(queues, forks) if metrics is not None else None
    made = QueueWorker(open_project(), queues, forks, _say, offered)
    came: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        made.stop()

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        with _offering(offered, metrics):
            notify("READY=1")
            made.run()
    finally:
        ignore_signals()
        notify("STOPPING=1")
        sys.stderr.flush()
    return ExitCode.INTERRUPTED if signal.SIGINT in came else ExitCode.OK


@contextmanager
def _offering(offered: WorkerMetrics | None, address: Address | None) -> Iterator[None]:
    """Offer metrics while the block lasts, when they are wanted."""
    if offered is None or address is None:
        yield
        return
    from runbook_engine.app.metrics_server import metrics_server

    with metrics_server(offered, address) as there:
        _say(f"metrics: http://{there}/metrics")
        yield


def _say(text: str) -> None:
    say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {text}")
