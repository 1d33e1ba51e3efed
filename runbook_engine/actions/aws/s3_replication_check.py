"""aws.s3_replication_check: S3 replicates a bucket, and its replica holds what it should."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, AwsParams, client
from runbook_engine.actions.aws.s3_listing import S3Object, listing, same_by_size
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsClient,
    AwsError,
    Change,
    Finding,
    JsonValue,
    Outputs,
    PositiveDuration,
    format_duration,
    satisfied,
    unsatisfied,
)

SHOWN = 50


class S3ReplicationParams(AwsParams):
    """Which buckets, and what is borne."""

    region: str = Field(pattern=REGION, description="region of the replica", examples=["eu-west-1"])
    bucket: str = Field(min_length=3, description="bucket that is replicated", examples=["documents-us-east-1"])
    source_region: str = Field(pattern=REGION, description="its region", examples=["us-east-1"])
    replica: str = Field(min_length=3, description="bucket that holds the replica", examples=["documents-eu-west-1"])
    prefix: str = Field("", description="only keys that begin so", examples=["contracts/"])
    max_lag: PositiveDuration = Field(
        timedelta(minutes=15), description="how long an object may take to be replicated", examples=["15m"]
    )
    sample: int = Field(
        20, ge=0, le=1000, description="of so many objects, the newest, S3 is asked for their replication status"
    )


class S3ReplicationOutputs(Outputs):
    """How complete the replica is."""

    count: int = Field(0, description="objects of the bucket")
    missing: int = Field(0, description="objects that the replica lacks or has otherwise, younger than max_lag")
    recovery_point: str = Field("", description="the time up to which the replica holds everything, UTC")


class S3ReplicationCheck(Action[S3ReplicationParams]):
    """Verify that S3 replicates a bucket and that the replica holds what it should.

    check: a replication rule to the replica is on; both buckets keep versions; every object older than max_lag is in
    the replica; S3 says FAILED of none of the newest objects. Both regions are asked, so
    it is for readiness and drills, not for the hour in which the source is lost.
    The recovery point is the time of the oldest object that the replica lacks, or now.
    Where ETags differ (of objects that were encrypted with KMS keys or uploaded in parts they do), size and age decide.
    """

    name = "aws.s3_replication_check"
    aws_reads = (
        "s3:GetBucketReplication",
        "s3:GetBucketVersioning",
        "s3:ListObjectsV2",
        "s3:HeadObject",
    )
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "s3": tuple(f"arn:aws:s3:::{{{name}}}{rest}" for name in ("bucket", "replica") for rest in ("", "/*"))
    }
    duration = "seconds to minutes, by number of objects"
    tested = ("ministack",)
    Params = S3ReplicationParams
    Outputs = S3ReplicationOutputs
    example: ClassVar[str] = """\
aws.s3_replication_check:
  bucket: documents-us-east-1
  source_region: us-east-1
  replica: documents-eu-west-1
  region: eu-west-1
"""

    def check(self, params: S3ReplicationParams, context: ActionContext) -> Finding:
        """Compare the buckets."""
        source = client(params, context, "s3", region=params.source_region)
        replica = client(params, context, "s3")
        problems = [*_settings(params, source, replica)]
        now = context.clock.now()
        wanted = listing(source, params.bucket, params.prefix)
        found = listing(replica, params.replica, params.prefix)
        lacking = [item for key, item in wanted.items() if key not in found or not _same(item, found[key])]
        late = sorted((item for item in lacking if now - item.modified > params.max_lag), key=_time)
        newest = sorted(wanted.values(), key=_time, reverse=True)[: params.sample]
        statuses = {item.key: _status(params, source, item) for item in newest}
        failed = sorted(key for key, status in statuses.items() if status == "FAILED")
        point = min((item.modified for item in lacking), default=now)
        if late:
            problems.append(f"{len(late)} objects are older than {format_duration(params.max_lag)} and not replicated")
        if failed:
            problems.append(f"S3 failed to replicate {len(failed)} objects: {', '.join(failed[:5])}")
        outputs: dict[str, JsonValue] = {
            "count": len(wanted),
            "missing": len(lacking),
            "recovery_point": point.isoformat(timespec="seconds"),
        }
        if problems:
            return unsatisfied(
                f"s3://{params.replica}/{params.prefix}: {'; '.join(problems)}",
                changes=_changes(late, found),
                evidence={**outputs, "failed": [*failed]},
                recovery_point=point,
            )
        words = f"s3://{params.replica}/{params.prefix} holds {len(wanted) - len(lacking)} of {len(wanted)} objects"
        if lacking:
            words += f"; the others are younger than {format_duration(params.max_lag)}"
        return satisfied(words, outputs=outputs, recovery_point=point)


def _settings(params: S3ReplicationParams, source: AwsClient, replica: AwsClient) -> list[str]:
    """Name what is not set as replication needs it.

    Raises:
        ActionFailedError: the bucket has no replication at all.
    """
    try:
        rules = source.call("get_bucket_replication", Bucket=params.bucket)["ReplicationConfiguration"]["Rules"]
    except AwsError as error:
        if error.code != "ReplicationConfigurationNotFoundError":
            raise
        raise ActionFailedError(
            f"bucket {params.bucket} is not replicated", hint="set a replication rule; copy what is there already"
        ) from error
    problems = [] if any(_leads_to(rule, params.replica) for rule in rules) else [f"no rule to {params.replica} is on"]
    for s3, bucket in ((source, params.bucket), (replica, params.replica)):
        if s3.call("get_bucket_versioning", Bucket=bucket).get("Status") != "Enabled":
            problems.append(f"bucket {bucket} keeps no versions")
    return problems


def _leads_to(rule: AwsAnswer, bucket: str) -> bool:
    return rule.get("Status") == "Enabled" and rule.get("Destination", {}).get("Bucket", "").endswith(f":::{bucket}")


def _same(source: S3Object, replica: S3Object) -> bool:
    return source.etag == replica.etag or same_by_size(source, replica)


def _status(params: S3ReplicationParams, source: AwsClient, item: S3Object) -> str:
    head = source.call("head_object", Bucket=params.bucket, Key=params.prefix + item.key)
    return str(head.get("ReplicationStatus") or "")


def _time(item: S3Object) -> datetime:
    return item.modified


def _changes(late: list[S3Object], found: dict[str, S3Object]) -> tuple[Change, ...]:
    lines = [
        Change(what=item.key, before="differs" if item.key in found else None, after=f"{item.size} bytes")
        for item in late[:SHOWN]
    ]
    if len(late) > SHOWN:
        lines.append(Change(what=f"… and {len(late) - SHOWN} more"))
    return tuple(lines)
