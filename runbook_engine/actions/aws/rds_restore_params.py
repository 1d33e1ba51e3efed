"""What aws.rds_restore_snapshot is told and what it gives."""

from typing import Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.sdk import Outputs

LATEST = "latest"


class RdsRestoreParams(PolledParams):
    """What to restore, and what the new instance shall be like: a restore takes over none of it from the source."""

    snapshot: str = Field(
        min_length=1,
        description="id or ARN of the snapshot, or `latest`: the one with the newest data",
        examples=["latest", "reviews-2026-11-23"],
    )
    source_instance: str | None = Field(
        None, description="the instance that the snapshot is of; needed with `latest`", examples=["reviews"]
    )
    instance: str = Field(
        pattern=r"^[A-Za-z](-?[A-Za-z0-9])*$",
        max_length=63,
        description="name of the new instance",
        examples=["reviews-eu-west-1"],
    )
    instance_class: str | None = Field(
        None, description="its class; default: the snapshot's", examples=["db.t4g.medium"]
    )
    subnet_group: str | None = Field(None, description="DB subnet group of the region", examples=["standby"])
    security_groups: list[str] = Field(
        [], description="ids of VPC security groups", examples=[["sg-0123456789abcdef0"]]
    )
    parameter_group: str | None = Field(None, description="DB parameter group", examples=["reviews-pg15"])
    multi_az: bool | None = Field(None, description="whether it has a standby in another zone")
    publicly_accessible: bool = Field(default=False, description="whether it gets a public address")
    deletion_protection: bool = Field(default=False, description="whether AWS refuses to delete it")
    tags: dict[str, str] = Field(
        {}, description="tags besides those that tell where it comes from", examples=[{"team": "dr"}]
    )
    skip_final_snapshot: bool = Field(default=False, description="revert: delete it without a last snapshot")

    @model_validator(mode="after")
    def _latest_of_what(self) -> Self:
        if self.snapshot == LATEST and self.source_instance is None:
            raise ValueError("snapshot: latest needs source_instance, the instance whose snapshots to look at")
        reserved = sorted(tag for tag in self.tags if tag.startswith(("dr:", "aws:")))
        if reserved:
            message = f"tags that begin with dr: or aws: are not yours to set: {', '.join(reserved)}"
            raise ValueError(message)
        return self


class RdsRestoreOutputs(Outputs):
    """Where the restored database is."""

    instance: str = Field("", description="name of the instance")
    endpoint: str = Field("", description="host name to connect to")
    port: int = Field(0, description="port to connect to")
    snapshot: str = Field("", description="snapshot that it was restored from")
    recovery_point: str = Field("", description="the time its data is from, UTC")
