"""Where an export is kept: a folder of the step's target, or a bucket with Object Lock."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Literal, NamedTuple, Protocol

from pydantic import Field

from runbook_engine.sdk import ActionContext, ActionFailedError, AwsError, JsonObject, Params

_NOT_ALLOWED = frozenset({"AccessDenied", "403"})
GREATEST = 64 << 20  # bytes of one file; the AWS door reads no more at once


class Lock(Params):
    """Object Lock: nobody can change or delete a version before its time."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field("COMPLIANCE", description="whether somebody may lift it")
    days: int = Field(ge=1, le=36_500, description="how long each version is kept", examples=[35])


class Bucket(Params):
    """A place in S3."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="the bucket", examples=["backups"])
    prefix: str = Field(
        "", pattern=r"^([^/].*/)?$", description="what every key begins with", examples=["support-tickets/"]
    )
    region: str = Field(description="its region", examples=["eu-west-1"])
    account: str | None = Field(
        None, pattern=r"^\d{12}$", description="the AWS account that the credentials must be of"
    )
    role: str | None = Field(None, description="ARN of a role to assume")
    lock: Lock | None = Field(None, description="Object Lock for every object; the bucket must have it enabled")


class Stored(NamedTuple):
    """A file as it was written: path below the store, bytes, hexadecimal SHA-256."""

    path: str
    size: int
    sha256: str

    def entry(self) -> JsonObject:
        """Give it as manifests have it."""
        return {"path": self.path, "bytes": self.size, "sha256": self.sha256}


class Store(Protocol):
    """Keeps files by their paths."""

    def read(self, path: str) -> bytes | None:
        """Give a file, None when there is none."""
        ...

    def write(self, path: str, content: bytes) -> Stored:
        """Write a file whole; at every instant its name shows the old or the new one."""
        ...

    def tidy(self, path: str) -> None:
        """Remove a file that is no longer needed, where that is possible."""
        ...

    def damaged(self, files: Iterable[Stored]) -> Iterator[str]:
        """Name those files that are not there as they were written."""
        ...

    def place(self, path: str) -> str:
        """Name a file for people."""
        ...

    def doubt(self) -> str:
        """Say what can't be known of whether files would be kept as they are to be; empty when nothing is doubtful.

        Raises:
            ActionFailedError: they would not be.
        """
        ...


class Folder:
    """A folder on the step's target."""

    def __init__(self, context: ActionContext, folder: str) -> None:
        self._context, self._folder = context, folder
        self._made: set[str] = set()

    def read(self, path: str) -> bytes | None:
        """Give a file."""
        connection, whole = self._context.connection, self.place(path)
        return None if connection.stat(whole) is None else connection.read(whole, limit=256 << 20)

    def write(self, path: str, content: bytes) -> Stored:
        """Write a file, readable by its owner alone."""
        whole = self.place(path)
        parent = whole.rpartition("/")[0]
        if parent not in self._made:
            self._context.connection.make_directory(parent, mode=0o700)
            self._made.add(parent)
        self._context.connection.write(whole, content, mode=0o600)
        return _stored(path, content)

    def tidy(self, path: str) -> None:
        """Remove a file."""
        self._context.connection.remove(self.place(path))

    def damaged(self, files: Iterable[Stored]) -> Iterator[str]:
        """Hash every file."""
        for file in files:
            self._context.pause(0)
            if self._context.connection.sha256(self.place(file.path)) != file.sha256:
                yield file.path

    def place(self, path: str) -> str:
        """Give its path on the target."""
        return f"{self._folder}/{path}"

    def doubt(self) -> str:
        """Know of none."""
        return ""


class S3Store:
    """A bucket, or a part of it. S3 holds each object to the SHA-256 that it is sent with."""

    def __init__(self, context: ActionContext, place: Bucket) -> None:
        self._context, self._place = context, place
        self._s3 = context.aws("s3", region=place.region, account=place.account, role=place.role)

    def read(self, path: str) -> bytes | None:
        """Give an object."""
        try:
            body = self._s3.call("get_object", Bucket=self._place.bucket, Key=self._key(path))["Body"]
        except AwsError as error:
            if error.code in {"NoSuchKey", "404"}:
                return None
            raise
        return bytes(body)

    def write(self, path: str, content: bytes) -> Stored:
        """Put an object, locked where that is asked for."""
        lock = {}
        if self._place.lock is not None:
            until = self._context.clock.now() + timedelta(days=self._place.lock.days)
            lock = {"ObjectLockMode": self._place.lock.mode, "ObjectLockRetainUntilDate": until}
        self._s3.call(
            "put_object",
            Bucket=self._place.bucket,
            Key=self._key(path),
            Body=content,
            ChecksumAlgorithm="SHA256",
            **lock,
        )
        return _stored(path, content)

    def tidy(self, path: str) -> None:
        """Leave it: who writes backups should not have the right to delete."""

    def damaged(self, files: Iterable[Stored]) -> Iterator[str]:
        """Compare with a listing: whether each is there, with its size."""
        there = {
            item["Key"]: item["Size"]
            for item in self._s3.pages(
                "list_objects_v2", "Contents", Bucket=self._place.bucket, Prefix=self._place.prefix
            )
        }
        for file in files:
            if there.get(self._key(file.path)) != file.size:
                yield file.path

    def place(self, path: str) -> str:
        """Give its address."""
        return f"s3://{self._place.bucket}/{self._key(path)}"

    def doubt(self) -> str:
        """Ask whether the bucket has the Object Lock that is asked for: without it, S3 would refuse every object."""
        bucket = self._place.bucket
        if self._place.lock is None:
            return ""
        try:
            answer = self._s3.call("get_object_lock_configuration", Bucket=bucket)
        except AwsError as error:
            if error.code in _NOT_ALLOWED:
                return f"whether {bucket} has Object Lock is not known: s3:GetBucketObjectLockConfiguration is missing"
            if error.code != "ObjectLockConfigurationNotFoundError":
                raise
            answer = {}
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise ActionFailedError(
                f"the bucket {bucket} has no Object Lock, so that nothing can be locked in it",
                hint="enable Object Lock for it (it stays enabled for good), name another bucket, or leave lock out",
            )
        return ""

    def _key(self, path: str) -> str:
        return self._place.prefix + path


def _stored(path: str, content: bytes) -> Stored:
    return Stored(path, len(content), hashlib.sha256(content).hexdigest())
