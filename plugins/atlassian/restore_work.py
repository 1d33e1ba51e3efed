"""Brings repositories of a backup back: what the backup has of them, what is there, what is to be pushed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field

from runbook_engine.sdk import ActionContext, ActionFailedError, JsonObject, JsonValue

from .backup_manifest import NAME, read_manifest, time_of
from .bitbucket import Workspace, is_slug, repository
from .client import segment
from .errors import LostAnswerError, NotThereError, RefusedError
from .git_restore import RestoreJob, pushable
from .git_work import do_job
from .mirror_backup import MADE_BY
from .shapes import objects

_SHOWN = 20


class RestoreParams(Workspace):
    """From where, whereto, which."""

    folder: str = Field(
        pattern=r"^/.*[^/]$",
        description="folder of the backup, on the machine that runs the engine",
        examples=["/srv/backup/bitbucket"],
    )
    repositories: list[str] = Field(
        [],
        description="names in the backup; without any, all that the workspace had at the time of the backup",
        examples=[["shop", "billing"]],
    )
    allow_missing: bool = Field(
        default=False,
        description="whether to restore although the backup says that something of it is missing or not up to date",
    )
    create: bool = Field(
        default=False, description="make repositories that are not there, private unless they were not"
    )
    project: str | None = Field(
        None,
        pattern=r"^[A-Za-z][A-Za-z0-9_]*$",
        description="key of the project of new repositories; without it the project that they were in",
        examples=["APP"],
    )
    concurrent: int = Field(4, ge=1, le=16, description="repositories that are worked on at once")
    work: str | None = Field(
        None,
        pattern=r"^/.*[^/]$",
        description="folder to unpack bundles in, one after the other; without it ~/.runbook/restore",
    )

    @property
    def work_folder(self) -> str:
        """Give where bundles are unpacked."""
        return self.work or str(Path.home() / ".runbook" / "restore")


@dataclass(frozen=True)
class Wanted:
    """A repository as the backup has it; `refs` are those that can be pushed."""

    name: str
    identity: str
    refs: Mapping[str, str]
    refs_sha256: str
    head: str
    bundle: str
    sha256: str
    confirmed: datetime | None
    about: JsonObject

    @property
    def words(self) -> str:
        """Say what it holds."""
        return f"{len(self.refs)} references"

    @property
    def branch(self) -> str:
        """Name its main branch."""
        return self.head.removeprefix("refs/heads/")


@dataclass(frozen=True)
class Seen:
    """A repository as it is: how many references it lacks, which branch is its main one; `words` say what it is."""

    missing: int
    head: str
    words: str


def wanted_of(params: RestoreParams, context: ActionContext) -> list[Wanted]:
    """Read from the manifest what is to be restored.

    Raises:
        ActionFailedError: there is no backup, or it lacks what is asked for.
    """
    manifest = read_manifest(context, params.folder, MADE_BY)
    if manifest is None:
        raise ActionFailedError(
            f"there is no backup: {params.folder}/{NAME} is not there", hint="give the folder of bitbucket.mirror"
        )
    entries = objects(manifest.get("repositories"))
    names = params.repositories or [str(one.get("name")) for one in entries if not one.get("removed")]
    # Of two of one name (the first was removed, then another made) the one that is in the workspace counts.
    known = {str(one.get("name")): one for one in sorted(entries, key=lambda one: not one.get("removed"))}
    if not names:
        kept = f"; it keeps {len(known)} removed ones: {', '.join(sorted(known)[:_SHOWN])}" if known else ""
        raise ActionFailedError(
            f"nothing is to be restored: by the backup the workspace had no repository{kept}",
            hint="name those that are to be restored in `repositories`, or restore from another copy of the backup",
        )
    lacking = sorted({name for name in names if name not in known})
    if lacking:
        raise ActionFailedError(f"the backup has no repository {lacking[0]}", hint=f"it has {', '.join(sorted(known))}")
    lost = [str(one.get("what")) for one in objects(manifest.get("missing"))]
    lost = [name for name in lost if name in names or not params.repositories]
    if lost and not params.allow_missing:
        raise ActionFailedError(
            f"by the backup's own words {lost[0]} is missing or not up to date in it ({len(lost)} in all)",
            hint="name the others in `repositories`, or say `allow_missing: true`",
        )
    return [_wanted(known[name]) for name in dict.fromkeys(names)]


class RestoreWork:
    """One attempt at restoring; `created` names what was made."""

    def __init__(self, params: RestoreParams, context: ActionContext) -> None:
        self._params, self._context = params, context
        self.created: list[str] = []

    def look(self, wanted: Wanted) -> Seen:
        """See what is there, and that the backup could be restored into it.

        Raises:
            ActionFailedError: it can't: it holds something else, is not there, or the bundle is damaged.
        """
        if wanted.bundle and self._context.connection.sha256(self._bundle(wanted)) != wanted.sha256:
            raise ActionFailedError(
                f"{wanted.bundle} is missing or damaged: its SHA-256 is not the manifest's",
                hint="restore from another copy of the backup",
            )
        try:
            now = self._params.references(self._context, wanted.name)
        except NotThereError as error:
            if not self._params.create:
                raise ActionFailedError(
                    f"there is no repository {self._params.workspace}/{wanted.name}",
                    hint="make it, or say `create: true`; may the token's account see it?",
                ) from error
            return Seen(max(1, len(wanted.refs)), "", "not there")
        there = pushable(now.refs)
        foreign = sorted(name for name, oid in there.items() if wanted.refs.get(name) != oid)
        if foreign:
            raise ActionFailedError(
                f"it is not empty and holds something else than the backup ({foreign[0]}"
                + (f" and {len(foreign) - 1} more)" if foreign[1:] else ")"),
                hint="restore into an empty repository or another workspace; nothing is overwritten",
            )
        return Seen(len(wanted.refs) - len(there), now.head, f"{len(there)} references")

    def restore(self, wanted: Wanted) -> Seen:
        """Make it when it is not there, and push what it lacks.

        Raises:
            ActionFailedError: it can't be restored.
        """
        seen = self.look(wanted)
        if seen.words == "not there":
            self._create(wanted)
        if not seen.missing or not wanted.bundle:
            return seen
        job = RestoreJob(
            url=self._params.git_url(wanted.name),
            bundle=self._bundle(wanted),
            sha256=wanted.sha256,
            refs_sha256=wanted.refs_sha256,
            head=wanted.head,
            work=self._params.work_folder,
            identity=wanted.identity,
        )
        facts: JsonObject = {"kind": "restore", "user": self._params.git_user, **asdict(job)}
        do_job(self._context, wanted.identity, facts, self._params.token)
        return seen

    def _create(self, wanted: Wanted) -> None:
        """Make it; when that is refused or its answer lost, it may be there all the same."""
        path = f"/repositories/{segment(self._params.workspace)}/{segment(wanted.name)}"
        try:
            self._params.rest(self._context).send("POST", path, self._new(wanted))
        except (RefusedError, LostAnswerError):
            if repository(self._params, self._context, wanted.name) is None:
                raise
            return
        self.created.append(wanted.name)

    def _new(self, wanted: Wanted) -> JsonObject:
        about = wanted.about
        body: dict[str, JsonValue] = {
            "type": "repository",
            "scm": "git",
            "is_private": about.get("is_private") is not False,
        }
        body |= {key: about[key] for key in ("description", "has_wiki", "has_issues") if key in about}
        project = self._params.project or about.get("project")
        return {**body, "project": {"type": "project", "key": project}} if project else body

    def _bundle(self, wanted: Wanted) -> str:
        return f"{self._params.folder}/{wanted.bundle}"


def _wanted(entry: JsonObject) -> Wanted:
    """Read an entry; a manifest comes from outside.

    Raises:
        ActionFailedError: it is not as bitbucket.mirror writes it.
    """
    name, identity, bundle = str(entry.get("name")), str(entry.get("uuid")), str(entry.get("bundle") or "")
    refs, about = entry.get("refs"), entry.get("about")
    outside = bundle and (not bundle.startswith("bundles/") or "/" in bundle.removeprefix("bundles/") or ".." in bundle)
    if not is_slug(name) or not identity.isalnum() or outside or not isinstance(refs, Mapping):
        raise ActionFailedError(
            f"the manifest's entry of {name!a} is not as bitbucket.mirror writes it", hint="restore from another copy"
        )
    return Wanted(
        name=name,
        identity=identity,
        refs=pushable({key: str(value) for key, value in refs.items()}),
        refs_sha256=str(entry.get("refs_sha256")),
        head=str(entry.get("head") or ""),
        bundle=bundle,
        sha256=str(entry.get("sha256")),
        confirmed=time_of(entry.get("confirmed")),
        about=about if isinstance(about, Mapping) else {},
    )
