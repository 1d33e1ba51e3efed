"""aws.s3_restore_versions: a versioned bucket holds again what it held at a time."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import AwareDatetime, Field

from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.actions.aws.s3_versions import VERSION_NOTE, Then, Version, at_time, is_noted_copy
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

SHOWN = 50
COPY_LIMIT = 5 * 1024**3
# What a copy with new metadata must be told again, by its names in head_object's answer.
KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
    "StorageClass",
)


class S3VersionsParams(AwsParams):
    """Which bucket, and which time."""

    bucket: str = Field(min_length=3, description="bucket, which must keep versions", examples=["documents"])
    prefix: str = Field("", description="only keys that begin so", examples=["contracts/"])
    time: AwareDatetime = Field(
        description="the time (with its zone) whose state is wanted", examples=["2026-11-23T08:40:00Z"]
    )
    delete: bool = Field(
        default=False, description="whether to delete (by a delete marker) what was not there at that time"
    )


class S3VersionsOutputs(Outputs):
    """What was done."""

    restored: int = Field(0, description="objects that were restored")
    deleted: int = Field(0, description="objects that were deleted")
    count: int = Field(0, description="objects that were there at that time")
    recovery_point: str = Field("", description="the time, UTC")


class S3RestoreVersions(Action[S3VersionsParams]):
    """Bring the objects of a versioned bucket back to what they were at a time, as new versions of them.

    check: lists all versions; an object is as it was when its current version is that of then, or has its size and
    ETag. Shows the first 50 differences. A bucket that keeps no versions fails the step, in a dry run too.
    apply: copies each version of then over the current one; with `delete` it deletes what was not there then. An object
    whose ETag a copy can't keep (uploaded in parts, or encrypted with a KMS key) gets the version's id as metadata,
    by which a later check knows it. Nothing is lost: every version stays, so the step with a later time undoes it.
    Objects above 5 GiB are refused: S3 copies none of that size in one call.
    """

    name = "aws.s3_restore_versions"
    aws_reads = ("s3:GetBucketVersioning", "s3:ListObjectVersions", "s3:HeadObject")
    aws_writes = ("s3:CopyObject", "s3:DeleteObject")
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "s3": ("arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*")
    }
    duration = "minutes to hours, by number of objects"
    tested = ("moto", "ministack")
    Params = S3VersionsParams
    Outputs = S3VersionsOutputs
    example: ClassVar[str] = """\
aws.s3_restore_versions:
  bucket: documents
  prefix: contracts/
  time: "2026-11-23T08:40:00Z"
  region: eu-west-1
"""

    def check(self, params: S3VersionsParams, context: ActionContext) -> Finding:
        """Compare."""
        s3 = client(params, context, "s3")
        every = _compare(params, context, s3)
        wanted = [pair for pair in every if _differs(params, s3, pair)]
        point = as_utc(params.time)
        count = sum(pair.then is not None for pair in every)
        where = f"s3://{params.bucket}/{params.prefix}"
        if not wanted:
            outputs = {"count": count, "recovery_point": point.isoformat()}
            words = f"{where} holds the {count} objects of {point.isoformat()}"
            return satisfied(words, outputs=outputs, recovery_point=point)
        restore = sum(pair.then is not None for pair in wanted)
        words = f"{restore} of {count} objects in {where} differ from {point.isoformat()}"
        if len(wanted) > restore:
            words += f", {len(wanted) - restore} to delete"
        return unsatisfied(words, changes=_changes(wanted), recovery_point=point)

    def apply(self, params: S3VersionsParams, context: ActionContext) -> Applied:
        """Copy and delete."""
        s3 = client(params, context, "s3")
        wanted = [pair for pair in _compare(params, context, s3) if _differs(params, s3, pair)]
        big = [pair.key for pair in wanted if pair.then is not None and pair.then.size > COPY_LIMIT]
        if big:
            raise ActionFailedError(
                f"{len(big)} objects are above 5 GiB, which S3 doesn't copy in one call: {', '.join(big[:5])}",
                hint="copy these versions with `aws s3api` in parts, then run the step again",
            )
        restored = deleted = 0
        for number, pair in enumerate(wanted, 1):
            context.progress(f"restoring {number} of {len(wanted)}: {pair.key}")
            if pair.then is None:
                s3.call("delete_object", Bucket=params.bucket, Key=pair.key)
                deleted += 1
            else:
                _restore(params, s3, pair.then)
                restored += 1
        outputs = {"restored": restored, "deleted": deleted}
        return Applied(summary=f"restored {restored} objects of {params.bucket}, deleted {deleted}", outputs=outputs)


def _compare(params: S3VersionsParams, context: ActionContext, s3: AwsClient) -> list[Then]:
    point = as_utc(params.time)
    if point > context.clock.now():
        raise ActionFailedError(f"{point.isoformat()} is not yet")
    status = s3.call("get_bucket_versioning", Bucket=params.bucket).get("Status")
    if status not in {"Enabled", "Suspended"}:
        raise ActionFailedError(
            f"bucket {params.bucket} keeps no versions", hint="restore it from a backup, or from its replica"
        )
    return at_time(s3, params.bucket, params.prefix, point)


def _differs(params: S3VersionsParams, s3: AwsClient, pair: Then) -> bool:
    if pair.same or (pair.then is None and not params.delete):
        return False
    return not is_noted_copy(s3, params.bucket, pair)


def _restore(params: S3VersionsParams, s3: AwsClient, version: Version) -> None:
    """Copy a version over the current one."""
    source = {"Bucket": params.bucket, "Key": version.key, "VersionId": version.id}
    head = s3.call("head_object", Bucket=params.bucket, Key=version.key, VersionId=version.id)
    encryption = str(head.get("ServerSideEncryption") or "")
    note: dict[str, object] = {}
    if "-" in version.etag or encryption.startswith("aws:kms"):
        metadata = {**(head.get("Metadata") or {}), VERSION_NOTE: version.id}
        kept = {name: head[name] for name in KEPT if head.get(name)}
        note = {"MetadataDirective": "REPLACE", "Metadata": metadata, **kept}
        if encryption:
            note |= {"ServerSideEncryption": encryption, "SSEKMSKeyId": head.get("SSEKMSKeyId")}
    s3.call("copy_object", Bucket=params.bucket, Key=version.key, CopySource=source, **note)


def _changes(wanted: list[Then]) -> tuple[Change, ...]:
    lines = [Change(what=pair.key, before=_words(pair.now), after=_words(pair.then)) for pair in wanted[:SHOWN]]
    if len(wanted) > SHOWN:
        lines.append(Change(what=f"… and {len(wanted) - SHOWN} more"))
    return tuple(lines)


def _words(version: Version | None) -> str | None:
    return None if version is None else f"{version.size} bytes of {version.made.isoformat()}"
