"""What aws.lambda_deploy is told and what it gives."""

import base64
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.sdk import Outputs


class Package(BaseModel):
    """A ZIP file in S3."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str = Field(min_length=3, description="bucket of the function's region", examples=["releases-eu-west-1"])
    key: str = Field(min_length=1, description="key in it", examples=["orders/4.2.zip"])
    version: str | None = Field(None, description="version of the object; default: the current one")
    sha256: str = Field(
        pattern=r"^([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$",
        description="SHA-256 of the file, in hexadecimal (as sha256sum prints it) or base64 (as Lambda shows it)",
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    )

    @property
    def checksum(self) -> str:
        """The SHA-256 as Lambda shows it."""
        hexadecimal = len(self.sha256) == len("0" * 64)
        return base64.b64encode(bytes.fromhex(self.sha256)).decode() if hexadecimal else self.sha256


class LambdaParams(PolledParams):
    """Which function, and what it shall be."""

    function: str = Field(min_length=1, max_length=140, description="name or ARN of the function", examples=["orders"])
    package: Package | None = Field(None, description="code to deploy: a ZIP file in S3; default: as it is")
    image: str | None = Field(
        None,
        pattern=r"^[^@]+@sha256:[0-9a-f]{64}$",
        description="in place of it: a container image in this region's registry, by digest",
        examples=["123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:" + "0" * 64],
    )
    alias: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,128}$",
        description="alias that shall point to a version with that code; the version is published when needed",
        examples=["live"],
    )
    version: str | None = Field(
        None, pattern=r"^\d+$", description="in place of code: the version that the alias points to", examples=["7"]
    )
    reserved_concurrency: int | None = Field(
        None, ge=0, description="executions at once that are reserved for it, 0 to stop it; default: as it is"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.package is not None and self.image is not None:
            raise ValueError("give one of package and image")
        if self.version is not None and (self.alias is None or self.code is not None):
            raise ValueError("version goes with alias, and without package and image")
        if self.code is None and self.alias is None and self.reserved_concurrency is None:
            raise ValueError("give package, image, alias or reserved_concurrency")
        return self

    @property
    def code(self) -> str | None:
        """The checksum or image that it shall have, None when that stays."""
        return self.image if self.package is None else self.package.checksum


class LambdaOutputs(Outputs):
    """What is deployed."""

    function: str = Field("", description="ARN of the function")
    code_sha256: str = Field("", description="base64 of the SHA-256 of what the function, or its alias, runs")
    version: str = Field("", description="version that the alias points to; empty without alias")
    before: dict[str, int | str] = Field(
        {}, description="version and concurrency (or `none`) as they were, which `revert` sets again"
    )
