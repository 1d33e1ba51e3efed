"""The lab as a whole: starts everything in order, writes `lab.json` when all is ready, and ends everything."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runbook_engine.lab import lock
from runbook_engine.lab.assembly import HOSTS, SERVERS, Parts, Wishes, addresses, start_parts
from runbook_engine.lab.aws import ACCOUNT
from runbook_engine.lab.backups import Backups
from runbook_engine.lab.breaks import Broken
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import StateFolder, write_atomically
from runbook_engine.lab.parent import is_gone
from runbook_engine.lab.project_files import write_project_files
from runbook_engine.lab.second_cloud import OnMain

__all__ = ["HOSTS", "SERVERS", "LabOptions", "run_lab"]

LOOK_SECONDS = 1.0
LEVER_SECONDS = 90.0  # a machine that rehearses may be a busy one; `client` waits a little longer


@dataclass(frozen=True, slots=True)
class LabOptions:
    """What the lab is asked to be. Times are seconds (no snapshots with 0); a server without a port gets a free one.

    `lock` is an open file that holds the folder's lock already; without it the lock is taken.
    """

    state: Path
    ready_file: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    restore_polls: int = 3
    snapshot_age: float = 240.0
    broken_region: str | None = None
    parent_pid: int | None = None
    ttl: float = 3600.0
    snapshot_every: float = 0.0
    capacity: bool = False
    lock: int | None = None


Command = Callable[[], None]


def run_lab(options: LabOptions, announce: Callable[[str], None]) -> None:
    """Run the lab until a signal, the end of its parent or its time ends it; raises LabError if it cannot start."""
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: commands.put(None))
    started = datetime.now(UTC)
    deadline = time.monotonic() + options.ttl
    with contextlib.ExitStack() as ending:
        folder = _claim(options, ending)
        wishes = Wishes(
            folder, started, options.ports, options.restore_polls, options.snapshot_age, capacity=options.capacity
        )
        moved: list[Parts] = []
        on_main = _on_main(commands)

        def move(what: Broken, broken: bool) -> None:
            on_main(lambda: moved[0].damage.change(what, broken=broken))

        parts = start_parts(wishes, move, on_main, ending)
        moved.append(parts)
        if options.broken_region is not None:
            parts.damage.change(Broken("app", options.broken_region), broken=True)
            parts.damage.control.switch({"aws": "degraded", "aws_region": options.broken_region})
        lab = addresses(parts, wishes, started + timedelta(seconds=options.ttl))
        for path in (folder.record, *folder.for_the_user):
            ending.callback(path.unlink, missing_ok=True)
        write_project_files(lab, folder)
        parts.log.switch_to(folder.request_log)
        write_atomically(folder.record, lab.model_dump_json(indent=2).encode() + b"\n")
        if options.ready_file is not None:
            write_atomically(options.ready_file.absolute(), f"{folder.record}\n".encode())
        announce(f"lab ready: {folder.record}")
        announce(f"lab ends: {_serve(options, folder, parts, commands, deadline, announce)}")


def _claim(options: LabOptions, ending: contextlib.ExitStack) -> StateFolder:
    """Take the folder for this lab alone and clear what an earlier lab left in it."""
    folder = StateFolder(options.state.absolute())
    held = options.lock if options.lock is not None else lock.claim(folder)
    if held is None:
        raise LabError(f"a lab is running in {folder.root} already", "stop it, or choose another folder")
    ending.callback(os.close, held)
    os.set_inheritable(held, False)  # noqa: FBT003 -- os's own signature; the hosts' processes are not to hold it
    lock.write_holder(held, os.getpid())
    for path in folder.folders:
        shutil.rmtree(path, ignore_errors=True)
    folder.record.unlink(missing_ok=True)
    folder.mail.mkdir()
    return folder


def _on_main(commands: queue.SimpleQueue[Command | None]) -> OnMain:
    """A function for any thread that has the main thread do something, and waits for it."""

    def carry_out(job: Command) -> None:
        done: Future[None] = Future()

        def command() -> None:
            try:
                job()
            except (LabError, OSError) as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        commands.put(command)
        try:
            done.result(LEVER_SECONDS)
        except TimeoutError as error:
            raise LabError(f"the lab did not do it within {LEVER_SECONDS:.0f} s", "look at its log") from error

    return carry_out


def _serve(
    options: LabOptions,
    folder: StateFolder,
    parts: Parts,
    commands: queue.SimpleQueue[Command | None],
    deadline: float,
    announce: Callable[[str], None],
) -> str:
    """Carry out commands, and start hosts again that ended by themselves, until it is time to end; returns why."""
    parent_pid = options.parent_pid
    direct = parent_pid == os.getppid()
    backups = Backups(ACCOUNT, parts.damage, parts.route, options.snapshot_every)
    while True:
        try:
            command = commands.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            for name in parts.damage.fleet.revive():
                announce(f"{name} ended by itself and was started again")
            for taken in backups.tick():
                announce(f"took the snapshot {taken}")
        else:
            if command is None:
                return "asked to"
            command()
        if parent_pid is not None and (is_gone(parent_pid) or (direct and os.getppid() != parent_pid)):
            return f"process {parent_pid} is gone"
        if time.monotonic() > deadline:
            return "its time is over"
        if not folder.marker.exists():  # nobody could find this lab any more
            return f"{folder.root} is gone"
