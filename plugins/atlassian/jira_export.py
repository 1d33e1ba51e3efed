"""jira.export: the issues of a search with all their comments and attachments, as files with a manifest."""

import re
from collections.abc import Collection
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Duration,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

from .atlassian_site import OnSite
from .backup_manifest import NAME, Lack, lacking, stale, told
from .collapse import MayVanish, must_not_collapse
from .export_store import GREATEST, Bucket, Folder, S3Store, Store
from .jira_issues import listed
from .jira_manifest import Export, read_export
from .jira_work import ExportWork
from .marks import attempt_mark

_ANSWER = 16 << 20  # bytes


class ExportParams(OnSite):
    """Which issues, from where, whereto."""

    jql: str = Field(
        min_length=1,
        max_length=2000,
        description="which issues; it must be bounded, and have no ORDER BY",
        examples=["project = HELP"],
    )
    folder: str | None = Field(
        None, pattern=r"^/.*[^/]$", description="folder on the target; it is made", examples=["/srv/backup/tickets"]
    )
    s3: Bucket | None = Field(
        None, description="or a bucket", examples=[{"bucket": "backups", "prefix": "tickets/", "region": "eu-west-1"}]
    )
    attachments: bool = Field(default=True, description="whether attachments are part of it")
    part_bytes: int = Field(
        32 << 20,
        ge=1024,
        le=GREATEST,
        description="longest file; an attachment that is longer becomes several, to be put together in their order",
    )
    renew: Duration = Field(
        timedelta(hours=1),
        description="greatest age of the manifest; an older one is written anew although no issue changed",
    )
    may_vanish: MayVanish = 0.5
    allow_missing: bool = Field(
        default=False, description="whether it is done although Jira does not give something that it lists"
    )

    @field_validator("jql")
    @classmethod
    def _jql_has_no_order(cls, value: str) -> str:
        if re.search(r"\border\s+by\b", value, re.IGNORECASE):
            raise ValueError("it must have no ORDER BY; the export has an order of its own")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.s3 is None):
            raise ValueError("give exactly one of folder and s3")
        return self


class ExportOutputs(Outputs):
    """What the export holds."""

    manifest: str = Field("", description="where the manifest is")
    recovery_point: str = Field("", description="the time up to which it has everything that Jira listed, UTC")
    issues: int = Field(0, description="issues in it that Jira lists, the removed ones not counted")
    comments: int = Field(0, description="their comments")
    attachments: int = Field(0, description="their attachments")
    size: int = Field(0, description="bytes of all files")
    changed: int = Field(0, description="issues that were new or changed")
    removed: int = Field(0, description="issues in it that Jira no longer lists; they are kept")
    gone: list[str] = Field([], description="keys of those of them that this export was the first to miss")
    approximate: int = Field(0, description="how many issues there are by Jira's own estimate, to compare with")
    missing: dict[str, str] = Field({}, description="what Jira lists and does not give, and why")


