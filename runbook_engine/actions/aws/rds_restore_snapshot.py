"""aws.rds_restore_snapshot: a database instance restored from a snapshot that is in the region."""

from typing import ClassVar

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.marks import marks, refuse_foreign, tag_list
from runbook_engine.actions.aws.rds import (
    SNAPSHOT_TAG,
    SOURCE_INSTANCE_TAG,
    Instance,
    Snapshot,
    find_instance,
)
from runbook_engine.actions.aws.rds_instances import make, restore, restored, take_back
from runbook_engine.actions.aws.rds_restore_params import LATEST, RdsRestoreOutputs, RdsRestoreParams
from runbook_engine.actions.aws.rds_snapshots import choose_snapshot
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsClient,
    Change,
    Finding,
    additions,
    unsatisfied,
)


class RdsRestoreSnapshot(Action[RdsRestoreParams]):
    """Restore a database instance from a snapshot that is already in the region.

    check: the instance is available and its tags say that it was restored from a snapshot of the same source. With
    `latest` an instance from an older snapshot is good as well: it may have taken writes since, and to restore again
    would throw them away. An instance of that name that is not ours, or is in a state that it can't leave by itself,
    and a snapshot that is not there fail the step, in a dry run too.
    apply: restores, or goes on waiting for a restore that has begun, until the instance is available.
    revert: deletes the instance if its tags say that it is ours.
    The recovery point is when the original snapshot was taken, however often it was copied since.
    """

    name = "aws.rds_restore_snapshot"
    eventual = True
    aws_reads = ("rds:DescribeDBInstances", "rds:DescribeDBSnapshots")
    aws_writes = ("rds:RestoreDBInstanceFromDBSnapshot", "rds:DeleteDBInstance")
    aws_permissions = ("rds:AddTagsToResource", "rds:CreateDBSnapshot")
    aws_adds = ("rds:DBInstance",)
    duration = "5-40 min, by size"
    tested = ("moto, amended",)
    Params = RdsRestoreParams
    Outputs = RdsRestoreOutputs
    example: ClassVar[str] = """\
aws.rds_restore_snapshot:
  snapshot: latest
  source_instance: reviews
  instance: reviews-eu-west-1
  region: eu-west-1
  subnet_group: standby
"""

    def check(self, params: RdsRestoreParams, context: ActionContext) -> Finding:
        """Look for the instance; when there is none, for the snapshot."""
        rds = client(params, context, "rds")
        instance = find_instance(rds, params.instance)
        if instance is None:
            return _would_restore(params, choose_snapshot(rds, params.region, params.snapshot, params.source_instance))
        _refuse_foreign(params, instance)
        snapshot = instance.tags.get(SNAPSHOT_TAG, "")
        return restored(instance, context, snapshot, snapshot=snapshot)

    def apply(self, params: RdsRestoreParams, context: ActionContext) -> Applied:
        """Restore and wait."""

        def begin(rds: AwsClient) -> None:
            snapshot = choose_snapshot(rds, params.region, params.snapshot, params.source_instance)
            context.progress(f"restoring {params.instance} from {snapshot.name}")
            make(
                rds,
                "restore_db_instance_from_db_snapshot",
                DBInstanceIdentifier=params.instance,
                DBSnapshotIdentifier=snapshot.arn or snapshot.name,
                Tags=tag_list(_tags(params, snapshot, context)),
                **params.settings,
            )

        made = restore(params, context, begin, lambda found: _refuse_foreign(params, found))
        return Applied(summary=f"restored {made.name} from {made.tags.get(SNAPSHOT_TAG, '')}")

    def revert(self, params: RdsRestoreParams, context: ActionContext) -> Applied:
        """Delete the instance, if it is ours."""
        return take_back(params, context, lambda found: _refuse_foreign(params, found))


def _tags(params: RdsRestoreParams, snapshot: Snapshot, context: ActionContext) -> dict[str, str]:
    ours = marks(context, point=snapshot.taken, source_instance=snapshot.source, source_snapshot=snapshot.name)
    return {**params.tags, **ours}


def _refuse_foreign(params: RdsRestoreParams, instance: Instance) -> None:
    """Never touch, and never take for ours, what was not restored by us from the same source.

    Raises:
        ActionFailedError: it was not.
    """
    refuse_foreign(f"an instance {instance.name} in {params.region}", instance.tags)
    source, snapshot = instance.tags.get(SOURCE_INSTANCE_TAG, ""), instance.tags.get(SNAPSHOT_TAG, "")
    if params.source_instance is not None and source != params.source_instance:
        raise ActionFailedError(
            f"{instance.name} was restored from a snapshot of {source}, not of {params.source_instance}; "
            "it is left alone",
            hint="choose another instance name, or delete that one yourself",
        )
    if params.snapshot != LATEST and snapshot != _snapshot_name(params.snapshot):
        raise ActionFailedError(
            f"{instance.name} was restored from snapshot {snapshot}, not from {params.snapshot}; it is left alone",
            hint="it may have taken writes since; delete it yourself, or choose another instance name",
        )


def _snapshot_name(text: str) -> str:
    """Give the id of an ARN (`arn:aws:rds:eu-west-1:123456789012:snapshot:rds:daily`), or the id itself."""
    return text.split(":snapshot:", 1)[1] if text.startswith("arn:") and ":snapshot:" in text else text


def _would_restore(params: RdsRestoreParams, snapshot: Snapshot) -> Finding:
    after = {"snapshot": snapshot.name, "recovery_point": snapshot.taken.isoformat(), **params.shown}
    return unsatisfied(
        f"{params.instance} is not there; it would be restored from {snapshot.name} of {snapshot.taken.isoformat()}",
        changes=(Change(what=f"instance {params.instance}", before=None, after=after),),
        recovery_point=snapshot.taken,
        evidence=additions(Addition(kind="rds:DBInstance", region=params.region, role=params.role)),
    )
