"""bitbucket.restore: repositories from a backup of bitbucket.mirror, pushed into empty ones."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    JsonObject,
    Mode,
    Outputs,
    satisfied,
    unsatisfied,
)

from .backup_manifest import told
from .errors import LoginRefusedError
from .git_work import ALONE, Done, must_be_here, side_by_side
from .restore_work import RestoreParams, RestoreWork, Seen, Wanted, wanted_of

_SHOWN = 5


class RestoreOutputs(Outputs):
    """What was restored."""

    recovery_point: str = Field("", description="the time that the restored repositories are from, UTC")
    repositories: list[str] = Field([], description="those that hold what the backup holds")
    references: int = Field(0, description="branches, tags and other references in them")
    created: list[str] = Field([], description="those that were made")
    main_branches: dict[str, str] = Field(
        {}, description="repositories whose main branch is another one now, and the one that it was: set it by hand"
    )
    failed: dict[str, str] = Field({}, description="those that could not be restored, and why")


class BitbucketRestore(Action[RestoreParams]):
    """Restore repositories from a backup of bitbucket.mirror: into empty ones, of any workspace.

    check: done when each holds exactly the references that the backup has. One that holds something else is
    never overwritten, and a bundle that is damaged never pushed: the others are restored first, then the step fails and
    names them. It fails, too, when the backup lists nothing to restore.
    apply: makes what is not there (with `create`), pushes each bundle without force, and compares the references. One
    that fails leaves the others done. What holds a part of its backup (an attempt was interrupted) gets the rest.
    """

    name = "bitbucket.restore"
    reversible = False
    duration = "seconds to hours, by size"
    Params = RestoreParams
    Outputs = RestoreOutputs
    example: ClassVar[str] = """\
bitbucket.restore:
  workspace: example-standby
  email: backup@example.com
  token: "{{ secret('env:BITBUCKET_TOKEN') }}"
  folder: /srv/backup/bitbucket
  create: true
  project: DR
"""

    def check(self, params: RestoreParams, context: ActionContext) -> Finding:
        """Compare each repository with the backup."""
        must_be_here(context)
        work = RestoreWork(params, context)
        wanted = wanted_of(params, context)
        done = side_by_side(
            context, wanted, work.look, at_once=params.concurrent, fails_alone=ALONE, what="looking at repositories"
        )
        point = min((one.confirmed for one in wanted if one.confirmed is not None), default=None)
        facts = {
            "outputs": {**_outputs(done), "recovery_point": point.isoformat() if point else ""},
            "recovery_point": point,
        }
        missing = [(one.item, one.result) for one in done if one.result is not None and one.result.missing]
        # Those that can't be restored keep nobody from restoring the others: `apply` fails in the end, naming them.
        if not missing or context.run.mode is Mode.DRY_RUN:
            _raise(done, "can't be restored", _outputs(done))
        if not missing:
            return satisfied(f"{len(wanted)} repositories hold what the backup holds", **facts)
        changes = tuple(Change(what=item.name, before=seen.words, after=item.words) for item, seen in missing)
        names = ", ".join(item.name for item, _ in missing[:_SHOWN])
        failed = sorted(one.item.name for one in done if one.error is not None)
        cant = f"; {len(failed)} can't be: {', '.join(failed[:_SHOWN])}" if failed else ""
        return unsatisfied(
            f"{len(missing)} of {len(wanted)} are to be restored: {names}{cant}", changes=changes, **facts
        )

    def apply(self, params: RestoreParams, context: ActionContext) -> Applied:
        """Make what is not there, push what is missing."""
        must_be_here(context)
        work = RestoreWork(params, context)
        wanted = wanted_of(params, context)
        done = side_by_side(
            context, wanted, work.restore, at_once=params.concurrent, fails_alone=ALONE, what="repositories restored"
        )
        outputs = {**_outputs(done), "created": sorted(work.created)}
        _raise(done, "could not be restored", outputs)
        pushed = sum(one.result.missing for one in done if one.result is not None)
        return Applied(summary=f"{len(done)} repositories restored, {pushed} references pushed", outputs=outputs)


def _raise(done: list[Done[Wanted, Seen]], what: str, outputs: JsonObject) -> None:
    """Tell every repository's own error in one.

    Raises:
        ActionFailedError: there is one.
    """
    errors = [(one.item.name, one.error) for one in done if one.error is not None]
    for _, error in errors:
        if isinstance(error, LoginRefusedError):
            raise error
    if errors:
        lines = [f"{name}: {error.message}" for name, error in sorted(errors, key=lambda item: item[0])]
        raise ActionFailedError(
            f"{len(lines)} of {len(done)} repositories {what}: {told(lines)}",
            hint=errors[0][1].hint,
            outputs=outputs,
        )


def _outputs(done: list[Done[Wanted, Seen]]) -> JsonObject:
    whole = [(one.item, one.result) for one in done if one.result is not None]
    return {
        "repositories": sorted(item.name for item, _ in whole),
        "references": sum(len(item.refs) for item, _ in whole),
        "main_branches": {
            item.name: item.branch for item, seen in whole if seen.head and item.head and seen.head != item.head
        },
        "failed": {one.item.name: one.error.message for one in done if one.error is not None},
    }