class JiraExport(Action[ExportParams]):
    """Export issues of Jira, with all comments and attachments, to a folder or a bucket with Object Lock.

    check: done when the manifest is no older than `renew`, its files are there as they were written (in a folder by
    their SHA-256, in a bucket by their sizes), and Jira lists the issues and times of change that it has. A bucket
    without the Object Lock that is asked for is an error, in a dry run, too.
    apply: brings what is new or changed, one file an issue, attachments below names that lead nowhere; then writes the
    manifest. Killed, it goes on with what is missing. An issue or attachment that was deleted in Jira is kept and told;
    where more than `may_vanish` of the issues are gone, or all, it fails and changes nothing: the token may see less.
    Jira's lists lag some seconds behind what was just changed.
    """

    name = "jira.export"
    reversible = False
    duration = "minutes to hours at first, by number of issues and attachments; then by what is new"
    aws_reads = ("s3:GetObject", "s3:ListObjectsV2", "s3:GetObjectLockConfiguration")
    aws_writes = ("s3:PutObject",)
    aws_permissions = ("s3:PutObjectRetention",)
    Params = ExportParams
    Outputs = ExportOutputs
    example: ClassVar[str] = """\
jira.export:
  site:
    url: https://example.atlassian.net
    email: backup@example.com
    token: "{{ secret('env:ATLASSIAN_TOKEN') }}"
  jql: project = HELP
  s3:
    bucket: backups
    prefix: support-tickets/
    region: eu-west-1
    lock: {mode: COMPLIANCE, days: 35}
"""

    def check(self, params: ExportParams, context: ActionContext) -> Finding:
        """Compare the manifest with the files, and with what Jira lists now."""
        store = _store(params, context)
        doubt = store.doubt()
        found = self._found(params, context, store)
        return found.model_copy(update={"summary": f"{found.summary}; {doubt}"}) if doubt else found

    def _found(self, params: ExportParams, context: ActionContext, store: Store) -> Finding:
        export = read_export(store, NAME, _source(params))
        if export is None:
            there = len(_listing(params, context, set()))
            change = Change(what="export", after={"issues": there, "to": store.place("")})
            return unsatisfied(f"there is no export yet; Jira lists {there} issues", changes=(change,))
        wrong = [Lack(path, "is not as it was written") for path in store.damaged(export.files())]
        if not params.allow_missing:
            wrong += export.lacks()
        if export.mark != attempt_mark(context):  # what this very attempt brought is not held against what came since
            wrong += _behind(params, context, export)
        if wrong:
            return lacking(wrong)
        return satisfied(
            f"{export.words()} as of {export.recovery_point:%Y-%m-%d %H:%M:%S} UTC",
            outputs={**export.outputs(), "manifest": store.place(NAME)},
            recovery_point=export.recovery_point,
        )

    def apply(self, params: ExportParams, context: ActionContext) -> Applied:
        """Bring it up to date."""
        part_bytes = params.part_bytes if params.attachments else None
        client, store = params.client(context, max_bytes=_ANSWER), _store(params, context)
        mark = attempt_mark(context)
        work = ExportWork(context, client, store, params.jql, _source(params), mark, part_bytes, params.may_vanish)
        export = work.run()
        lacks = list(export.lacks())
        if lacks and not params.allow_missing:
            raise ActionFailedError(
                f"Jira lists and does not give {len(lacks)}: {told(map(str, lacks))}",
                hint="the rest is exported; run again, or say allow_missing: true",
                outputs={**export.outputs(), "manifest": store.place(NAME)},
            )
        words = f"exported {export.changed} issues that were new or changed" if export.changed else "nothing was new"
        return Applied(summary=words)


def _behind(params: ExportParams, context: ActionContext, export: Export) -> list[Lack]:
    """Say how the export is behind what Jira lists now."""
    found = list(stale(export.recovery_point, context.clock.now(), params.renew))
    listing = _listing(params, context, export.listed)
    for identity in export.behind(listing, again=False):
        known = export.issues.get(identity)
        found.append(Lack(f"issue {known['key'] if known else identity}", "was changed" if known else "is new"))
    found += [Lack(f"issue {export.issues[key]['key']}", "is no longer listed") for key in export.missed(listing)]
    return found


def _listing(params: ExportParams, context: ActionContext, known: Collection[str]) -> dict[str, str]:
    listing = dict(listed(params.client(context, max_bytes=_ANSWER), params.jql))
    must_not_collapse(known, listing, params.may_vanish, "issues")
    return listing


def _store(params: ExportParams, context: ActionContext) -> Store:
    if params.s3 is not None:
        return S3Store(context, params.s3)
    if params.folder is None:
        raise ActionFailedError("there is no place to export to", hint="give folder or s3")
    return Folder(context, params.folder)


def _source(params: ExportParams) -> str:
    return f"{params.site.url} {params.jql}"
