"""What copies of images and of volume snapshots across regions have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import REGION, PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import (
    POINT_TAG,
    SOURCE_TAG,
    age,
    marks,
    recovery_point,
    refuse_foreign,
    refuse_reserved,
    tag_list,
    tags_of,
)
from runbook_engine.actions.aws.waiting import Seen, unsettled, wait_gone, wait_until
from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsClient,
    Finding,
    JsonValue,
    satisfied,
)


class CopyParams(PolledParams):
    """From where, and with which key."""

    source_region: str = Field(pattern=REGION, description="region to copy from", examples=["us-east-1"])
    kms_key: str | None = Field(
        None,
        description="KMS key of the target region to encrypt the copy with; default: the region's EBS key, when the "
        "source is encrypted",
        examples=["alias/dr"],
    )
    tags: dict[str, str] = Field({}, description="tags besides those that tell where it comes from")

    @model_validator(mode="after")
    def _own_tags(self) -> Self:
        refuse_reserved(self.tags)
        return self


def place(params: CopyParams, what: str) -> str:
    """Give what the tag `dr:source` of a copy says: `us-east-1/ami-0123456789abcdef0`."""
    return f"{params.source_region}/{what}"


def find_one(ec2: AwsClient, operation: str, key: str, **asked: object) -> AwsAnswer | None:
    """Describe one thing by its id, None when there is none or it is not shown yet."""
    found: list[AwsAnswer] = []
    with passing_over(Trouble.NOT_FOUND):
        found = ec2.call(operation, **asked).get(key) or []
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class CopyKind:
    """What differs between copies of images and of volume snapshots.

    Attributes:
        noun: in words, such as `image`; with an `s`, EC2's own name of them.
        identity: key of the id in a description.
        owner: the parameter that asks for our own ones only.
        ready: the state of one that is complete.
        terminal: states that do not end by themselves.
        hint: what to do about those.
        seen: how far one is.
        made: the time that an original's data is from; None when EC2 does not say.
    """

    noun: str
    identity: str
    owner: str
    ready: str
    terminal: frozenset[str]
    hint: str
    seen: Callable[[AwsAnswer], Seen]
    made: Callable[[AwsAnswer], datetime | None]

    @property
    def listed(self) -> str:
        """The key under which EC2 lists them."""
        return f"{self.noun.capitalize()}s"

    @property
    def describe(self) -> str:
        """The operation that does."""
        return f"describe_{self.noun}s"

    def rank(self, item: AwsAnswer) -> tuple[bool, bool, str]:
        """Sort one that is complete before one that is being made, and that before one that failed."""
        state = item.get("State", "")
        return state != self.ready, state in self.terminal, str(item[self.identity])


def find_copy(kind: CopyKind, params: CopyParams, ec2: AwsClient, what: str) -> AwsAnswer | None:
    """Find the copy that carries the tag of this source."""
    filters = [{"Name": f"tag:{SOURCE_TAG}", "Values": [place(params, what)]}]
    found = ec2.pages(kind.describe, kind.listed, Filters=filters, **{kind.owner: ["self"]})
    return min(found, key=kind.rank, default=None)


def find_source(kind: CopyKind, params: CopyParams, context: ActionContext, what: str) -> AwsAnswer:
    """Describe the original.

    Raises:
        ActionFailedError: there is none that could be copied.
    """
    there = client(params, context, "ec2", region=params.source_region)
    source = _by_id(kind, there, what)
    if source is None:
        raise ActionFailedError(f"there is no {kind.noun} {what} in {params.source_region}")
    if source.get("State") != kind.ready:
        raise ActionFailedError(f"{kind.noun} {what} is {source.get('State')}, not {kind.ready}")
    return source


def point_of(copy: AwsAnswer) -> datetime | None:
    """Read the time that a copy's data is from out of its tags."""
    return recovery_point(tags_of(copy.get("Tags")))


def standing(
    kind: CopyKind, params: CopyParams, context: ActionContext, copy: AwsAnswer, what: str, **more: JsonValue
) -> Finding:
    """Say how a copy stands; keywords are outputs besides those that all copies have."""
    name, point = copy[kind.identity], point_of(copy)
    going = unsettled(
        f"{kind.noun} {name}",
        kind.seen(copy),
        ready={kind.ready},
        terminal=kind.terminal,
        hint=kind.hint,
        point=point,
        doing="copied",
    )
    if going is not None:
        return going
    outputs: dict[str, JsonValue] = {
        kind.noun: name,
        "source": place(params, what),
        "recovery_point": point.isoformat() if point else "",
        **more,
    }
    words = f"{kind.noun} {name} is a copy of {what} of {params.source_region}{age(point, context)}"
    return satisfied(words, outputs=outputs, recovery_point=point)


def await_copy(kind: CopyKind, params: CopyParams, context: ActionContext, ec2: AwsClient, name: str) -> None:
    """Wait until a copy is complete."""
    what, look = f"{kind.noun} {name}", _looks(kind, ec2, name)
    wait_until(params, context, look, what=what, ready={kind.ready}, terminal=kind.terminal, hint=kind.hint)


def await_gone(kind: CopyKind, params: CopyParams, context: ActionContext, ec2: AwsClient, name: str) -> None:
    """Wait until a copy is gone."""
    wait_gone(params, context, _looks(kind, ec2, name), what=f"{kind.noun} {name}")


def refuse_foreign_copy(kind: CopyKind, params: CopyParams, copy: AwsAnswer, what: str) -> None:
    """Never delete a copy that no runbook made.

    Raises:
        ActionFailedError: it is one.
    """
    name, tags = f"{kind.noun} {copy[kind.identity]} in {params.region}", tags_of(copy.get("Tags"))
    refuse_foreign(name, tags, source=place(params, what))


def tags_for(kind: CopyKind, params: CopyParams, source: AwsAnswer, what: str) -> dict[str, str]:
    """Give the tags that tell what a copy is of."""
    point = kind.made(source)
    dated = {POINT_TAG: point.isoformat(timespec="seconds")} if point is not None else {}
    return {SOURCE_TAG: place(params, what), **dated}


def _by_id(kind: CopyKind, ec2: AwsClient, name: str) -> AwsAnswer | None:
    return find_one(ec2, kind.describe, kind.listed, **{f"{kind.identity}s": [name]})


def _looks(kind: CopyKind, ec2: AwsClient, name: str) -> Callable[[], Seen | None]:
    """Give a look at a copy."""

    def look() -> Seen | None:
        found = _by_id(kind, ec2, name)
        return None if found is None else kind.seen(found)

    return look


def specification(kind: str, params: CopyParams, context: ActionContext, item: dict[str, str]) -> dict[str, object]:
    """Give the tags of a copy, for the call that makes it."""
    return {"ResourceType": kind, "Tags": tag_list({**params.tags, **marks(context), **item})}
