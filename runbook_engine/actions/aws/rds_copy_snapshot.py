"""aws.rds_copy_snapshot: a database snapshot copied into the region, so that it can be restored there."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import REGION, PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import (
    SOURCE_TAG,
    age,
    is_ours,
    marks,
    refuse_foreign,
    refuse_reserved,
    tag_list,
    tag_value,
)
from runbook_engine.actions.aws.rds import Snapshot, find_snapshot, snapshots_of
from runbook_engine.actions.aws.rds_restore_params import LATEST
from runbook_engine.actions.aws.waiting import Seen, unsettled, wait_gone, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsClient,
    Change,
    Finding,
    Outputs,
    additions,
    satisfied,
    unsatisfied,
)

READY, TERMINAL = frozenset({"available"}), frozenset({"failed", "deleting"})
HINT = "look at its events in RDS; delete the failed copy and run the step again"


class RdsCopyParams(PolledParams):
    """Which snapshot, from where."""

    source_region: str = Field(pattern=REGION, description="region of the snapshot", examples=["us-east-1"])
    snapshot: str = Field(
        min_length=1,
        description="its id there, or `latest`: the one with the newest data",
        examples=["latest", "reviews-2026-11-23"],
    )
    source_instance: str | None = Field(
        None, description="the instance that the snapshot is of; needed with `latest`", examples=["reviews"]
    )
    name: str | None = Field(
        None,
        pattern=r"^[A-Za-z](-?[A-Za-z0-9])*$",
        max_length=255,
        description="name of the copy; default: the snapshot's with its region",
        examples=["reviews-from-us-east-1"],
    )
    kms_key: str | None = Field(
        None, description="KMS key of the target region; needed when the snapshot is encrypted", examples=["alias/dr"]
    )
    option_group: str | None = Field(None, description="option group, where the snapshot's has permanent options")
    tags: dict[str, str] = Field({}, description="tags besides those that tell where it comes from")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        refuse_reserved(self.tags)
        if self.snapshot == LATEST and self.source_instance is None:
            raise ValueError("snapshot: latest needs source_instance, the instance whose snapshots to look at")
        return self


class RdsCopyOutputs(Outputs):
    """The copy."""

    snapshot: str = Field("", description="id of the copy")
    arn: str = Field("", description="its ARN")
    source: str = Field("", description="ARN of the snapshot that it is a copy of")
    recovery_point: str = Field("", description="the time its data is from, UTC")


@dataclass(frozen=True, slots=True)
class _Both:
    source: Snapshot
    name: str
    copy: Snapshot | None


class RdsCopySnapshot(Action[RdsCopyParams]):
    """Copy a database snapshot into another region.

    check: looks for a copy of the same snapshot in the target region, whoever made it, and waits for nothing. One of
    the wanted name that is of something else, a snapshot that is not there, and an encrypted one without kms_key fail
    the step, in a dry run too.
    apply: copies, or goes on waiting for a copy that has begun, until it is available.
    revert: deletes the copy if its tags say that it is ours.
    It needs the source region: a runbook for the loss of that region can only rely on copies that are there already.
    """

    name = "aws.rds_copy_snapshot"
    eventual = True
    aws_reads = ("rds:DescribeDBSnapshots",)
    aws_writes = ("rds:CopyDBSnapshot", "rds:DeleteDBSnapshot")
    aws_permissions = ("rds:AddTagsToResource", "kms:CreateGrant", "kms:DescribeKey")
    aws_adds = ("rds:ManualSnapshot",)
    duration = "10 min to hours, by size; the first copy is a full one"
    tested = ("moto, amended",)
    Params = RdsCopyParams
    Outputs = RdsCopyOutputs
    example: ClassVar[str] = """\
aws.rds_copy_snapshot:
  source_region: us-east-1
  snapshot: latest
  source_instance: reviews
  region: eu-west-1
  kms_key: alias/dr
