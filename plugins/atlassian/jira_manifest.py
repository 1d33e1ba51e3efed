"""What the manifest of an export of Jira says: each issue, its files, what is missing, and the recovery point."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.sdk import ActionFailedError, JsonObject, JsonValue

from .backup_manifest import FORMAT, Lack, time_of
from .export_store import Store, Stored
from .shapes import mapping, objects, text

MADE_BY = "jira.export"


@dataclass
class Export:
    """The state of an export, as its manifest or a note of its progress holds it.

    Attributes:
        source: site and search.
        issues: what is known of each issue, by its id.
        recovery_point: it has everything that Jira listed at that time.
        mark: of the attempt that wrote it.
        gone: keys of the issues that it was the first to miss in Jira's list.
        changed: how many issues were new or changed in it.
        approximate: Jira's own estimate of how many issues there are.
    """

    source: str
    issues: dict[str, JsonObject] = field(default_factory=dict)
    recovery_point: datetime | None = None
    mark: str = ""
    changed: int = 0
    gone: tuple[str, ...] = ()
    approximate: int = 0

    @property
    def listed(self) -> dict[str, JsonObject]:
        """The issues that Jira listed when it was made."""
        return {key: entry for key, entry in self.issues.items() if "removed" not in entry}

    def words(self) -> str:
        """Say what it holds."""
        removed = len(self.issues) - len(self.listed)
        kept = f", {removed} that Jira no longer lists are kept" if removed else ""
        return f"{len(self.listed)} issues are exported{kept}"

    def files(self) -> Iterator[Stored]:
        """Give every file that it names."""
        for entry in self.issues.values():
            yield from files_of(entry)

    def lacks(self) -> Iterator[Lack]:
        """Say what Jira lists and does not give."""
        for entry in self.issues.values():
            for lack in objects(entry.get("missing")):
                yield Lack(f"{text(entry, 'key')}: {text(lack, 'what')}", text(lack, "why"))

    def behind(self, listing: Mapping[str, str], *, again: bool) -> list[str]:
        """Give the ids of the issues that are not in it as Jira lists them.

        Args:
            again: also those of which something is missing.
        """
        return [
            identity
            for identity, updated in listing.items()
            if (entry := self.issues.get(identity)) is None
            or text(entry, "updated") != updated
            or "removed" in entry
            or (again and entry.get("missing"))
        ]

    def missed(self, listing: Mapping[str, str]) -> list[str]:
        """Give the ids of the issues that Jira no longer lists, where it does not say so yet."""
        return [key for key in self.listed if key not in listing]

    def outputs(self) -> JsonObject:
        """Give the step's outputs."""
        return {
            "recovery_point": self.recovery_point.isoformat(timespec="seconds") if self.recovery_point else "",
            **self._counts(),
            "removed": len(self.issues) - len(self.listed),
            "gone": list(self.gone),
            "size": sum(file.size for file in self.files()),
            "changed": self.changed,
            "approximate": self.approximate,
            "missing": {lack.what: lack.why for lack in self.lacks()},
        }

    def write(self, store: Store, path: str) -> Stored:
        """Write it."""
        manifest: JsonObject = {
            "format": FORMAT,
            "made_by": MADE_BY,
            "source": self.source,
            "recovery_point": self.recovery_point.isoformat(timespec="seconds") if self.recovery_point else None,
            "counts": {**self._counts(), "removed": len(self.issues) - len(self.listed)},
            "files": [file.entry() for file in self.files()],
            "missing": [{"what": lack.what, "why": lack.why} for lack in self.lacks()],
            "issues": self.issues,
            "mark": self.mark,
            "changed": self.changed,
            "gone": list(self.gone),
            "approximate": self.approximate,
        }
        content = json.dumps(manifest, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
        return store.write(path, f"{content}\n".encode())

    def _counts(self) -> dict[str, JsonValue]:
        there = self.listed.values()
        return {
            "issues": len(there),
            "comments": sum(_number(entry.get("comments")) for entry in there),
            "attachments": sum(len(objects(entry.get("attachments"))) for entry in there),
        }


def read_export(store: Store, path: str, source: str) -> Export | None:
    """Read an export's state, None when there is none.

    Raises:
        ActionFailedError: it can't be read, or is of something else: nothing there is touched.
    """
    content = store.read(path)
    if content is None:
        return None
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    issues = value.get("issues", {}) if isinstance(value, dict) and value.get("format") == FORMAT else None
    if not isinstance(issues, dict) or not all(isinstance(entry, dict) for entry in issues.values()):
        raise ActionFailedError(
            f"{store.place(path)} is not the manifest of an export", hint="give another place, or move it away"
        )
    if value.get("made_by") != MADE_BY or value.get("source") != source:
        raise ActionFailedError(
            f"{store.place(path)} is of another export: {value.get('made_by')}, {value.get('source')}",
            hint="give another place for this one",
        )
    return Export(
        source=source,
        issues=issues,
        recovery_point=time_of(value.get("recovery_point")),
        mark=text(value, "mark"),
        changed=_number(value.get("changed")),
        gone=tuple(map(str, gone)) if isinstance(gone := value.get("gone"), list) else (),
        approximate=_number(value.get("approximate")),
    )


def files_of(entry: JsonObject) -> Iterator[Stored]:
    """Give the files of one issue."""
    yield from stored([mapping(entry, "file")])
    for attachment in objects(entry.get("attachments")):
        yield from stored(objects(attachment.get("files")))


def stored(entries: list[JsonObject]) -> Iterator[Stored]:
    """Read files as a manifest has them."""
    for entry in entries:
        if entry:  # of an issue whose file is to be brought again there is none
            yield Stored(text(entry, "path"), _number(entry.get("bytes")), text(entry, "sha256"))


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
