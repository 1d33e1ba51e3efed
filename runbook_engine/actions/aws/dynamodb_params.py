"""What aws.dynamodb_restore is told and what it gives."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.actions.aws.marks import refuse_reserved
from runbook_engine.sdk import Outputs

TABLE = r"^arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{12}:table/[^/]+$"
BACKUP = r"^arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{12}:table/[^/]+/backup/.+$"


class DynamodbParams(PolledParams):
    """What to restore, and the settings that a restore does not take over."""

    table: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$", description="name of the new table", examples=["orders-dr"])
    backup: str | None = Field(
        None,
        pattern=BACKUP,
        description="ARN of a backup of this region",
        examples=["arn:aws:dynamodb:eu-west-1:123456789012:table/orders/backup/01690000000000-0a1b2c3d"],
    )
    source_table: str | None = Field(
        None,
        pattern=TABLE,
        description="in place of it: ARN of a table (of another region too) that is restored to a point in time",
        examples=["arn:aws:dynamodb:us-east-1:123456789012:table/orders"],
    )
    time: AwareDatetime | Literal["latest"] = Field(
        "latest", description="to which time, with source_table", examples=["2026-11-23T08:40:00Z", "latest"]
    )
    pay_per_request: bool | None = Field(
        None, description="whether requests are paid one by one; default: the source's"
    )
    point_in_time_recovery: bool = Field(default=True, description="whether the new table can be restored so as well")
    expiry_attribute: str | None = Field(
        None, description="attribute by which its items expire (time to live)", examples=["expires_at"]
    )
    stream: Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] | None = Field(
        None, description="what its stream holds; default: no stream"
    )
    deletion_protection: bool = Field(default=False, description="whether AWS refuses to delete it")
    min_items: int | None = Field(
        None,
        ge=1,
        description="items that it must hold at least; counted by reading them, which costs",
        examples=[1000],
    )
    tags: dict[str, str] = Field({}, description="tags besides those that tell where it comes from")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        refuse_reserved(self.tags)
        if (self.backup is None) == (self.source_table is None):
            raise ValueError("give exactly one of backup and source_table")
        if self.backup is not None and self.time != "latest":
            raise ValueError("a backup has one time; time goes with source_table")
        return self

    @property
    def source(self) -> str:
        """Where the data comes from."""
        return self.backup or self.source_table or ""

    @property
    def source_place(self) -> tuple[str, str]:
        """Region and name of the source table."""
        _, _, _, region, _, name = self.source.split(":", 5)
        return region, name.removeprefix("table/")


class DynamodbOutputs(Outputs):
    """The restored table."""

    table: str = Field("", description="name of the table")
    arn: str = Field("", description="its ARN")
    source: str = Field("", description="ARN of the table or backup that it was restored from")
    items: int = Field(0, description="items: counted up to min_items, or else DynamoDB's own number, hours old")
    recovery_point: str = Field("", description="the time its data is from, UTC; empty when not known")
