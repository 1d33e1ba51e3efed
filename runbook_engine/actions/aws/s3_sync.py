"""aws.s3_sync: one S3 bucket holds what another does, copied by S3 itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.s3_listing import (
    Compare,
    Difference,
    S3Object,
    difference,
    listing,
    same_by_etag,
    same_by_size,
    sha256_of,
    total,
)
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
DELETE_BATCH = 1000
COPY_LIMIT = 5 * 1024**3


class S3SyncParams(AwsParams):
    """From where to where."""

    source_bucket: str = Field(min_length=3, description="bucket to copy from", examples=["artifacts-us-east-1"])
    source_prefix: str = Field("", description="only keys that begin so", examples=["releases/"])
    source_region: str | None = Field(
        None, description="its region; default: the destination's", examples=["us-east-1"]
    )
    dest_bucket: str = Field(min_length=3, description="bucket to copy to", examples=["artifacts-eu-west-1"])
    dest_prefix: str = Field("", description="put in place of the source's prefix", examples=["releases/"])
    delete: bool = Field(default=False, description="delete what the source doesn't have (below the prefix)")
    compare: Compare = Field(
        "etag",
        description="how to tell equal objects: `etag`, `size` (and age; for buckets encrypted with KMS keys, whose "
        "ETags differ), or `sha256` (the checksums that S3 keeps; both must have one)",
    )

    @model_validator(mode="after")
    def _two_places(self) -> Self:
        if self.source_bucket == self.dest_bucket and (
            self.source_prefix.startswith(self.dest_prefix) or self.dest_prefix.startswith(self.source_prefix)
        ):
            raise ValueError(
                "source and destination overlap; give two buckets, or prefixes of which none holds the other"
            )
        return self


class S3SyncOutputs(Outputs):
    """What was done."""

    copied: int = Field(0, description="objects copied")
    deleted: int = Field(0, description="objects deleted")
    bytes: int = Field(0, description="bytes copied")
    count: int = Field(0, description="objects of the source, all of them at the destination now")


@dataclass(frozen=True, slots=True)
class _Places:
    source: AwsClient
    dest: AwsClient
    count: int
    difference: Difference


class S3Sync(Action[S3SyncParams]):
    """Make an S3 bucket (or prefix) hold what another one does.

    check: lists both and compares; shows the first 50 differences.
    apply: copies server-side what is missing or differs, then deletes what is too much if `delete` says so. An object
    that changes at the source meanwhile is refused by S3 and fails the step; it goes on where it ended when run again.
    Objects above 5 GiB are refused by the check: S3 copies none of that size in one call.
    """

    name = "aws.s3_sync"
    reversible = False
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "s3": tuple(
            f"arn:aws:s3:::{{{name}}}{rest}" for name in ("source_bucket", "dest_bucket") for rest in ("", "/*")
        )
    }
    duration = "seconds to hours, by number of objects"
    tested = ("moto",)
    aws_reads = ("s3:ListObjectsV2", "s3:HeadObject")
    aws_writes = ("s3:CopyObject", "s3:DeleteObjects")
    Params = S3SyncParams
    Outputs = S3SyncOutputs
    example: ClassVar[str] = """\
aws.s3_sync:
  source_bucket: artifacts-us-east-1
  source_region: us-east-1
  dest_bucket: artifacts-eu-west-1
  region: eu-west-1
"""

    def check(self, params: S3SyncParams, context: ActionContext) -> Finding:
        """Compare the listings."""
        places = _compare(params, context)
        diff = places.difference
        if not diff.copy and not diff.delete:
            words = f"s3://{params.dest_bucket}/{params.dest_prefix} holds all {places.count} objects of the source"
            return satisfied(words, outputs={"count": places.count})
        words = f"{len(diff.copy)} of {places.count} objects ({total(diff.copy)} bytes) to copy"
        if diff.delete:
            words += f", {len(diff.delete)} to delete"
        return unsatisfied(words, changes=_changes(diff))

    def apply(self, params: S3SyncParams, context: ActionContext) -> Applied:
        """Copy and delete."""
        places = _compare(params, context)
        diff = places.difference
        for number, item in enumerate(diff.copy, 1):
            context.progress(f"copying {number} of {len(diff.copy)}: {item.key}")
            _copy(params, places.dest, item)
        _delete(params, places.dest, diff.delete)
        done = {"copied": len(diff.copy), "deleted": len(diff.delete), "bytes": total(diff.copy)}
        return Applied(summary=f"copied {len(diff.copy)} objects, deleted {len(diff.delete)}", outputs=done)


def _compare(params: S3SyncParams, context: ActionContext) -> _Places:
    source = client(params, context, "s3", region=params.source_region)
    dest = client(params, context, "s3")
    wanted = listing(source, params.source_bucket, params.source_prefix)
    found = listing(dest, params.dest_bucket, params.dest_prefix)
    diff = difference(wanted, found, same=_comparison(params, source, dest), delete=params.delete)
    big = [item.key for item in diff.copy if item.size > COPY_LIMIT]
    if big:
        raise ActionFailedError(
            f"{len(big)} objects are above 5 GiB, which S3 doesn't copy in one call: {', '.join(big[:5])}",
            hint="copy these with `aws s3 cp`, then run the step again",
        )
    return _Places(source, dest, len(wanted), diff)


def _comparison(params: S3SyncParams, source: AwsClient, dest: AwsClient) -> Callable[[S3Object, S3Object], bool]:
    if params.compare == "size":
        return same_by_size
    if params.compare == "etag":
        return same_by_etag

    def same_by_sha256(left: S3Object, right: S3Object) -> bool:
        if left.size != right.size:
            return False
        wanted = sha256_of(source, params.source_bucket, params.source_prefix + left.key)
        if wanted is None:
            raise ActionFailedError(
                f"S3 keeps no SHA-256 of s3://{params.source_bucket}/{params.source_prefix}{left.key}",
                hint="upload it with ChecksumAlgorithm SHA256, or compare by etag or size",
            )
        return wanted == sha256_of(dest, params.dest_bucket, params.dest_prefix + right.key)

    return same_by_sha256


def _copy(params: S3SyncParams, dest: AwsClient, item: S3Object) -> None:
    checksum = {"ChecksumAlgorithm": "SHA256"} if params.compare == "sha256" else {}
    dest.call(
        "copy_object",
        Bucket=params.dest_bucket,
        Key=params.dest_prefix + item.key,
        CopySource={"Bucket": params.source_bucket, "Key": params.source_prefix + item.key},
        CopySourceIfMatch=item.etag,
        **checksum,
    )


def _delete(params: S3SyncParams, dest: AwsClient, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), DELETE_BATCH):
        batch = [{"Key": params.dest_prefix + key} for key in keys[start : start + DELETE_BATCH]]
        answer = dest.call("delete_objects", Bucket=params.dest_bucket, Delete={"Objects": batch, "Quiet": True})
        errors = answer.get("Errors") or []
        if errors:
            first = errors[0]
            raise ActionFailedError(
                f"S3 refused to delete {len(errors)} objects of {params.dest_bucket}, "
                f"the first {first.get('Key')}: {first.get('Message')}"
            )


def _changes(diff: Difference) -> tuple[Change, ...]:
    lines = [
        Change(what=item.key, before="differs" if item.key in diff.replaced else None, after=f"{item.size} bytes")
        for item in diff.copy
    ]
    lines += [Change(what=key, before="there", after=None) for key in diff.delete]
    if len(lines) <= SHOWN:
        return tuple(lines)
    return (*lines[:SHOWN], Change(what=f"… and {len(lines) - SHOWN} more"))
