"""What copies of images and of volume snapshots across regions have in common."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import REGION, PolledParams
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import SOURCE_TAG, marks, refuse_reserved, tag_list
from runbook_engine.sdk import ActionContext, AwsAnswer, AwsClient, AwsError


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
    try:
        found = ec2.call(operation, **asked).get(key) or []
    except AwsError as error:
        if trouble(error) is Trouble.NOT_FOUND:
            return None
        raise
    return found[0] if found else None


def copies(ec2: AwsClient, operation: str, key: str, source: str, **owner: object) -> Iterator[AwsAnswer]:
    """Give what carries the tag of a copy of this source."""
    filters = [{"Name": f"tag:{SOURCE_TAG}", "Values": [source]}]
    yield from ec2.pages(operation, key, Filters=filters, **owner)


def specification(kind: str, params: CopyParams, context: ActionContext, item: dict[str, str]) -> dict[str, object]:
    """Give the tags of a copy, for the call that makes it."""
    return {"ResourceType": kind, "Tags": tag_list({**params.tags, **marks(context), **item})}
