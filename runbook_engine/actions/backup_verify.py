"""backup.verify: a backup is whole and young enough."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.backup_manifest import Manifest, damages, read_manifest
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Finding,
    JsonObject,
    Outputs,
    Params,
    PositiveDuration,
    format_duration,
    satisfied,
    unsatisfied,
)

_SHOWN = 5
_CLOCKS_APART = timedelta(minutes=5)


class VerifyParams(Params):
    """Which backup, and what it has to be."""

    folder: str = Field(
        pattern=r"^/.*[^/]$", description="folder of the backup on the target", examples=["/srv/backup/bitbucket"]
    )
    manifest: str = Field(
        "manifest.json", pattern=r"^[^/]+$", description="name of the manifest in it (reference/backup-manifest.md)"
    )
    max_age: PositiveDuration | None = Field(
        None,
        description="greatest age of its recovery point; older fails. Without it any age will do",
        examples=["25h"],
    )
    at_least: dict[str, int] = Field(
        {},
        description="least numbers of what it counts: an empty backup is as whole as can be",
        examples=[{"repositories": 1}],
    )
    made_by: str | None = Field(None, description="the action that must have made it", examples=["bitbucket.mirror"])
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 that the manifest itself must have, kept where who can change the backup can't change it",
    )
    allow_missing: bool = Field(
        default=False,
        description="whether it may say that something is missing or not up to date in it; told, not failed",
    )


class VerifyOutputs(Outputs):
    """What the backup is."""

    source: str = Field("", description="where its data is from")
    recovery_point: str = Field("", description="the time up to which it has everything, UTC; empty when not known")
    age_seconds: int | None = Field(None, description="age of the recovery point")
    files: int = Field(0, description="files that were hashed")
    size: int = Field(0, description="their bytes")
    counts: dict[str, int] = Field({}, description="what it counts, by name")
    missing: list[str] = Field([], description="what is missing or not up to date in it")


class BackupVerify(Action[VerifyParams]):
    """Verify a backup by its manifest: every file's SHA-256, its completeness, and the age of its recovery point.

    check: reads the manifest, hashes every file that it names, and compares age and counts. The files themselves are
    not restored: that they are as they were written is what it proves.
    """

    name = "backup.verify"
    duration = "as long as reading all files takes"
    Params = VerifyParams
    Outputs = VerifyOutputs
    example: ClassVar[str] = """\
backup.verify:
  folder: /srv/backup/bitbucket
  max_age: 25h
  at_least: {repositories: 1}
"""

    def check(self, params: VerifyParams, context: ActionContext) -> Finding:
        """Verify."""
        path = f"{params.folder}/{params.manifest}"
        manifest = read_manifest(context, path)
        if manifest is None:
            return unsatisfied(f"there is no backup: {path} is not there on {context.target.name}")
        now = context.clock.now()
        wrong = [*_stated(params, context, path, manifest, now), *damages(context, params.folder, manifest)]
        outputs = _outputs(manifest, now)
        facts = {"recovery_point": manifest.recovery_point, "outputs": outputs, "evidence": {"wrong": wrong[:1000]}}
        if wrong:
            more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            return unsatisfied("; ".join(wrong[:_SHOWN]) + more, **facts)
        point = outputs["recovery_point"] or "an unknown time"
        lacking = f"; {len(manifest.missing)} missing or not up to date" if manifest.missing else ""
        return satisfied(f"{len(manifest.files)} files are whole, as of {point}{lacking}", **facts)


def _stated(
    params: VerifyParams, context: ActionContext, path: str, manifest: Manifest, now: datetime
) -> Iterator[str]:
    """Say what is wrong by the manifest's own words."""
    if params.sha256 is not None and context.connection.sha256(path) != params.sha256:
        yield "the manifest is not the one that was made: its SHA-256 differs"
    if params.made_by is not None and manifest.made_by != params.made_by:
        yield f"it was made by {manifest.made_by}, not by {params.made_by}"
    if not params.allow_missing:
        yield from (f"{one.what} is missing or not up to date: {one.why}" for one in manifest.missing)
    for name, least in params.at_least.items():
        there = manifest.counts.get(name)
        if there is None:
            yield f"it does not count {name}"
        elif there < least:
            yield f"it has {there} {name}, not {least} or more"
    if params.max_age is not None:
        yield from _too_old(manifest.recovery_point, now, params.max_age)


def _too_old(point: datetime | None, now: datetime, greatest: timedelta) -> Iterator[str]:
    if point is None:
        yield "it has no recovery point"
    elif now - point > greatest:
        age = timedelta(seconds=int((now - point).total_seconds()))
        yield f"its recovery point is {format_duration(age)} old, more than {format_duration(greatest)}"
    elif point - now > _CLOCKS_APART:
        yield f"its recovery point {point.isoformat(timespec='seconds')} lies in the future"


def _outputs(manifest: Manifest, now: datetime) -> JsonObject:
    point = manifest.recovery_point
    return {
        "source": manifest.source,
        "recovery_point": point.isoformat(timespec="seconds") if point is not None else "",
        "age_seconds": int((now - point).total_seconds()) if point is not None else None,
        "files": len(manifest.files),
        "size": manifest.size,
        "counts": dict(manifest.counts),
        "missing": [one.what for one in manifest.missing],
    }
