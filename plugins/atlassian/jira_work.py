"""Brings an export of Jira up to date: what is new or changed, issue by issue, so that it can go on where it ended."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runbook_engine.sdk import ActionContext, JsonObject, JsonValue

from .backup_manifest import NAME
from .client import Client
from .collapse import must_not_collapse
from .export_store import Store
from .jira_attachments import AttachmentError, bring
from .jira_issues import approximate_count, fetched, listed, with_all_comments
from .jira_manifest import Export, files_of, read_export, stored
from .shapes import mapping, objects, text
from .turns import alone

PROGRESS = "progress.json"
_NEVER = datetime.min.replace(tzinfo=UTC)
_BATCH = 50  # issues that are fetched at once
_NOTED = 500  # issues after which the progress is noted


@dataclass(frozen=True, slots=True)
class ExportWork:
    """One attempt to bring an export up to date.

    Attributes:
        part_bytes: longest piece of an attachment; None for no attachments.
        mark: tells this attempt from others, the same after a crash.
        may_vanish: greatest share of the issues that Jira may no longer list.
    """

    context: ActionContext
    client: Client
    store: Store
    jql: str
    source: str
    mark: str
    part_bytes: int | None
    may_vanish: float

    def run(self) -> Export:
        """Do it, and give what the manifest says then."""
        with alone(self.context, self.store.place(NAME)):
            return self._run()

    def _run(self) -> Export:
        export, began = self._begun(), self.context.clock.now()
        listing = dict(listed(self.client, self.jql))
        must_not_collapse(export.listed, listing, self.may_vanish, "issues")
        self._forget_damaged(export, listing)
        wanted = export.behind(listing, again=True)
        export.recovery_point = began
        for number, (identity, issue) in enumerate(self._issues(wanted), 1):
            self.context.progress(f"issue {number} of {len(wanted)}")
            before = export.issues.get(identity)
            entry = export.issues[identity] = self._entry(issue, before or {})
            export.changed += entry != before
            if number % _NOTED == 0:
                export.write(self.store, PROGRESS)
        missed = export.missed(listing)
        export.gone = tuple(sorted(text(export.issues[identity], "key") for identity in missed))
        for identity in missed:
            export.issues[identity] = {**export.issues[identity], "removed": began.isoformat(timespec="seconds")}
        export.approximate = approximate_count(self.client, self.jql)
        export.write(self.store, NAME)
        self.store.tidy(PROGRESS)
        return export

    def _begun(self) -> Export:
        """Give what there is: the manifest, or what a later attempt noted before it was ended."""
        export = read_export(self.store, NAME, self.source) or Export(self.source)
        noted = read_export(self.store, PROGRESS, self.source)
        if noted is not None and (noted.recovery_point or _NEVER) > (export.recovery_point or _NEVER):
            export = noted
        if export.mark != self.mark:
            export.mark, export.changed = self.mark, 0
        return export

    def _forget_damaged(self, export: Export, listing: Mapping[str, str]) -> None:
        """Forget what is not in the store as it was written, so that it is brought again, where Jira still has it."""
        damaged = set(self.store.damaged(export.files()))
        for identity, entry in export.issues.items() if damaged else ():
            if identity in listing and not damaged.isdisjoint(file.path for file in files_of(entry)):
                whole: list[JsonValue] = []
                lost: list[JsonObject] = []
                for attachment in objects(entry.get("attachments")):
                    files = stored(objects(attachment.get("files")))
                    (whole if damaged.isdisjoint(file.path for file in files) else lost).append(attachment)
                file = {} if text(entry, "file", "path") in damaged else mapping(entry, "file")
                names = [text(attachment, "id") for attachment in lost]
                export.issues[identity] = {**entry, "updated": "", "file": file, "attachments": whole, "lost": names}

    def _issues(self, wanted: Sequence[str]) -> Iterator[tuple[str, JsonObject]]:
        for begin in range(0, len(wanted), _BATCH):
            batch = wanted[begin : begin + _BATCH]
            for issue in fetched(self.client, batch):
                if (identity := text(issue, "id")) in batch:
                    yield identity, with_all_comments(self.client, issue)

    def _entry(self, issue: JsonObject, before: JsonObject) -> JsonObject:
        """Bring one issue; what is in the store already stays as it is."""
        missing: list[JsonValue] = []
        attachments = self._attachments(issue, before, missing)
        inline = mapping(issue, "fields", "comment")
        comments, total = len(objects(inline, "comments")), inline.get("total")
        if isinstance(total, int) and comments < total:
            missing.append({"what": "comments", "why": f"Jira says {total} and gives {comments}"})
        content = json.dumps(issue, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8", "backslashreplace")
        identity = text(issue, "id")
        file = self.store.write(f"issues/{int(identity) // 1000}/{identity}.json", content)
        return {
            "key": text(issue, "key"),
            "updated": text(issue, "fields", "updated"),
            "file": file.entry(),
            "comments": comments,
            "attachments": attachments,
            **({"missing": missing} if missing else {}),
        }

    def _attachments(self, issue: JsonObject, before: JsonObject, missing: list[JsonValue]) -> list[JsonValue]:
        """Bring the attachments that are not there yet; those that were deleted in Jira are kept."""
        if self.part_bytes is None:
            return [*objects(before.get("attachments"))]
        known: dict[str, JsonValue] = {text(item, "id"): item for item in objects(before.get("attachments"))}
        for attachment in objects(issue, "fields", "attachment"):
            identity, name = text(attachment, "id"), text(attachment, "filename")
            if identity in known:
                continue
            try:
                files = bring(self.client, self.store, attachment, self.part_bytes)
            except AttachmentError as error:
                missing.append({"what": f"attachment {identity}", "why": str(error)})
            else:
                known[identity] = {"id": identity, "name": name, "files": [file.entry() for file in files]}
        there = {text(attachment, "id") for attachment in objects(issue, "fields", "attachment")}
        lost = before.get("lost")
        gone = [identity for identity in lost if identity not in there] if isinstance(lost, list) else []
        why = "it was damaged here, and Jira has it no more"
        missing += [{"what": f"attachment {identity}", "why": why} for identity in gone]
        return [*known.values()]
