"""runbook monitor: watch the triggers of runbooks, and tell people when they have to know."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

import click

from runbook_engine.app.clock import SteadyClock
from runbook_engine.app.metrics_address import Address
from runbook_engine.app.monitor import Monitor, MonitorOptions, MonitorResult
from runbook_engine.app.monitor_world import ProjectWorld
from runbook_engine.app.project import OpenProject, actor, open_project
from runbook_engine.cli.address import AddressType
from runbook_engine.cli.documented import documented
from runbook_engine.cli.findings import say_findings
from runbook_engine.cli.listeners import EventLines, Listeners
from runbook_engine.cli.monitor_lines import MonitorLines, Warnings
from runbook_engine.cli.options import inventory_option, output_option
from runbook_engine.cli.service_manager import notify
from runbook_engine.cli.signals import SIGNALS, ignore_signals
from runbook_engine.cli.terminal import result, say
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import ExitCode, UsageError
from runbook_engine.model.event import Actor
from runbook_engine.model.names import format_duration, parse_duration
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener
from runbook_engine.reporting.alarm_text import alarm_title


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a duration as a runbook writes it."""
        try:
            found = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found < timedelta(seconds=1):
            self.fail("a look a second is the most", param, ctx)
        return found


@documented
@click.argument("names", nargs=-1, metavar="[RUNBOOK]...")
@inventory_option
@click.option("--once", is_flag=True, help="Look once and end: 1 when an alarm stands or a trigger can't be told.")
@click.option(
    "--every", type=_Duration(), metavar="TIME", help="Time between two looks, such as 60s; default: runbook.toml's."
)
@click.option(
    "--metrics",
    type=AddressType(),
    metavar="ADDRESS",
    help="Offer metrics to Prometheus there: PORT or HOST:PORT; without a host at the loopback only.",
)
@output_option("text", "ndjson")
def monitor(
    names: tuple[str, ...],
    inventories: tuple[str, ...],
    every: timedelta | None,
    metrics: Address | None,
    output: str,
    *,
    once: bool,
) -> int:
    """Watch the triggers of runbooks, and tell people when they have to know.

    Looks at the conditions of the named runbooks (of all in `runbooks/`), with hands that can only read. When one has
    held as long as its `for` says, the runbook is proposed: people are told, over the channels of runbook.toml, the
    exact command. Nothing is ever started. Once for one incident, over restarts and pages that flap; a page that can't
    be read for ten minutes is told as well. All that is seen and told stands in the journal: `runbook audit log
    monitor`. One monitor works at a time, a second one ends with 5. SIGTERM and SIGHUP end it in order, with 0.

    Examples:
      runbook monitor -i production
      runbook monitor region-failover --once
      runbook monitor --output ndjson
      runbook monitor -i production --metrics 9464
    """
    if once and metrics is not None:
        raise UsageError("--metrics is for a monitor that stays", hint="leave --once out")
    project = open_project()
    journal = project.journal(create=True)
    try:
        return _monitor(project, journal, names, inventories, every, output, metrics, once=once)
    finally:
        journal.close()


def _monitor(
    project: OpenProject,
    journal: Journal,
    names: tuple[str, ...],
    inventories: tuple[str, ...],
    every: timedelta | None,
    output: str,
    metrics: Address | None,
    *,
    once: bool,
) -> int:
    clock, stop = SteadyClock(), CancelSignal()
    world = ProjectWorld(project, journal, clock, stop, names, inventories)
    say_findings(list(world.list.warnings), {})
    if not world.channels:
        say("note: runbook.toml names nobody to tell (monitor.tell): alarms are printed and recorded, and no more")
    listener: Listener = Listeners([EventLines(), Warnings()]) if output == "ndjson" else MonitorLines()
    speaker = actor(project.team)
    interval = every or project.config.monitor.every
    told = Monitor(
        journal=journal,
        world=world,
        clock=clock,
        stop=stop,
        listener=listener,
        actor=Actor(kind="engine", name="monitor", os_user=speaker.os_user, host=speaker.host),
        holder=this_process(),
        inventory=world.list.inventory.name,
        options=MonitorOptions(every=interval.total_seconds(), once=once),
        on_round=lambda: notify("WATCHDOG=1"),
    )
    with _stopping(stop) as number, _offering(project, told, metrics):
        told.begin()
        for alarm in told.board.all_standing():
            say(f"stands since {alarm.at:%Y-%m-%d %H:%M:%S}: {alarm_title(alarm)}")
        if not once:
            say(f"watching {len(world.watches)} triggers on {told.inventory}, every {format_duration(interval)}")
            notify("READY=1")
        found = told.run()
        notify("STOPPING=1")
        world.close()
    if once:
        return _tell_once(found, output)
    return ExitCode.INTERRUPTED if signal.SIGINT in number else ExitCode.OK


@contextmanager
def _offering(project: OpenProject, told: Monitor, address: Address | None) -> Iterator[None]:
    """Offer metrics while the block lasts, when it is wanted."""
    if address is None:
        yield
        return
    from runbook_engine.app.metrics import Metrics
    from runbook_engine.app.metrics_server import metrics_server

    metrics = Metrics(project, told.clock)
    told.on_look = metrics.looked
    with metrics_server(metrics, address) as there:
        say(f"metrics: http://{there}/metrics")
        yield


def _tell_once(found: MonitorResult, output: str) -> int:
    tell = say if output == "ndjson" else result
    for alarm in found.standing:
        tell(f"stands: {alarm_title(alarm)}")
    for name in found.unknown:
        tell(f"unknown: {name}")
    if not found.standing and not found.unknown:
        say("no alarm stands, and every trigger can be told")
    return ExitCode.FAILED if found.standing or found.unknown else ExitCode.OK


@contextmanager
def _stopping(stop: CancelSignal) -> Iterator[list[int]]:
    """Let signals end the monitor in order until the block ends; gives those that came."""
    came: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        # In a thread: the handler may come while this one holds the signal's lock.
        threading.Thread(target=stop.set, name="stop", daemon=True).start()

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield came
    finally:
        ignore_signals()
        sys.stdout.flush()
