"""Puts the lab together: starts its parts in order, and says where they are."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from runbook_engine.lab import (
    aws,
    dataset,
    deploy,
    dns_server,
    release,
    restore_bridge,
    seed,
    seed_backups,
    seed_standby,
)
from runbook_engine.lab.addresses import Address, AppAddress, LabAddresses, ReleaseFile
from runbook_engine.lab.breaks import Broken, spoken
from runbook_engine.lab.control import ControlServer, Levers
from runbook_engine.lab.damage import Damage
from runbook_engine.lab.faults import Faults
from runbook_engine.lab.files import StateFolder
from runbook_engine.lab.front import FrontServer, Route
from runbook_engine.lab.hosts import HostFleet
from runbook_engine.lab.mail import Mailbox, MailServer
from runbook_engine.lab.request_log import RequestLog
from runbook_engine.lab.second_cloud import OnMain, SecondCloud
from runbook_engine.lab.table_bridge import TableBridge
from runbook_engine.lab.vaults import Vaults

HOSTS = {
    "primary-1": seed.PRIMARY,
    "primary-2": seed.PRIMARY,
    "standby-1": seed.STANDBY,
    "standby-2": seed.STANDBY,
}
SERVERS = ("aws", "dns", "status", "smtp", "front", "aws-2")
ROWS_IN_SNAPSHOT = 500
ROWS_SINCE = 6
COPY_TAKES = timedelta(seconds=60)

Move = Callable[[Broken, bool], None]
"""What a lever calls, from any thread: break (true) or mend (false) one thing, and return when that is done."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of the parts. `snapshot_age` is in seconds; a part without a port gets a free one.

    `capacity` asks for what stands by besides data, which takes a second to make.
    """

    folder: StateFolder
    started: datetime
    ports: Mapping[str, int]
    restore_polls: int
    snapshot_age: float
    capacity: bool = False

    def port(self, name: str) -> int:
        """The port asked for, or 0 for any."""
        return self.ports.get(name, 0)


@dataclass(frozen=True, slots=True)
class Data:
    """The app's data and releases, before anything serves them."""

    taken: datetime
    snapshot: str
    database: Path
    releases: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that runs."""

    data: Data
    cloud: aws.AwsServer
    zone_id: str
    log: RequestLog
    front: FrontServer
    route: Route
    damage: Damage


def start_parts(wishes: Wishes, move: Move, on_main: OnMain, ending: contextlib.ExitStack) -> Parts:
    """Start all servers and processes; each is put on `ending` as soon as there is something to end."""
    folder = wishes.folder
    data = _make_data(wishes)
    fleet = _start_hosts(wishes, data, ending)
    log, faults = RequestLog(folder.seed_request_log), Faults()
    plane = restore_bridge.DataPlane(folder, wishes.restore_polls)
    second = SecondCloud(folder.second_cloud, aws.ACCOUNT, wishes.port("aws-2"), on_main)
    ending.callback(second.stop)
    if wishes.capacity:  # what stands by needs it; it gets ready while the rest is made
        second.begin()
    tables = TableBridge(second.endpoint)
    vaults = Vaults(aws.ACCOUNT, tables)
    both = vaults.serving(tables.serving(second.serve))
    cloud = aws.AwsServer(log, plane, wishes.port("aws"), faults=faults, second=both)
    ending.callback(cloud.stop)
    cloud.start()
    zone_id = _fill_cloud(wishes, data, cloud.endpoint, vaults)
    names = dns_server.DnsServer(aws.hosted_zones, wishes.port("dns"))
    ending.callback(names.stop)
    names.start()
    mail = MailServer(Mailbox(folder.mail), wishes.port("smtp"))
    ending.callback(mail.stop)
    mail.start()

    def route() -> Sequence[str]:
        return _serving_hosts(names, fleet)

    front = FrontServer(route, wishes.port("front"))
    ending.callback(front.stop)
    front.start()
    broken: set[Broken] = set()
    levers = Levers(
        fleet=fleet,
        mail=mail.mailbox,
        regions=HOSTS,
        damage=move,
        broken=lambda: spoken(set(broken)),
        mailbox=folder.mail,
        links={"the app": f"{front.url}/", "its mail": "/mail"},
    )
    control = ControlServer(levers, wishes.port("status"))
    ending.callback(control.stop)
    control.start()
    fleet.wait_ready()
    return Parts(
        data, cloud, zone_id, log, front, route, Damage(fleet, faults, plane, names, mail, control, tables, broken)
    )


def addresses(parts: Parts, wishes: Wishes, expires: datetime) -> LabAddresses:
    """Say where everything is."""
    folder, damage, data = wishes.folder, parts.damage, parts.data
    snapshot_file = folder.snapshots / f"{data.snapshot}.sqlite"
    return LabAddresses(
        pid=os.getpid(),
        started_at=wishes.started,
        expires_at=expires,
        aws_endpoint=parts.cloud.endpoint,
        aws_account=aws.ACCOUNT,
        primary_region=seed.PRIMARY,
        standby_region=seed.STANDBY,
        request_log=folder.request_log,
        db_instance=seed.INSTANCE,
        snapshot_id=data.snapshot,
        snapshot_created_at=data.taken,
        snapshot_file=snapshot_file,
        snapshot_manifest=snapshot_file.with_suffix(".manifest.json"),
        buckets=dict(seed.BUCKETS),
        hosted_zone=seed.ZONE,
        hosted_zone_id=parts.zone_id,
        app_name=seed.APP_NAME,
        dns=_address(damage.names.address),
        status_url=damage.control.url,
        front_url=parts.front.url,
        smtp=_address(damage.mail.address),
        mail_dir=folder.mail,
        apps={host.name: AppAddress(url=host.url, dir=host.folder, region=host.region) for host in damage.fleet.hosts},
        data_dir=folder.data,
        version=release.CURRENT,
        releases={
            version: ReleaseFile(file=file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
            for version, file in data.releases.items()
        },
        restore_polls=wishes.restore_polls,
    )


def _make_data(wishes: Wishes) -> Data:
    taken = wishes.started - timedelta(seconds=wishes.snapshot_age)
    database = wishes.folder.database(seed.PRIMARY, seed.INSTANCE)
    dataset.create_database(database, ROWS_IN_SNAPSHOT, taken)
    releases = {version: release.build_release(version, wishes.folder.releases) for version in release.CHANGES}
    return Data(taken, f"reviews-{taken:%Y-%m-%d-%H%M}", database, releases)


def _start_hosts(wishes: Wishes, data: Data, ending: contextlib.ExitStack) -> HostFleet:
    """Start the hosts; those of the primary region serve the app, the others are standbys."""
    fleet = HostFleet(wishes.folder.hosts, HOSTS, wishes.ports)
    ending.callback(fleet.close)
    for host in fleet.hosts:
        if host.region == seed.PRIMARY:
            current = deploy.Release(data.releases[release.CURRENT], release.CURRENT, data.database, host.region)
            deploy.deploy(host.folder, current)
    fleet.start()
    return fleet


def _fill_cloud(wishes: Wishes, data: Data, endpoint: str, vaults: Vaults) -> str:
    """Put the app's resources into the cloud, and then reviews that the snapshot lacks; gives the zone's id."""
    zone_id = seed.seed(seed.SeedPlan(endpoint, data.snapshot, data.database, wishes.folder.releases))
    if wishes.capacity:
        seed_standby.seed_standby(endpoint)
        seed_backups.seed_backups(endpoint, aws.ACCOUNT, vaults)
    copied = min(data.taken + COPY_TAKES, wishes.started)
    times = {
        (seed.PRIMARY, data.snapshot): (data.taken, data.taken),
        (seed.STANDBY, data.snapshot): (copied, data.taken),
    }
    restore_bridge.backdate_snapshots(aws.ACCOUNT, times)
    for number in range(ROWS_SINCE):  # what a failover to the snapshot will lose
        at = data.taken + (number + 1) * (wishes.started - data.taken) / (ROWS_SINCE + 1)
        dataset.add_review(
            data.database, dataset.APPS[number % len(dataset.APPS)], 4, "Written after the snapshot.", at
        )
    return zone_id


def _serving_hosts(names: dns_server.DnsServer, fleet: HostFleet) -> Sequence[str]:
    """Where the app's name leads now: to the hosts of a region, or nowhere."""
    name = names.canonical_name(seed.APP_NAME)
    region = {f"primary.{seed.ZONE}": seed.PRIMARY, f"standby.{seed.ZONE}": seed.STANDBY}.get(name or "")
    return [host.url for host in fleet.hosts if host.region == region]


def _address(found: tuple[str, int]) -> Address:
    return Address(host=found[0], port=found[1])
