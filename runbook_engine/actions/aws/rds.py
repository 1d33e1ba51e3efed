"""RDS as values: instances and snapshots as AWS describes them, and whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import as_utc, is_ours, recovery_point, tags_of
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import AwsAnswer, AwsClient

SOURCE_INSTANCE_TAG = "dr:source-instance"
SNAPSHOT_TAG = "dr:source-snapshot"
READY = frozenset({"available", "storage-optimization"})
TERMINAL = frozenset(
    {
        "deleting",
        "failed",
        "incompatible-create",
        "incompatible-credentials",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "inaccessible-encryption-credentials",
        "insufficient-capacity",
        "restore-error",
        "stopped",
        "storage-full",
    }
)


@dataclass(frozen=True, slots=True)
class Instance:
    """A DB instance; `host` and `port` are there once it is made."""

    name: str
    arn: str
    status: str
    host: str = ""
    port: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    replica_of: str = ""
    latest_restorable: datetime | None = None
    made: datetime | None = None

    @property
    def ours(self) -> bool:
        """Whether an action of this product restored it."""
        return is_ours(self.tags)

    @property
    def recovery_point(self) -> datetime | None:
        """The time its data is from, as noted in its tags."""
        return recovery_point(self.tags)

    @property
    def seen(self) -> Seen:
        """How far it is."""
        return Seen(self.status)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A DB snapshot.

    Attributes:
        source: the instance that it is of.
        taken: when its data is from.
        copied_from: ARN of the snapshot that it is a copy of; empty when it is none.
    """

    name: str
    arn: str
    source: str
    status: str
    taken: datetime
    percent: float | None = None
    encrypted: bool = False
    copied_from: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Seen:
        """How far it is."""
        return Seen(self.status, self.percent)


def find_instance(rds: AwsClient, name: str) -> Instance | None:
    """Describe an instance, None when there is none of that name."""
    found: list[AwsAnswer] = []
    with passing_over(Trouble.NOT_FOUND):
        found = rds.call("describe_db_instances", DBInstanceIdentifier=name).get("DBInstances") or []
    return _instance(found[0]) if found else None


def find_snapshot(rds: AwsClient, name: str) -> Snapshot | None:
    """Describe a snapshot by its id or ARN, None when there is none of that name."""
    found: list[AwsAnswer] = []
    with passing_over(Trouble.NOT_FOUND):
        found = rds.call("describe_db_snapshots", DBSnapshotIdentifier=name).get("DBSnapshots") or []
    return _snapshot(found[0]) if found else None


def snapshots_of(rds: AwsClient, source: str) -> list[Snapshot]:
    """List the snapshots of an instance that are here, those with the newest data first."""
    items = rds.pages("describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=source)
    # A snapshot that is still being made has no time yet.
    snapshots = [_snapshot(item) for item in items if item.get("SnapshotCreateTime")]
    return sorted(snapshots, key=lambda snapshot: snapshot.taken, reverse=True)


def _instance(item: AwsAnswer) -> Instance:
    endpoint, latest, made = (
        item.get("Endpoint") or {},
        item.get("LatestRestorableTime"),
        item.get("InstanceCreateTime"),
    )
    return Instance(
        name=item["DBInstanceIdentifier"],
        arn=item.get("DBInstanceArn", ""),
        status=item["DBInstanceStatus"],
        host=endpoint.get("Address", ""),
        port=int(endpoint.get("Port", 0)),
        tags=tags_of(item.get("TagList")),
        replica_of=item.get("ReadReplicaSourceDBInstanceIdentifier") or "",
        latest_restorable=as_utc(latest) if latest is not None else None,
        made=as_utc(made) if made is not None else None,
    )


def _snapshot(item: AwsAnswer) -> Snapshot:
    # SnapshotCreateTime changes when a snapshot is copied to another region; the data is as old as the original.
    taken = item.get("OriginalSnapshotCreateTime") or item.get("SnapshotCreateTime") or datetime.min.replace(tzinfo=UTC)
    return Snapshot(
        name=item["DBSnapshotIdentifier"],
        arn=item.get("DBSnapshotArn", ""),
        source=item.get("DBInstanceIdentifier", ""),
        status=item.get("Status", ""),
        taken=as_utc(taken),
        percent=item.get("PercentProgress"),
        encrypted=bool(item.get("Encrypted")),
        copied_from=item.get("SourceDBSnapshotIdentifier") or "",
        tags=tags_of(item.get("TagList")),
    )
