"""The versions of a bucket's objects: what was there at a time, and what must be done to have it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.sdk import AwsAnswer, AwsClient

VERSION_NOTE = "dr-version"
"""User metadata of an object that was restored: the id of the version that it is a copy of."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or (`deleted`) a delete marker."""

    key: str
    id: str
    made: datetime
    latest: bool
    deleted: bool = False
    etag: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Then:
    """An object as it was at a time, and as it is now; None is: not there."""

    key: str
    then: Version | None
    now: Version | None

    @property
    def same(self) -> bool:
        """Whether nothing was changed since, as far as the listing tells."""
        if self.then is None or self.now is None:
            return self.then is self.now
        return self.then.id == self.now.id or (self.then.etag == self.now.etag and self.then.size == self.now.size)


def at_time(s3: AwsClient, bucket: str, prefix: str, time: datetime) -> list[Then]:
    """Compare every object below a prefix with what it was at a time, sorted by key."""
    then: dict[str, Version] = {}
    now: dict[str, Version] = {}
    for version in _versions(s3, bucket, prefix):
        if version.latest:
            now[version.key] = version
        older = then.get(version.key)
        # S3 lists the versions of a key newest first, and its times are whole seconds.
        if version.made <= time and older is None:
            then[version.key] = version
    keys = sorted(then.keys() | now.keys())
    return [Then(key, _there(then.get(key)), _there(now.get(key))) for key in keys]


def is_noted_copy(s3: AwsClient, bucket: str, pair: Then) -> bool:
    """Tell whether the object is a copy of its version of then that the ETag can't tell."""
    if pair.then is None or pair.now is None or pair.then.size != pair.now.size:
        return False
    head = s3.call("head_object", Bucket=bucket, Key=pair.key, VersionId=pair.now.id)
    return (head.get("Metadata") or {}).get(VERSION_NOTE) == pair.then.id


def _there(version: Version | None) -> Version | None:
    return None if version is None or version.deleted else version


def _versions(s3: AwsClient, bucket: str, prefix: str) -> Iterator[Version]:
    """List all versions and delete markers; those of one key come newest first."""
    marks: dict[str, object] = {}
    while True:
        page = s3.call("list_object_versions", Bucket=bucket, Prefix=prefix, **marks)
        found = [_version(item, deleted=False) for item in page.get("Versions") or []]
        found += [_version(item, deleted=True) for item in page.get("DeleteMarkers") or []]
        # Of the same second the latest comes first, whether it is a version or a marker.
        yield from sorted(found, key=lambda version: (version.key, -version.made.timestamp(), not version.latest))
        if not page.get("IsTruncated"):
            return
        marks = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker")}


def _version(item: AwsAnswer, *, deleted: bool) -> Version:
    return Version(
        key=item["Key"],
        id=str(item.get("VersionId") or "null"),
        made=as_utc(item["LastModified"]),
        latest=bool(item.get("IsLatest")),
        deleted=deleted,
        etag=str(item.get("ETag") or "").strip('"'),
        size=int(item.get("Size") or 0),
    )
