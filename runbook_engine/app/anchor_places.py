"""The places that anchors are kept at: a file on another medium, or S3 with Object Lock."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from pydantic import ValidationError

from runbook_engine.loading.limited_file import open_plain, open_to_append
from runbook_engine.model.anchor import Anchor
from runbook_engine.model.errors import JournalError, RunbookError, UsageError
from runbook_engine.ports.services import AwsClient, AwsError

_NOT_ALLOWED = frozenset({"AccessDenied", "403"})
_LARGEST = 16 << 20
_LARGEST_FILE = 1 << 30  # anchors of some million runs
_OTHER_PLACE = "name a place that has nothing else"
_MOST_ANCHORS = 100_000


class AnchorPlace(Protocol):
    """Where anchors are; `address` is how it is named to people."""

    @property
    def address(self) -> str:
        """Name it."""
        ...

    def anchors(self) -> list[Anchor]:
        """Give what is there, oldest first.

        Raises:
            RunbookError: it can't be read, or holds something else.
        """
        ...

    def doubt(self) -> str:
        """Say what can't be known of whether an anchor would be kept from changes; empty when nothing is doubtful.

        Raises:
            RunbookError: it would not be, or the place can't be asked.
        """
        ...

    def put(self, anchor: Anchor, retain: timedelta) -> str:
        """Add one, and give where it is now.

        Raises:
            RunbookError: it can't be written, or would not be kept from changes.
        """
        ...


def anchor_place(address: str, *, region: str | None = None) -> AnchorPlace:
    """Find the place of that name: `s3://BUCKET/PREFIX`, or a file.

    Raises:
        UsageError: it is no such name, or the region lacks.
    """
    parts = urlsplit(address)
    if parts.scheme != "s3":
        if "://" in address or not address.strip():
            raise UsageError(f"{address!r} is no place for anchors", hint="name a file, or s3://BUCKET/PREFIX")
        return FilePlace(Path(address))
    if not parts.netloc:
        raise UsageError(f"{address!r} names no bucket", hint="write s3://BUCKET/PREFIX")
    if region is None:
        raise UsageError("S3 needs a region", hint="--region eu-central-1, or AWS_REGION")
    from runbook_engine.connections.aws import AwsSession

    client = AwsSession().client("s3", region=region, read_only=False)
    return BucketPlace(client, parts.netloc, parts.path.strip("/"))


class FilePlace:
    """A file that anchors are added to, a line each. What keeps it from changes is the medium or the host it is on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def address(self) -> str:
        """See `AnchorPlace`."""
        return str(self._path)

    def anchors(self) -> list[Anchor]:
        """See `AnchorPlace`."""
        found, damaged = self._lines()
        if damaged:
            where = f"{self._path}, line {damaged[0]}"
            if not found:
                raise RunbookError(f"{where}: is no anchor of a journal", hint=_OTHER_PLACE)
            raise JournalError(
                f"{where}: is damaged, and whatever it anchored can't be compared any more",
                hint="keep the file as evidence, and anchor to another one from now on",
            )
        return found

    def _lines(self) -> tuple[list[Anchor], list[int]]:
        """Give the anchors, and the numbers of the lines that are none; one that was cut off is left out."""
        found: list[Anchor] = []
        damaged: list[int] = []
        try:
            with open_plain(self._path) as file:
                if os.fstat(file.fileno()).st_size > _LARGEST_FILE:
                    raise UsageError(f"{self._path} is larger than {_LARGEST_FILE >> 30} GiB", hint=_OTHER_PLACE)
                for number, line in enumerate(iter(lambda: file.readline(_LARGEST), b""), 1):
                    if not line.endswith(b"\n") and len(line) < _LARGEST:
                        continue  # a power cut ended it: nobody was told that it is there
                    try:
                        found.append(_read(line, f"{self._path}, line {number}"))
                    except RunbookError:
                        damaged.append(number)
        except FileNotFoundError:
            return [], []
        except OSError as error:
            raise UsageError(f"{self._path} can't be read: {error.strerror}", hint=_OTHER_PLACE) from error
        return found, damaged

    def doubt(self) -> str:
        """See `AnchorPlace`."""
        return "a file is kept from changes by the medium or the host it is on alone, which is not known here"

    def put(self, anchor: Anchor, retain: timedelta) -> str:
        """See `AnchorPlace`; the time is for those who look after the file."""
        del retain
        line = anchor.model_dump_json().encode() + b"\n"
        try:
            with os.fdopen(open_to_append(self._path), "r+b") as file:
                _cut_torn_end(file)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            hint = "name a file in a folder that is there, on another machine or medium than the journal"
            raise UsageError(f"{self._path} can't be written: {error.strerror}", hint=hint) from error
        return str(self._path)


