"""What a restore makes and a clean-up may remove, one class a kind: found by name or ARN, and deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from runbook_engine.actions.aws.dynamodb_tables import find_table
from runbook_engine.actions.aws.ec2_copies import find_one
from runbook_engine.actions.aws.ec2_instances import GONE, find_instances
from runbook_engine.actions.aws.ec2_volumes import USED, find_volume, find_volumes
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import as_utc, tags_of
from runbook_engine.actions.aws.rds import find_instance
from runbook_engine.sdk import AwsClient


@dataclass(frozen=True, slots=True)
class Thing:
    """One resource.

    Attributes:
        id: by which it is deleted.
        made: when, where the service says so.
        kept: why it can't be deleted now; empty when it can.
        going: whether it is being deleted already.
    """

    id: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    made: datetime | None = None
    kept: str = ""
    going: bool = False


class Kind(Protocol):
    """A kind of resource; `service` is the client's."""

    service: str

    def named(self, aws: AwsClient, name: str) -> list[Thing]:
        """Find what a step of a runbook restored under a name."""
        ...

    def find(self, aws: AwsClient, identifier: str) -> Thing | None:
        """Find one by its id; None when it is gone."""
        ...

    def delete(self, aws: AwsClient, identifier: str) -> None:
        """Begin to delete it."""
        ...


class Tables:
    """DynamoDB tables; the name is the id."""

    service = "dynamodb"

    def named(self, aws: AwsClient, name: str) -> list[Thing]:
        """Find the table."""
        found = self.find(aws, name)
        return [found] if found is not None else []

    def find(self, aws: AwsClient, identifier: str) -> Thing | None:
        """Find the table; DynamoDB gives the tags only of one that is active."""
        table = find_table(aws, identifier, with_tags=True)
        if table is None:
            return None
        protected = "protected against deletion" if table.protected else ""
        going = table.status == "DELETING"
        busy = "" if going or table.status in {"ACTIVE", "UPDATING"} else f"still {table.status}"
        return Thing(table.name, table.status, table.tags, table.created, protected or busy, going=going)

    def delete(self, aws: AwsClient, identifier: str) -> None:
        """Delete the table."""
        aws.call("delete_table", TableName=identifier)


class Volumes:
    """EBS volumes that `aws.ebs_restore` made, or AWS Backup."""

    service = "ec2"

    def named(self, aws: AwsClient, name: str) -> list[Thing]:
        """Find the volumes of a restore."""
        return [found for one in find_volumes(aws, name) if (found := self.find(aws, one.id)) is not None]

    def find(self, aws: AwsClient, identifier: str) -> Thing | None:
        """Find a volume."""
        volume = find_volume(aws, identifier)
        if volume is None:
            return None
        return Thing(volume.id, volume.state, volume.tags, volume.made, "attached" if volume.state in USED else "")

    def delete(self, aws: AwsClient, identifier: str) -> None:
        """Delete the volume."""
        aws.call("delete_volume", VolumeId=identifier)


class Instances:
    """EC2 instances that `aws.ec2_launch` launched, or AWS Backup."""

    service = "ec2"

    def named(self, aws: AwsClient, name: str) -> list[Thing]:
        """Find the instances of a launch."""
        ids = [one.id for one in find_instances(aws, name)]
        return [found for one in ids if (found := self.find(aws, one)) is not None]

    def find(self, aws: AwsClient, identifier: str) -> Thing | None:
        """Find an instance; EC2 shows one for an hour after it was terminated."""
        reservation = find_one(aws, "describe_instances", "Reservations", InstanceIds=[identifier])
        item = next(iter((reservation or {}).get("Instances") or ()), None)
        state = str((item or {}).get("State", {}).get("Name", ""))
        if item is None or state == "terminated":
            return None
        made = item.get("LaunchTime")
        return Thing(
            id=str(item["InstanceId"]),
            state=state,
            tags=tags_of(item.get("Tags")),
            made=as_utc(made) if made is not None else None,
            going=state in GONE,
        )

    def delete(self, aws: AwsClient, identifier: str) -> None:
        """Terminate the instance."""
        aws.call("terminate_instances", InstanceIds=[identifier])


class Databases:
    """DB instances; deleted without a last snapshot, for what they were restored from is still there."""

    service = "rds"

    def named(self, aws: AwsClient, name: str) -> list[Thing]:
        """Find the DB instance."""
        found = self.find(aws, name)
        return [found] if found is not None else []

    def find(self, aws: AwsClient, identifier: str) -> Thing | None:
        """Find the DB instance."""
        instance = find_instance(aws, identifier)
        if instance is None:
            return None
        going = instance.status == "deleting"
        return Thing(instance.name, instance.status, instance.tags, instance.made, going=going)

    def delete(self, aws: AwsClient, identifier: str) -> None:
        """Delete the DB instance."""
        aws.call("delete_db_instance", DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)


KINDS: dict[str, Kind] = {
    "database": Databases(),
    "instance": Instances(),
    "table": Tables(),
    "volume": Volumes(),
}


def by_arn(arn: str) -> tuple[Kind, str] | None:
    """Tell kind and id from an ARN; None for a kind that may be something else than what a restore made anew."""
    service, rest = (arn.split(":", 5) + [""] * 6)[2:6:3]
    kind, _, identifier = rest.replace(":", "/", 1).partition("/")
    known = {
        ("dynamodb", "table"): "table",
        ("ec2", "volume"): "volume",
        ("ec2", "instance"): "instance",
        ("rds", "db"): "database",
    }.get((service, kind))
    return (KINDS[known], identifier) if known is not None and "/" not in identifier else None


def begin(kind: Kind, aws: AwsClient, identifier: str) -> None:
    """Begin to delete it; what somebody (an earlier attempt, perhaps) deleted meanwhile is as good."""
    with passing_over(Trouble.NOT_FOUND):
        kind.delete(aws, identifier)
