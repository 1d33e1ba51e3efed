"""What the restores of DB instances are told and what they give."""

from typing import Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.actions.aws.marks import refuse_reserved
from runbook_engine.sdk import Outputs

LATEST = "latest"


class NewInstanceParams(PolledParams):
    """What the new instance shall be like: a restore takes over none of it from the source."""

    instance: str = Field(
        pattern=r"^[A-Za-z](-?[A-Za-z0-9])*$",
        max_length=63,
        description="name of the new instance",
        examples=["reviews-eu-west-1"],
    )
    instance_class: str | None = Field(None, description="its class; default: the source's", examples=["db.t4g.medium"])
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
    def _own_tags(self) -> Self:
        refuse_reserved(self.tags)
        return self

    @property
    def settings(self) -> dict[str, object]:
        """The settings as RDS wants them; None for what is left to it."""
        return {
            "DBInstanceClass": self.instance_class,
            "DBSubnetGroupName": self.subnet_group,
            "VpcSecurityGroupIds": self.security_groups or None,
            "DBParameterGroupName": self.parameter_group,
            "MultiAZ": self.multi_az,
            "PubliclyAccessible": self.publicly_accessible,
            "DeletionProtection": self.deletion_protection,
        }

    @property
    def shown(self) -> dict[str, JsonValue]:
        """The settings that a diff shows."""
        names = ("instance_class", "subnet_group", "parameter_group", "multi_az")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class RdsRestoreParams(NewInstanceParams):
    """What to restore."""

    snapshot: str = Field(
        min_length=1,
        description="id or ARN of the snapshot, or `latest`: the one with the newest data",
        examples=["latest", "reviews-2026-11-23"],
    )
    source_instance: str | None = Field(
        None, description="the instance that the snapshot is of; needed with `latest`", examples=["reviews"]
    )

    @model_validator(mode="after")
    def _latest_of_what(self) -> Self:
        if self.snapshot == LATEST and self.source_instance is None:
            raise ValueError("snapshot: latest needs source_instance, the instance whose snapshots to look at")
        return self


class RdsRestoreOutputs(Outputs):
    """Where the restored database is."""

    instance: str = Field("", description="name of the instance")
    endpoint: str = Field("", description="host name to connect to")
    port: int = Field(0, description="port to connect to")
    snapshot: str = Field("", description="snapshot that it was restored from")
    recovery_point: str = Field("", description="the time its data is from, UTC")
