"""What the manifest of a workspace's backup says: each repository, what it lacks, its recovery point."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.sdk import ActionFailedError, JsonObject, JsonValue

from .backup_manifest import Lack, time_of
from .bitbucket import RemoteRepository, Workspace
from .git_advertisement import Advertisement
from .git_command import refs_digest
from .shapes import objects

MADE_BY = "bitbucket.mirror"


@dataclass
class Backup:
    """What a manifest says of a workspace.

    Attributes:
        entries: by the repository's UUID.
        failed: why the repositories that could not be brought up to date failed, by name.
        changed: names of those that had something new.
        gone: names of those that this backup was the first to miss.
        is_new: whether anything in it differs from the backup before, its time excepted.
        wanted: how many repositories the workspace has.
    """

    source: str
    entries: dict[str, JsonObject]
    failed: dict[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_new: bool = False
    wanted: int = 0
    recovery_point: datetime | None = None

    @classmethod
    def read(cls, manifest: JsonObject) -> "Backup":
        """Read it from a manifest."""
        entries = {str(entry.get("uuid")): entry for entry in objects(manifest.get("repositories"))}
        failed = {str(one.get("what")): str(one.get("why")) for one in objects(manifest.get("missing"))}
        return cls(
            source=str(manifest.get("source")),
            entries=entries,
            failed=failed,
            changed=_strings(manifest.get("changed")),
            gone=_strings(manifest.get("gone")),
            recovery_point=time_of(manifest.get("recovery_point")),
        )

    @property
    def listed(self) -> dict[str, JsonObject]:
        """The entries of what the workspace had when the backup was made."""
        return {key: entry for key, entry in self.entries.items() if not entry.get("removed")}

    @property
    def lacks(self) -> list[Lack]:
        """What could not be backed up."""
        return [Lack(name, why) for name, why in self.failed.items()]

    def must_be_of(self, workspace: Workspace) -> None:
        """See that it is this workspace's.

        Raises:
            ActionFailedError: it is another's.
        """
        if self.source != source_of(workspace):
            raise ActionFailedError(f"the folder holds the backup of {self.source}", hint="give another folder")

    def difference(self, remote: RemoteRepository, now: Advertisement) -> str:
        """Say how the repository differs from what is in the backup; empty when it doesn't."""
        entry = self.entries.get(remote.identity)
        if entry is None:
            return "is not in the backup yet"
        if entry.get("name") != remote.slug:
            return f"was {entry.get('name')}"
        if entry.get("removed"):
            return "is back in the workspace"
        if entry.get("refs_sha256") != refs_digest(now.refs):
            return "has something new"
        return "has another main branch" if entry.get("head") != now.head else ""

    def missed(self, remote: Iterable[RemoteRepository]) -> list[str]:
        """Name those that the workspace no longer has, where the manifest does not say so yet."""
        there = {one.identity for one in remote}
        return [str(entry.get("name")) for key, entry in self.listed.items() if key not in there]

    def words(self) -> str:
        """Say what it holds, and what it lacks."""
        notes = [
            f"{len(names)} {words}"
            for key, words in (
                ("lfs", "with Git LFS, whose files are not in it"),
                ("removed", "no longer in the workspace are kept"),
            )
            if (names := self._names(key))
        ]
        return ", ".join((f"{len(self.listed)} repositories are backed up", *notes))

    def outputs(self) -> JsonObject:
        """Give the step's outputs."""
        return {
            "recovery_point": self.recovery_point.isoformat(timespec="seconds") if self.recovery_point else "",
            **self._counts(),
            "size": sum(_number(entry.get("bytes")) for entry in self.entries.values()),
            "changed": list(self.changed),
            "removed": self._names("removed"),
            "gone": list(self.gone),
            "lfs": self._names("lfs"),
            "failed": dict(self.failed),
        }

    def manifest(self, mark: str) -> JsonObject:
        """Give its manifest."""
        entries = sorted(self.entries.values(), key=lambda entry: str(entry.get("name")))
        return {
            "made_by": MADE_BY,
            "source": self.source,
            "recovery_point": self.recovery_point.isoformat(timespec="seconds") if self.recovery_point else None,
            "counts": {**self._counts(), "removed": len(self.entries) - len(self.listed)},
            "files": [
                {"path": entry["bundle"], "bytes": entry["bytes"], "sha256": entry["sha256"]}
                for entry in entries
                if entry.get("bundle")
            ],
            "missing": [{"what": name, "why": why} for name, why in self.failed.items()],
            "repositories": list(entries),
            "changed": list(self.changed),
            "gone": list(self.gone),
            "mark": mark,
        }

    def _counts(self) -> dict[str, JsonValue]:
        """Count what the workspace had when the backup was made, not what is kept of what it had before."""
        return {
            "repositories": len(self.listed),
            "references": sum(_number(entry.get("references")) for entry in self.listed.values()),
        }

    def _names(self, key: str) -> list[JsonValue]:
        return [*sorted(str(entry.get("name")) for entry in self.entries.values() if entry.get(key))]


def source_of(workspace: Workspace) -> str:
    """Name where a backup is from."""
    return f"{workspace.git}/{workspace.workspace}"


def entry_of(identity: str, state: JsonObject) -> JsonObject:
    """Give a repository's entry from what its job noted."""
    keys = (
        "name",
        "head",
        "refs_sha256",
        "references",
        "bundle",
        "bytes",
        "sha256",
        "lfs",
        "confirmed",
        "notes",
        "refs",
    )
    return {"uuid": identity, **{key: state.get(key) for key in keys}}


def essence(backup: Backup) -> list[tuple[str, JsonValue, JsonValue, bool]]:
    """Give what makes a backup another one, its time excepted."""
    return sorted(
        (key, str(entry.get("name")), str(entry.get("sha256")), bool(entry.get("removed")))
        for key, entry in backup.entries.items()
    )


def _strings(value: JsonValue) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _number(value: JsonValue | Mapping[str, JsonValue]) -> int:
    return value if isinstance(value, int) else 0
