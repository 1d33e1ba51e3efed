"""Images and volume snapshots as backups: what each is a copy of, and the time its data is from."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, AwsParams
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import SOURCE_TAG, recovery_point, tags_of
from runbook_engine.sdk import ActionContext, AwsAnswer, AwsError, PositiveDuration, ServiceUnreachableError

# The console and Data Lifecycle Manager name a copy's source in its description.
_DESCRIBED = re.compile(r"\b((?:snap|ami)-[0-9a-f]+)\b")


class BackupCheckParams(AwsParams):
    """Where copies come from, and how old their data may be."""

    source_region: str | None = Field(
        None,
        pattern=REGION,
        description="region that copies come from: it is asked when the original was made, which EC2 does not say of a "
        "copy",
        examples=["us-east-1"],
    )
    max_age: PositiveDuration | None = Field(None, description="greatest age of its data", examples=["24h"])


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that EC2 keeps.

    Attributes:
        made: when it, not what it is a copy of, was made.
        tagged: the time its data is from by our tag.
        origin: id of what it is a copy of; empty when it is none or EC2 does not say.
    """

    id: str
    state: str
    made: datetime
    tagged: datetime | None
    origin: str
    item: AwsAnswer

    def taken(self, originals: Mapping[str, datetime]) -> datetime:
        """Give the time that its data is from, as far as it is known; its own time at the latest."""
        return self.tagged or originals.get(self.origin, self.made)

    def is_dated(self, originals: Mapping[str, datetime]) -> bool:
        """Whether that time is its data's, and not just a copy's own."""
        return not self.origin or self.tagged is not None or self.origin in originals


def kept(item: AwsAnswer, name: str, made: datetime) -> Kept:
    """Read an image or a snapshot as EC2 describes it, whose id is under `name`."""
    tags = tags_of(item.get("Tags"))
    described = _DESCRIBED.search(item.get("Description") or "") if name == "SnapshotId" else None
    origin = tags.get(SOURCE_TAG, "").rpartition("/")[2] or item.get("SourceImageId") or ""
    return Kept(
        id=item[name],
        state=item.get("State", ""),
        made=made,
        tagged=recovery_point(tags),
        origin=origin or (described[1] if described else ""),
        item=item,
    )


def originals(context: ActionContext, region: str | None, found: Iterable[Kept]) -> dict[str, datetime]:
    """Give the times of what is in the source region, by id.

    A region that does not answer keeps nobody from looking at the copies: their own times must do then.
    """
    try:
        return {one.id: one.taken({}) for one in found}
    except ServiceUnreachableError:
        context.progress(f"{region} does not answer; copies are judged by their own time")
    except AwsError as error:
        if trouble(error) is not Trouble.TRANSIENT:
            raise
        context.progress(f"{region} says {error.code}; copies are judged by their own time")
    return {}


def newest(found: Iterable[Kept], there: Mapping[str, datetime]) -> Kept | None:
    """Choose the one with the newest data."""
    return max(found, key=lambda one: (one.taken(there), one.id), default=None)


def undated(one: Kept, there: Mapping[str, datetime]) -> str:
    """Say so when only a copy's own time is known."""
    return "" if one.is_dated(there) else " (a copy; when its original was made is not known)"
