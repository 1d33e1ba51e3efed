"""bitbucket.mirror: every repository of a workspace as a mirror and a bundle that is proven to restore."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Finding,
    JsonObject,
    Outputs,
    satisfied,
)

from .backup_manifest import NAME, Lack, damaged, lacking, read_manifest, stale, time_of, told
from .bitbucket import RemoteRepository, repositories
from .collapse import must_not_collapse
from .errors import LoginRefusedError
from .git_work import ALONE, must_be_here, side_by_side
from .marks import attempt_mark
from .mirror_backup import MADE_BY, Backup, source_of
from .mirror_work import MirrorParams, MirrorWork
from .shapes import objects


class MirrorOutputs(Outputs):
    """What the backup holds."""

    manifest: str = Field("", description="path of the manifest")
    manifest_sha256: str = Field("", description="its SHA-256, for `backup.verify`")
    recovery_point: str = Field("", description="the time up to which it has everything, UTC")
    repositories: int = Field(0, description="repositories in it that the workspace has, the removed ones not counted")
    references: int = Field(0, description="their branches, tags and other references")
    size: int = Field(0, description="bytes of all bundles")
    changed: list[str] = Field([], description="repositories that had something new")
    removed: list[str] = Field([], description="repositories that the workspace no longer has; they are kept")
    gone: list[str] = Field([], description="those of them that this backup was the first to miss")
    lfs: list[str] = Field([], description="repositories that use Git LFS, whose files are not in the backup")
    failed: dict[str, str] = Field({}, description="repositories that could not be backed up, and why")


class BitbucketMirror(Action[MirrorParams]):
    """Back up the source code of a Bitbucket workspace: a mirror and a bundle of each repository, with a manifest.

    check: done when the manifest is no older than `renew`, each bundle has its digest, and each repository of the
    workspace holds the references that its bundle holds. Asks by HTTP reads only.
    apply: fetches what is new, checks every object (git fsck), makes a bundle and restores it on trial. A repository
    that fails leaves the others done. One that was renamed keeps its mirror; one that was removed is kept and told;
    where more than `may_vanish` of them are gone, or all, it fails and changes nothing: the token may see too little.
    Branches that were deleted or rewritten stay in the mirror under refs/runbook-kept/. Each repository's work goes on
    when the engine is killed; the next attempt goes on with what is missing. Pull requests, issues, wikis and the files
    of Git LFS are not part of it.
    """

    name = "bitbucket.mirror"
    reversible = False
    makes_copy = True
    duration = "seconds to hours at first, by size; then by what is new"
    Params = MirrorParams
    Outputs = MirrorOutputs
    example: ClassVar[str] = """\
bitbucket.mirror:
  workspace: example
  email: backup@example.com
  token: "{{ secret('env:BITBUCKET_TOKEN') }}"
  folder: /srv/backup/bitbucket
"""

    def check(self, params: MirrorParams, context: ActionContext) -> Finding:
        """Compare the manifest with the files, and with what the workspace holds now."""
        must_be_here(context)
        manifest = read_manifest(context, params.folder, MADE_BY)
        if manifest is None:
            empty = Backup(source_of(params), {}, recovery_point=context.clock.now())
            return lacking([Lack(params.folder, "holds no backup yet"), *self._behind(params, context, empty)])
        backup = Backup.read(manifest)
        backup.must_be_of(params)
        wrong = list(damaged(context, params.folder, objects(manifest.get("files"))))
        # What this very attempt brought up to date is not held against what was pushed since.
        if manifest.get("mark") == attempt_mark(context):
            wrong += backup.lacks
        else:
            wrong += self._behind(params, context, backup)
        if wrong:
            return lacking(wrong)
        path = f"{params.folder}/{NAME}"
        outputs: JsonObject = {
            **backup.outputs(),
            "manifest": path,
            "manifest_sha256": context.connection.sha256(path) or "",
        }
        return satisfied(
            f"{backup.words()} as of {manifest['recovery_point']}",
            outputs=outputs,
            recovery_point=time_of(manifest["recovery_point"]),
        )

    def apply(self, params: MirrorParams, context: ActionContext) -> Applied:
        """Bring every mirror, every bundle and the manifest up to date."""
        work = MirrorWork(params, context, attempt_mark(context))
        backup = work.run()
        if backup.failed:
            raise ActionFailedError(
                f"{len(backup.failed)} of {backup.wanted} repositories could not be backed up: "
                + told(map(str, backup.lacks)),
                hint="the others are done; run again",
                outputs=backup.outputs(),
            )
        words = f"{len(backup.changed)} with something new" if backup.changed else "nothing new, manifest renewed"
        return Applied(
            summary=f"{backup.words()}: {words}", outputs={"changed": list(backup.changed)}, changed=backup.is_new
        )

    def _behind(self, params: MirrorParams, context: ActionContext, backup: Backup) -> list[Lack]:
        """Say which repositories of the workspace hold something else than their bundles."""
        found = list(stale(backup.recovery_point, context.clock.now(), params.renew))

        def look(one: RemoteRepository) -> str:
            if one.problem:
                return one.problem
            return backup.difference(one, params.references(context, one.slug))

        remote = repositories(params, context)
        must_not_collapse(backup.listed, {one.identity for one in remote}, params.may_vanish, "repositories")
        done = side_by_side(
            context, remote, look, at_once=params.concurrent, fails_alone=ALONE, what="looking at repositories"
        )
        for one in done:
            if isinstance(one.error, LoginRefusedError):
                raise one.error
            reason = one.error.message if one.error is not None else one.result
            if reason:
                found.append(Lack(one.item.slug, reason))
        return found + [Lack(name, "is no longer in the workspace") for name in backup.missed(remote)]
