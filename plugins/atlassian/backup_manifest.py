"""The manifest of a backup: what it holds with digests, what is missing, and the time up to which it has everything.

`backup.verify` reads the same format; docs/reference/backup-manifest.md describes it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    Change,
    Finding,
    JsonObject,
    JsonValue,
    format_duration,
    unsatisfied,
)

from .shapes import printable

NAME = "manifest.json"
FORMAT = "runbook-backup/1"
_AT_MOST = 256 << 20
_SHOWN = 5  # of what is lacking, in a summary
_CHANGES = 100


class Lack(NamedTuple):
    """Something that is not, or not fully, in the backup, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def read_manifest(context: ActionContext, folder: str, made_by: str) -> JsonObject | None:
    """Read a folder's manifest, None when there is none.

    Raises:
        ActionFailedError: it can't be read, or something else made it: the folder is not touched.
    """
    path = f"{folder}/{NAME}"
    if context.connection.stat(path) is None:
        return None
    try:
        value = json.loads(context.connection.read(path, limit=_AT_MOST))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ActionFailedError(f"{path} is not the manifest of a backup", hint="give another folder, or move it away")
    if value.get("made_by") != made_by:
        raise ActionFailedError(
            f"{path} is the manifest of another kind of backup ({value.get('made_by')})", hint="give another folder"
        )
    return value


def write_manifest(context: ActionContext, folder: str, manifest: JsonObject) -> None:
    """Write it; at every instant its name shows the old or the new one."""
    text = json.dumps({"format": FORMAT, **manifest}, indent=1, sort_keys=True, ensure_ascii=True)
    context.connection.write(f"{folder}/{NAME}", f"{text}\n".encode(), mode=0o600)


def damaged(context: ActionContext, folder: str, entries: Sequence[JsonObject]) -> Iterator[Lack]:
    """Hash every file that entries (`path`, `bytes`, `sha256`) name, and say which are not as they were made."""
    for number, entry in enumerate(entries, 1):
        context.pause(0)
        path = str(entry["path"])
        found = context.connection.sha256(f"{folder}/{path}")
        if found is None:
            yield Lack(path, "is not there")
        elif found != entry["sha256"]:
            yield Lack(path, "is not as it was made: its SHA-256 differs")
        context.progress(f"hashing: {number} of {len(entries)}")


def stale(recovery_point: datetime | None, now: datetime, renew: timedelta) -> Iterator[Lack]:
    """Say that a manifest is older than `renew`, or does not say how old it is."""
    if recovery_point is None:
        yield Lack("the manifest", "has no recovery point")
    elif (age := now - recovery_point) > renew:
        yield Lack("the manifest", f"is {format_duration(timedelta(seconds=int(age.total_seconds())))} old")


def lacking(lacks: Sequence[Lack]) -> Finding:
    """Give what a check finds of a backup that lacks something."""
    changes = tuple(Change(what=printable(lack.what), after=lack.why) for lack in lacks[:_CHANGES])
    return unsatisfied(told(map(str, lacks)), changes=changes)


def told(lines: Iterable[str]) -> str:
    """Give the first of several lines on one, and how many more there are."""
    shown = [printable(line) for line in lines]
    more = f", and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return "; ".join(shown[:_SHOWN]) + more


def time_of(value: JsonValue) -> datetime | None:
    """Read a time of a manifest, UTC; None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
