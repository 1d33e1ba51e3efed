"""The manifest of a backup, as docs/reference/backup-manifest.md describes it: read, and held against the files."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from runbook_engine.sdk import ActionContext, ActionFailedError

_AT_MOST = 256 << 20  # bytes
_SHOWN = 3


def _inside(path: str) -> str:
    """Refuse a path that leads out of the backup's folder."""
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{path!r} leads out of the folder")
    return path


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class BackupFile(BaseModel):
    """One file of a backup; `path` is below the manifest's folder."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, AfterValidator(_inside)]
    size: int = Field(alias="bytes", ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Missing(BaseModel):
    """What should be in the backup and is not up to date in it."""

    model_config = ConfigDict(frozen=True)

    what: str
    why: str = ""


class Manifest(BaseModel):
    """What a backup says of itself; other keys are its writer's own."""

    model_config = ConfigDict(frozen=True)

    format: Literal["runbook-backup/1"]
    made_by: str
    source: str = ""
    recovery_point: Annotated[datetime, AfterValidator(_utc)] | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    files: tuple[BackupFile, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def read_manifest(context: ActionContext, path: str) -> Manifest | None:
    """Read a manifest on the target, None when it is not there.

    Raises:
        ActionFailedError: it is none, or it names a file outside its folder.
    """
    if context.connection.stat(path) is None:
        return None
    try:
        # By Python's own reader: a name in it may be no UTF-8, which pydantic's refuses wherever it stands.
        return Manifest.model_validate(_object(context.connection.read(path, limit=_AT_MOST)))
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in one['loc']) or 'it'}: {one['msg']}"
            for one in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise ActionFailedError(
            f"{path} on {context.target.name} is not the manifest of a backup: {'; '.join(problems[:_SHOWN])}",
            hint="docs/reference/backup-manifest.md describes it",
        ) from None


def _object(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def damages(context: ActionContext, folder: str, manifest: Manifest) -> Iterator[str]:
    """Hash every file that a manifest names, and say what is wrong with it."""
    for number, file in enumerate(manifest.files, 1):
        context.pause(0)  # ends here when the operator cancels
        path = f"{folder}/{file.path}"
        found = context.connection.stat(path)
        if found is None:
            yield f"{file.path} is not there"
        elif found.kind != "file":
            yield f"{file.path} is not a file ({found.kind})"
        elif found.size != file.size:
            yield f"{file.path} has {found.size} bytes, not {file.size}"
        elif context.connection.sha256(path) != file.sha256:
            yield f"{file.path} is damaged: its SHA-256 is not the manifest's"
        context.progress(f"{number} of {len(manifest.files)} files hashed")
