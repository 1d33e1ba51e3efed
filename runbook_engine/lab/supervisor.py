"""The lab as a whole: starts everything in order, writes `lab.json` when all is ready, and ends everything."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
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

from runbook_engine.lab import aws, dataset, deploy, release, restore_bridge, seed
from runbook_engine.lab.addresses import Address, AppAddress, LabAddresses, ReleaseFile
from runbook_engine.lab.control import ControlServer, Levers
from runbook_engine.lab.dns_server import DnsServer
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import StateFolder, write_atomically
from runbook_engine.lab.hosts import HostFleet
from runbook_engine.lab.mail import Mailbox, MailServer
from runbook_engine.lab.parent import is_gone
from runbook_engine.lab.request_log import RequestLog

HOSTS = {
    "primary-1": seed.PRIMARY,
    "primary-2": seed.PRIMARY,
    "standby-1": seed.STANDBY,
    "standby-2": seed.STANDBY,
}
SERVERS = ("aws", "dns", "status", "smtp")
ROWS_IN_SNAPSHOT = 500
ROWS_SINCE = 6
COPY_TAKES = timedelta(seconds=60)
LOOK_SECONDS = 1.0
LEVER_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class LabOptions:
    """What the lab is asked to be. Times are seconds; a server without a port gets a free one."""

    state: Path
    ready_file: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    restore_polls: int = 3
    snapshot_age: float = 240.0
    broken_region: str | None = None
    parent_pid: int | None = None
    ttl: float = 3600.0


Command = Callable[[], None]


def run_lab(options: LabOptions, announce: Callable[[str], None]) -> None:
    """Run the lab until a signal, the end of its parent or its time ends it; raises LabError if it cannot start."""
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: commands.put(None))
    started = datetime.now(UTC)
    deadline = time.monotonic() + options.ttl
    with contextlib.ExitStack() as ending:
        folder = _claim(options.state.absolute(), ending)
        lab = _start(options, folder, started, commands, ending)
        ending.callback(folder.record.unlink, missing_ok=True)
        write_atomically(folder.record, lab.model_dump_json(indent=2).encode() + b"\n")
        if options.ready_file is not None:
            write_atomically(options.ready_file.absolute(), f"{folder.record}\n".encode())
        announce(f"lab ready: {folder.record}")
        announce(f"lab ends: {_serve(commands, deadline, options.parent_pid)}")


def _claim(state: Path, ending: contextlib.ExitStack) -> StateFolder:
    """Take the folder for this lab alone and clear what an earlier lab left in it."""
    folder = StateFolder(state)
    old = [folder.data, folder.hosts, folder.releases, folder.mail]
    if not folder.marker.exists() and (foreign := [path for path in old if path.exists()]):
        raise LabError(f"{foreign[0]} exists and was not made by a lab", "choose an empty folder for --state")
    state.mkdir(parents=True, exist_ok=True)
    marker = ending.enter_context(folder.marker.open("a"))
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LabError(f"a lab is running in {state} already", "stop it, or choose another folder") from error
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    folder.record.unlink(missing_ok=True)
    folder.mail.mkdir()
    return folder


def _start(
    options: LabOptions,
    folder: StateFolder,
    started: datetime,
    commands: queue.SimpleQueue[Command | None],
    ending: contextlib.ExitStack,
) -> LabAddresses:
    """Start all servers and processes; each is put on `ending` as soon as there is something to end."""
    taken = started - timedelta(seconds=options.snapshot_age)
    snapshot = f"reviews-{taken:%Y-%m-%d-%H%M}"
    database = folder.database(seed.PRIMARY, seed.INSTANCE)
    dataset.create_database(database, ROWS_IN_SNAPSHOT, taken)
    releases = {version: release.build_release(version, folder.releases) for version in release.CHANGES}
    fleet = HostFleet(folder.hosts, HOSTS, options.ports)
    ending.callback(fleet.close)
    for host in fleet.hosts:
        if host.region == seed.PRIMARY:
            current = deploy.Release(releases[release.CURRENT], release.CURRENT, database, host.region)
            deploy.deploy(host.folder, current)
    fleet.start()

    log = RequestLog(folder.seed_request_log)
    cloud = aws.AwsServer(log, restore_bridge.DataPlane(folder, options.restore_polls), options.ports.get("aws", 0))
    ending.callback(cloud.stop)
    cloud.start()
    snapshot_file = folder.snapshots / f"{snapshot}.sqlite"
    plan = seed.SeedPlan(cloud.endpoint, snapshot, database, folder.releases)
    zone_id = seed.seed(plan)
    copied = min(taken + COPY_TAKES, started)
    times = {(seed.PRIMARY, snapshot): (taken, taken), (seed.STANDBY, snapshot): (copied, taken)}
    restore_bridge.backdate_snapshots(aws.ACCOUNT, times)
    for number in range(ROWS_SINCE):  # what a failover to the snapshot will lose
        at = taken + (number + 1) * (started - taken) / (ROWS_SINCE + 1)
        dataset.add_review(database, dataset.APPS[number % len(dataset.APPS)], 4, "Written after the snapshot.", at)

    names = DnsServer(aws.hosted_zones, options.ports.get("dns", 0))
    ending.callback(names.stop)
    names.start()
    mail = MailServer(Mailbox(folder.mail), options.ports.get("smtp", 0))
    ending.callback(mail.stop)
    mail.start()
    levers = Levers(fleet, mail.mailbox, HOSTS, _region_lever(fleet, commands))
    control = ControlServer(levers, options.ports.get("status", 0))
    ending.callback(control.stop)
    control.start()
    fleet.wait_ready()
    if options.broken_region is not None:
        fleet.stop(options.broken_region)
        control.switch({"aws": "degraded", "aws_region": options.broken_region})
    log.switch_to(folder.request_log)

    return LabAddresses(
        pid=os.getpid(),
        started_at=started,
        expires_at=started + timedelta(seconds=options.ttl),
        aws_endpoint=cloud.endpoint,
        aws_account=aws.ACCOUNT,
        primary_region=seed.PRIMARY,
        standby_region=seed.STANDBY,
        request_log=folder.request_log,
        db_instance=seed.INSTANCE,
        snapshot_id=snapshot,
        snapshot_created_at=taken,
        snapshot_file=snapshot_file,
        snapshot_manifest=snapshot_file.with_suffix(".manifest.json"),
        buckets=dict(seed.BUCKETS),
        hosted_zone=seed.ZONE,
        hosted_zone_id=zone_id,
        app_name=seed.APP_NAME,
        dns=Address(host=names.address[0], port=names.address[1]),
        status_url=control.url,
        smtp=Address(host=mail.address[0], port=mail.address[1]),
        mail_dir=folder.mail,
        apps={host.name: AppAddress(url=host.url, dir=host.folder, region=host.region) for host in fleet.hosts},
        data_dir=folder.data,
        version=release.CURRENT,
        releases={
            version: ReleaseFile(file=file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
            for version, file in releases.items()
        },
        restore_polls=options.restore_polls,
    )


def _region_lever(fleet: HostFleet, commands: queue.SimpleQueue[Command | None]) -> Callable[[str, bool], None]:
    """A function for any thread that has the main thread start or end a region's hosts, and waits for it."""

    def set_region(region: str, up: bool) -> None:
        done: Future[None] = Future()

        def move() -> None:
            try:
                if up:
                    fleet.start(region)
                    fleet.wait_ready()
                else:
                    fleet.stop(region)
            except LabError as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        commands.put(move)
        try:
            done.result(LEVER_SECONDS)
        except TimeoutError as error:
            raise LabError(f"{region} was not moved within {LEVER_SECONDS:.0f} s", "look at /_lab/state") from error

    return set_region


def _serve(commands: queue.SimpleQueue[Command | None], deadline: float, parent_pid: int | None) -> str:
    """Carry out commands until it is time to end; returns why."""
    direct = parent_pid == os.getppid()
    while True:
        try:
            command = commands.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            pass
        else:
            if command is None:
                return "asked to"
            command()
        if parent_pid is not None and (is_gone(parent_pid) or (direct and os.getppid() != parent_pid)):
            return f"process {parent_pid} is gone"
        if time.monotonic() > deadline:
            return "its time is over"
