"""Compares two S3 listings: what is missing, what differs, what is too much."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from runbook_engine.sdk import AwsAnswer, AwsClient

Compare = Literal["etag", "size", "sha256"]


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object of a listing; `key` is below the prefix."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """What the destination lacks and what it has too much."""

    copy: tuple[S3Object, ...]
    delete: tuple[str, ...]
    replaced: frozenset[str]


def listing(s3: AwsClient, bucket: str, prefix: str) -> dict[str, S3Object]:
    """List a bucket below a prefix, by key below the prefix."""
    items = s3.pages("list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
    return {found.key: found for found in (_object(item, prefix) for item in items)}


def difference(
    source: Mapping[str, S3Object],
    destination: Mapping[str, S3Object],
    *,
    same: Callable[[S3Object, S3Object], bool],
    delete: bool,
) -> Difference:
    """Tell what would have to be copied and deleted, sorted by key."""
    copy = [item for key, item in sorted(source.items()) if key not in destination or not same(item, destination[key])]
    too_much = sorted(destination.keys() - source.keys()) if delete else []
    replaced = frozenset(item.key for item in copy if item.key in destination)
    return Difference(tuple(copy), tuple(too_much), replaced)


def same_by_size(source: S3Object, destination: S3Object) -> bool:
    """Same size, and the copy is not older than what it is a copy of."""
    return source.size == destination.size and destination.modified >= source.modified


def same_by_etag(source: S3Object, destination: S3Object) -> bool:
    """Same size and ETag; an object uploaded in parts has an ETag that its copy can't have, so size and age decide."""
    if source.size != destination.size:
        return False
    return source.etag == destination.etag or ("-" in source.etag and same_by_size(source, destination))


def sha256_of(s3: AwsClient, bucket: str, key: str) -> str | None:
    """Give the SHA-256 (hexadecimal) that S3 keeps of a whole object, None when it keeps none."""
    head = s3.call("head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    text = str(head.get("ChecksumSHA256") or "")
    if not text or "-" in text:  # `…-3` is a checksum over the parts' checksums
        return None
    return base64.b64decode(text).hex()


def total(objects: Sequence[S3Object]) -> int:
    """Sum up the sizes, in bytes."""
    return sum(item.size for item in objects)


def _object(item: AwsAnswer, prefix: str) -> S3Object:
    modified = item["LastModified"]
    return S3Object(
        key=str(item["Key"]).removeprefix(prefix),
        size=int(item["Size"]),
        etag=str(item["ETag"]).strip('"'),
        modified=modified if modified.tzinfo else modified.replace(tzinfo=UTC),
    )