class BucketPlace:
    """A bucket with Object Lock: nobody, not even the account's owner, changes or deletes an anchor before its time."""

    def __init__(self, client: AwsClient, bucket: str, prefix: str) -> None:
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def address(self) -> str:
        """See `AnchorPlace`."""
        return f"s3://{self._bucket}/{self._prefix.rstrip('/')}"

    def anchors(self) -> list[Anchor]:
        """See `AnchorPlace`."""
        # Of each the oldest version, also when it was deleted: what somebody put over it is not what was anchored.
        # (S3 lists the newest first, and tells times by the second only.)
        oldest: dict[str, str] = {}
        prefix = f"{self._prefix}anchor-"
        for item in self._client.pages("list_object_versions", "Versions", Bucket=self._bucket, Prefix=prefix):
            oldest[str(item["Key"])] = str(item["VersionId"])
            if len(oldest) > _MOST_ANCHORS:
                raise RunbookError(
                    f"{self.address} holds more than {_MOST_ANCHORS:,} anchors", hint="use another prefix"
                )
        return [self._anchor(key, version) for key, version in sorted(oldest.items())]

    def doubt(self) -> str:
        """See `AnchorPlace`."""
        try:
            answer = self._client.call("get_object_lock_configuration", Bucket=self._bucket)
        except AwsError as error:
            if error.code in _NOT_ALLOWED:
                missing = "s3:GetBucketObjectLockConfiguration is missing"
                return f"whether {self._bucket} has Object Lock is not known: {missing}"
            if error.code != "ObjectLockConfigurationNotFoundError":
                raise
            answer = {}
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise RunbookError(
                f"the bucket {self._bucket} has no Object Lock: an anchor in it could be changed; nothing was written",
                hint="enable Object Lock for it (it stays enabled for good), or name another bucket",
            )
        return ""

    def put(self, anchor: Anchor, retain: timedelta) -> str:
        """See `AnchorPlace`."""
        key = f"{self._prefix}anchor-{anchor.at:%Y%m%dT%H%M%S.%fZ}.json"
        until = anchor.at + retain
        self._client.call(
            "put_object",
            Bucket=self._bucket,
            Key=key,
            Body=anchor.model_dump_json().encode(),
            ContentType="application/json",
            IfNoneMatch="*",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="SHA256",
        )
        kept = self._client.call("head_object", Bucket=self._bucket, Key=key)
        locked = kept.get("ObjectLockRetainUntilDate")
        if kept.get("ObjectLockMode") != "COMPLIANCE" or not _is_until(locked, until):
            raise RunbookError(
                f"s3://{self._bucket}/{key} was written, and is not locked against changes",
                hint="the bucket needs Object Lock, which is chosen when it is made",
            )
        return f"s3://{self._bucket}/{key}"

    def _anchor(self, key: str, version: str) -> Anchor:
        answer = self._client.call("get_object", Bucket=self._bucket, Key=key, VersionId=version)
        return _read(bytes(answer["Body"]), f"s3://{self._bucket}/{key}")


def _cut_torn_end(file: IO[bytes]) -> None:
    """Take away a last line that a power cut left without an end."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LARGEST))
    rest = file.read(_LARGEST)
    if rest and not rest.endswith(b"\n"):
        file.truncate(size - len(rest) + rest.rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)


def _read(text: bytes, where: str) -> Anchor:
    try:
        return Anchor.model_validate_json(text)
    except ValidationError as error:
        raise RunbookError(f"{where}: is no anchor of a journal", hint=_OTHER_PLACE) from error


def _is_until(locked: object, until: datetime) -> bool:
    return isinstance(locked, datetime) and locked >= until - timedelta(seconds=1)