"""

    def check(self, params: RdsCopyParams, context: ActionContext) -> Finding:
        """Look at the snapshot and for its copy."""
        both = _look(params, context, client(params, context, "rds"))
        source, copy = both.source, both.copy
        if copy is None:
            after = {"source": source.name, "recovery_point": source.taken.isoformat(), "kms_key": params.kms_key}
            return unsatisfied(
                f"snapshot {source.name} of {source.taken.isoformat()} is not in {params.region}",
                changes=(Change(what=f"snapshot {both.name}", before=None, after=after),),
                recovery_point=source.taken,
                evidence=additions(Addition(kind="rds:ManualSnapshot", region=params.region, role=params.role)),
            )
        going = unsettled(
            f"snapshot {copy.name}",
            copy.seen,
            ready=READY,
            terminal=TERMINAL,
            hint=HINT,
            point=source.taken,
            doing="copied",
        )
        if going is not None:
            return going
        outputs = {
            "snapshot": copy.name,
            "arn": copy.arn,
            "source": source.arn,
            "recovery_point": source.taken.isoformat(),
        }
        words = f"snapshot {copy.name} is a copy of {source.name}{age(source.taken, context)}"
        return satisfied(words, outputs=outputs, recovery_point=source.taken)

    def apply(self, params: RdsCopyParams, context: ActionContext) -> Applied:
        """Copy and wait."""
        rds = client(params, context, "rds")
        both = _look(params, context, rds)
        source, name = both.source, both.name
        if both.copy is None:
            context.progress(f"copying snapshot {source.name} to {params.region}")
            _copy(params, context, rds, source, name)
        else:
            name = both.copy.name

        def look() -> Seen | None:
            found = find_snapshot(rds, name)
            if found is not None:
                _refuse_other(params, found, source)
            return None if found is None else found.seen

        wait_until(params, context, look, what=f"copy {name}", ready=READY, terminal=TERMINAL, hint=HINT)
        return Applied(summary=f"copied snapshot {source.name} to {params.region} as {name}")

    def revert(self, params: RdsCopyParams, context: ActionContext) -> Applied:
        """Delete the copy, if it is ours."""
        rds = client(params, context, "rds")
        both = _look(params, context, rds)
        if both.copy is None:
            return Applied(summary=f"there is no copy of {both.source.name}", changed=False)
        name = both.copy.name
        refuse_foreign(f"snapshot {name} in {params.region}", both.copy.tags, source=both.source.arn)
        rds.call("delete_db_snapshot", DBSnapshotIdentifier=name)

        def look() -> Seen | None:
            found = find_snapshot(rds, name)
            return None if found is None else found.seen

        wait_gone(params, context, look, what=f"copy {name}")
        return Applied(summary=f"deleted snapshot {name}")


def _look(params: RdsCopyParams, context: ActionContext, rds: AwsClient) -> _Both:
    """Find the snapshot and its copy.

    Raises:
        ActionFailedError: there is no snapshot to copy, or the copy's name is taken.
    """
    source = _source(params, client(params, context, "rds", region=params.source_region))
    name = params.name or f"{source.name.replace(':', '-')}-{params.source_region}"
    named = find_snapshot(rds, name)
    if named is not None:
        _refuse_other(params, named, source)
        return _Both(source, name, named)
    copies = () if params.name else snapshots_of(rds, source.source)
    usable = [copy for copy in copies if copy.arn != source.arn and _is_copy(copy, source) and copy.status in READY]
    return _Both(source, name, usable[0] if usable else None)


def _source(params: RdsCopyParams, rds: AwsClient) -> Snapshot:
    where = params.source_region
    if params.snapshot == LATEST:
        instance = params.source_instance or ""
        ready = [snapshot for snapshot in snapshots_of(rds, instance) if snapshot.status in READY]
        if not ready:
            raise ActionFailedError(f"there is no available snapshot of {instance} in {where}")
        found: Snapshot | None = ready[0]
    else:
        found = find_snapshot(rds, params.snapshot)
    if found is None:
        raise ActionFailedError(f"there is no snapshot {params.snapshot} in {where}")
    if found.status not in READY:
        raise ActionFailedError(f"snapshot {found.name} is {found.status}, not available")
    if found.encrypted and params.kms_key is None and where != params.region:
        raise ActionFailedError(
            f"snapshot {found.name} is encrypted, and a KMS key is of one region only",
            hint=f"give kms_key, a key of {params.region}",
        )
    return found


def _copy(params: RdsCopyParams, context: ActionContext, rds: AwsClient, source: Snapshot, name: str) -> None:
    """Begin; a copy that somebody (an earlier attempt, perhaps) began meanwhile is left to the wait."""
    tags = params.tags | marks(context, point=source.taken, source=source.arn)
    with passing_over(Trouble.EXISTS):
        rds.call(
            "copy_db_snapshot",
            SourceDBSnapshotIdentifier=source.arn,
            TargetDBSnapshotIdentifier=name,
            KmsKeyId=params.kms_key,
            OptionGroupName=params.option_group,
            Tags=tag_list(tags),
            SourceRegion=params.source_region if params.source_region != params.region else None,
        )


def _is_copy(found: Snapshot, source: Snapshot) -> bool:
    return source.arn in {found.copied_from, found.tags.get(SOURCE_TAG)} or (
        is_ours(found.tags) and found.tags.get(SOURCE_TAG) == tag_value(source.arn)
    )


def _refuse_other(params: RdsCopyParams, found: Snapshot, source: Snapshot) -> None:
    if not _is_copy(found, source):
        origin = f"a copy of {found.copied_from}" if found.copied_from else f"of {found.source}, and no copy"
        raise ActionFailedError(
            f"snapshot {found.name} in {params.region} is {origin}, not a copy of {source.arn}; it is left alone",
            hint="choose another name for the copy",
        )
