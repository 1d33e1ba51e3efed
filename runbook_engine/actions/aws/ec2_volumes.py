"""Volumes as values, and those that a restore of ours made, known by the tag that holds the restore's name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.actions.aws.ec2_copies import find_one
from runbook_engine.actions.aws.marks import MANAGED_BY, MANAGED_TAG, as_utc, recovery_point, tag_value, tags_of
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import AwsAnswer, AwsClient

VOLUME_TAG = "dr:volume"
READY = frozenset({"available"})
USED = frozenset({"in-use"})
TERMINAL = frozenset({"error"})
GONE = frozenset({"deleted", "deleting"})


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; `snapshot` is what it was made from."""

    id: str
    state: str
    snapshot: str
    size: int
    zone: str
    encrypted: bool
    made: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Seen:
        """How far it is."""
        return Seen(self.state)

    @property
    def recovery_point(self) -> datetime | None:
        """The time its data is from, as noted in its tags."""
        return recovery_point(self.tags)


def find_volumes(ec2: AwsClient, name: str) -> list[Volume]:
    """Give the volumes that restores of this name made and that are not deleted, by id."""
    wanted = {VOLUME_TAG: tag_value(name), MANAGED_TAG: MANAGED_BY}
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in wanted.items()]
    found = [_volume(item) for item in ec2.pages("describe_volumes", "Volumes", Filters=filters)]
    return sorted((one for one in found if one.state not in GONE), key=lambda one: one.id)


def find_volume(ec2: AwsClient, identifier: str) -> Volume | None:
    """Describe a volume by its id, None when there is none (any more)."""
    found = find_one(ec2, "describe_volumes", "Volumes", VolumeIds=[identifier])
    return None if found is None or found.get("State") in GONE else _volume(found)


def _volume(item: AwsAnswer) -> Volume:
    made = item.get("CreateTime")
    return Volume(
        id=str(item["VolumeId"]),
        state=str(item.get("State", "")),
        snapshot=str(item.get("SnapshotId") or ""),
        size=int(item.get("Size", 0)),
        zone=str(item.get("AvailabilityZone", "")),
        encrypted=bool(item.get("Encrypted")),
        made=as_utc(made) if made is not None else None,
        tags=tags_of(item.get("Tags")),
    )
