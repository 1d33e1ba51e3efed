"""Brings the backup of a workspace up to date: which repositories have work, what came of it, the new manifest."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from pydantic import Field

from runbook_engine.sdk import ActionContext, ActionFailedError, Duration, JsonObject

from .backup_manifest import read_manifest, time_of, write_manifest
from .bitbucket import RemoteRepository, Workspace, repositories
from .collapse import MayVanish, must_not_collapse
from .git_advertisement import Advertisement
from .git_command import refs_digest
from .git_mirror import MirrorJob
from .git_work import ALONE, do_job, forget_job, must_be_here, side_by_side
from .mirror_backup import MADE_BY, Backup, entry_of, essence, source_of

_BUNDLE = re.compile(r"[A-Za-z0-9_.-]+\.[0-9a-f]{8}\.[0-9a-f]{12}\.bundle")
_STATE = re.compile(r"([0-9a-f]{32})\.json")
_STATE_AT_MOST = 256 << 20


class MirrorParams(Workspace):
    """Which workspace, whereto."""

    folder: str = Field(
        pattern=r"^/.*[^/]$",
        description="folder of this workspace's backup on the machine that runs the engine; it is made",
        examples=["/srv/backup/bitbucket"],
    )
    concurrent: int = Field(4, ge=1, le=16, description="repositories that are worked on at once")
    renew: Duration = Field(
        timedelta(hours=1),
        description="greatest age of the manifest; an older one is written anew although no repository changed",
    )
    may_vanish: MayVanish = 0.5


class MirrorWork:
    """One attempt at a workspace's backup."""

    def __init__(self, params: MirrorParams, context: ActionContext, mark: str) -> None:
        self._params, self._context, self._mark = params, context, mark

    def run(self) -> Backup:
        """Do what is to be done and write the manifest; what failed stands in it."""
        must_be_here(self._context)
        params, context = self._params, self._context
        found = read_manifest(context, params.folder, MADE_BY)
        old = Backup.read(found) if found is not None else Backup(source_of(params), {})
        old.must_be_of(params)
        began = context.clock.now()
        remote = repositories(params, context)
        known = {**self._unlisted(old), **old.listed}
        must_not_collapse(known, {one.identity for one in remote}, params.may_vanish, "repositories")
        context.connection.make_directory(params.folder, mode=0o700)
        done = side_by_side(
            context,
            remote,
            self._one,
            at_once=params.concurrent,
            fails_alone=ALONE,
            what="repositories",
        )
        new = Backup(old.source, {}, wanted=len(remote))
        changed = []
        for one in sorted(done, key=lambda one: one.item.slug):
            state = one.result if one.error is None else self._state(one.item)
            if one.error is not None:
                new.failed[one.item.slug] = one.error.message
            if state is not None:
                new.entries[one.item.identity] = {**entry_of(one.item.identity, state), "about": one.item.facts}
                changed += [one.item.slug] if one.error is None and state.get("changed") else []
        new.entries |= self._removed(old, remote, began)
        new.gone = tuple(
            sorted(
                str(new.entries[key].get("name"))
                for key in known
                if key in new.entries and new.entries[key].get("removed")
            )
        )
        new.changed = tuple(changed)
        new.is_new = bool(changed) or essence(old) != essence(new)
        points = [time_of(entry.get("confirmed")) for entry in new.entries.values() if not entry.get("removed")]
        # A repository that never was backed up has no recovery point, and so has the whole.
        if len(points) == len(remote) and all(points):
            new.recovery_point = min((point for point in points if point is not None), default=began)
        write_manifest(context, params.folder, new.manifest(self._mark))
        self._tidy(new)
        return new

    def _one(self, remote: RemoteRepository) -> JsonObject:
        """Bring one repository up to date and give its state."""
        if remote.problem:
            raise ActionFailedError(remote.problem)
        before = self._state(remote)
        asked = self._context.clock.now()
        if before is not None and self._was_done(before, remote, asked):
            forget_job(self._context, remote.identity)
            return before
        now = self._params.references(self._context, remote.slug)
        if before is not None and self._is_current(before, remote, now):
            return {**before, "confirmed": asked.isoformat(timespec="seconds"), "changed": False}
        job = MirrorJob(
            url=self._params.git_url(remote.slug),
            folder=self._params.folder,
            identity=remote.identity,
            name=remote.slug,
            head=now.head,
            mark=self._mark,
        )
        facts: JsonObject = {"kind": "mirror", "user": self._params.git_user, **asdict(job)}
        said = do_job(self._context, remote.identity, facts, self._params.token)
        noted = self._noted(remote.identity)
        if noted is None or noted.get("mark") != self._mark:
            raise ActionFailedError("its job noted nothing", hint="does somebody else write into the folder? Run again")
        return {**noted, **said}

    def _was_done(self, state: JsonObject, remote: RemoteRepository, now: datetime) -> bool:
        """Tell whether this attempt had done it before it was interrupted, and not long ago."""
        confirmed = time_of(state.get("confirmed"))
        young = confirmed is not None and now - confirmed <= self._params.renew
        return young and state.get("mark") == self._mark and state.get("name") == remote.slug

    def _is_current(self, state: JsonObject, remote: RemoteRepository, now: Advertisement) -> bool:
        """Tell whether the bundle that is there holds what the repository holds now, and is whole."""
        facts = (remote.slug, now.head, refs_digest(now.refs))
        if (state.get("name"), state.get("head"), state.get("refs_sha256")) != facts:
            return False
        bundle = state.get("bundle")
        return bundle == "" or self._context.connection.sha256(f"{self._params.folder}/{bundle}") == state.get("sha256")

    def _state(self, remote: RemoteRepository) -> JsonObject | None:
        return None if remote.problem else self._noted(remote.identity)

    def _noted(self, identity: str) -> JsonObject | None:
        """Read what the last job noted of a repository; None when there was none, or it can't be read."""
        path = f"{self._params.folder}/mirrors/{identity}.json"
        if self._context.connection.stat(path) is None:
            return None
        try:
            state = json.loads(self._context.connection.read(path, limit=_STATE_AT_MOST))
        except ValueError:
            return None
        return state if isinstance(state, dict) and "refs_sha256" in state else None

    def _removed(self, old: Backup, remote: Iterable[RemoteRepository], now: datetime) -> dict[str, JsonObject]:
        """Give the entries of what the workspace no longer has: they are kept, with the time that this was seen."""
        there = {one.identity for one in remote}
        entries = {**self._unlisted(old), **old.entries}
        stamp = now.isoformat(timespec="seconds")
        return {
            key: {**entry, "removed": entry.get("removed") or stamp}
            for key, entry in entries.items()
            if key not in there
        }

    def _unlisted(self, old: Backup) -> dict[str, JsonObject]:
        """Give the entries of mirrors that the old manifest does not name, as when it was lost."""
        folder = f"{self._params.folder}/mirrors"
        names = self._context.connection.listdir(folder) if self._context.connection.stat(folder) is not None else ()
        found = {match[1] for match in map(_STATE.fullmatch, names) if match} - old.entries.keys()
        states = {identity: self._noted(identity) for identity in found}
        return {identity: entry_of(identity, state) for identity, state in states.items() if state is not None}

    def _tidy(self, backup: Backup) -> None:
        """Remove the bundles that no repository has any more, now that the manifest does not name them."""
        folder = f"{self._params.folder}/bundles"
        if self._context.connection.stat(folder) is None:
            return
        named = {str(entry.get("bundle")) for entry in backup.entries.values()}
        for name in self._context.connection.listdir(folder):
            if _BUNDLE.fullmatch(name) and f"bundles/{name}" not in named:
                self._context.connection.remove(f"{folder}/{name}")
