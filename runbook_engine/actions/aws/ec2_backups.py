"""Images and volume snapshots as backups: what each is a copy of, and the time its data is from."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, AwsParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import SOURCE_TAG, recovery_point, tags_of
from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsClient,
    AwsError,
    PositiveDuration,
    ServiceUnreachableError,
)

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


@dataclass(frozen=True, slots=True)
class Choice:
    """The backup with the newest data, and how much is known of its time."""

    kept: Kept
    taken: datetime
    note: str


def choose(
    params: BackupCheckParams,
    context: ActionContext,
    listed: Callable[[AwsClient], Iterator[Kept]],
    *,
    ready: str,
    what: str,
    hint: str,
) -> Choice:
    """Choose the complete backup with the newest data.

    Args:
        listed: lists the backups of a region, those that are not complete as well.
        ready: the state of one that is complete.
        what: what is looked for, in words: `available image web-*`.
        hint: what to do when there is none at all.

    Raises:
        ActionFailedError: there is none.
    """
    here = list(listed(client(params, context, "ec2")))
    there = _originals(params, context, listed)
    complete = [one for one in here if one.state == ready]
    if not complete:
        states = ", ".join(sorted({one.state for one in here}))
        raise ActionFailedError(
            f"there is no {what} in {params.region}", hint=f"there are some that are {states}" if states else hint
        )
    found = max(complete, key=lambda one: (one.taken(there), one.id))
    note = "" if found.is_dated(there) else " (a copy; when its original was made is not known)"
    return Choice(found, found.taken(there), note)


def _originals(
    params: BackupCheckParams, context: ActionContext, listed: Callable[[AwsClient], Iterator[Kept]]
) -> dict[str, datetime]:
    """Give the times of what is in the source region, by id.

    A region that does not answer keeps nobody from looking at the copies: their own times must do then.
    """
    if params.source_region is None:
        return {}
    try:
        return {one.id: one.taken({}) for one in listed(client(params, context, "ec2", region=params.source_region))}
    except ServiceUnreachableError:
        why = "does not answer"
    except AwsError as error:
        if trouble(error) is not Trouble.TRANSIENT:
            raise
        why = f"says {error.code}"
    context.progress(f"{params.source_region} {why}; copies are judged by their own time")
    return {}
