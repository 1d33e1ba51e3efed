"""aws.rds_restore_snapshot: a database instance restored from a snapshot that is in the region."""

from typing import ClassVar

from pydantic import JsonValue

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import age, marks, refuse_foreign, tag_list
from runbook_engine.actions.aws.rds import (
    READY,
    SNAPSHOT_TAG,
    SOURCE_INSTANCE_TAG,
    TERMINAL,
    Instance,
    Snapshot,
    find_instance,
    find_snapshot,
    snapshots_of,
)
from runbook_engine.actions.aws.rds_restore_params import LATEST, RdsRestoreOutputs, RdsRestoreParams
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_gone, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    AwsError,
    Change,
    Finding,
    satisfied,
    unsatisfied,
)

_HINT = "look at its events in RDS; delete it (the snapshot remains) and run the step again"


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
            return _would_restore(params, _choose(params, rds))
        _refuse_foreign(params, instance)
        refuse_terminal(instance.name, instance.seen, TERMINAL, hint=_HINT)
        if instance.status not in READY:
            words = f"{instance.name} is being restored ({instance.status})"
            change = Change(what=f"{instance.name} status", before=instance.status, after="available")
            return unsatisfied(words, changes=(change,), recovery_point=instance.recovery_point)
        return _restored(instance, context)

    def apply(self, params: RdsRestoreParams, context: ActionContext) -> Applied:
        """Restore and wait."""
        rds = client(params, context, "rds")
        instance = find_instance(rds, params.instance)
        if instance is None:
            _restore(params, rds, _choose(params, rds), context)
        else:
            _refuse_foreign(params, instance)

        def look() -> Seen | None:
            found = find_instance(rds, params.instance)
            if found is None:
                return None
            _refuse_foreign(params, found)
            return Seen(found.status, item={"snapshot": found.tags.get(SNAPSHOT_TAG, "")})

        seen = wait_until(params, context, look, what=params.instance, ready=READY, terminal=TERMINAL, hint=_HINT)
        return Applied(summary=f"restored {params.instance} from {seen.item['snapshot']}")

    def revert(self, params: RdsRestoreParams, context: ActionContext) -> Applied:
        """Delete the instance, if it is ours."""
        rds = client(params, context, "rds")
        instance = find_instance(rds, params.instance)
        if instance is None:
            return Applied(summary=f"{params.instance} is not there", changed=False)
        _refuse_foreign(params, instance)
        last = {} if params.skip_final_snapshot else {"FinalDBSnapshotIdentifier": _last_snapshot(params, context)}
        if instance.status != "deleting":
            rds.call(
                "delete_db_instance",
                DBInstanceIdentifier=instance.name,
                SkipFinalSnapshot=params.skip_final_snapshot,
                **last,
            )

        def look() -> Seen | None:
            found = find_instance(rds, params.instance)
            return None if found is None else found.seen

        wait_gone(params, context, look, what=params.instance)
        kept = f", last snapshot {last['FinalDBSnapshotIdentifier']}" if last else ", without a last snapshot"
        return Applied(summary=f"deleted {params.instance}{kept}")


def _choose(params: RdsRestoreParams, rds: AwsClient) -> Snapshot:
    """Find the snapshot to restore from.

    Raises:
        ActionFailedError: there is none that could be restored.
    """
    if params.snapshot == LATEST:
        source = params.source_instance or ""
        ready = [snapshot for snapshot in snapshots_of(rds, source) if snapshot.status == "available"]
        if not ready:
            raise ActionFailedError(
                f"there is no available snapshot of {source} in {params.region}",
                hint="snapshots must be copied to the standby region beforehand; look at its backup plan",
            )
        return ready[0]
    snapshot = find_snapshot(rds, params.snapshot)
    if snapshot is None:
        raise ActionFailedError(
            f"there is no snapshot {params.snapshot} in {params.region}", hint="give its id in that region, or `latest`"
        )
    if snapshot.status != "available":
        raise ActionFailedError(f"snapshot {snapshot.name} is {snapshot.status}, not available")
    if params.source_instance is not None and snapshot.source != params.source_instance:
        raise ActionFailedError(f"snapshot {snapshot.name} is of {snapshot.source}, not of {params.source_instance}")
    return snapshot


def _restore(params: RdsRestoreParams, rds: AwsClient, snapshot: Snapshot, context: ActionContext) -> None:
    """Begin the restore; an instance that somebody (an earlier attempt, perhaps) made meanwhile is looked at."""
    wanted: dict[str, object] = {
        "DBInstanceClass": params.instance_class,
        "DBSubnetGroupName": params.subnet_group,
        "VpcSecurityGroupIds": params.security_groups or None,
        "DBParameterGroupName": params.parameter_group,
        "MultiAZ": params.multi_az,
    }
    context.progress(f"restoring {params.instance} from {snapshot.name}")
    try:
        rds.call(
            "restore_db_instance_from_db_snapshot",
            DBInstanceIdentifier=params.instance,
            DBSnapshotIdentifier=snapshot.arn or snapshot.name,
            PubliclyAccessible=params.publicly_accessible,
            DeletionProtection=params.deletion_protection,
            Tags=tag_list(_tags(params, snapshot, context)),
            **{key: value for key, value in wanted.items() if value is not None},
        )
    except AwsError as error:
        if trouble(error) is not Trouble.EXISTS:
            raise


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
    after: dict[str, JsonValue] = {"snapshot": snapshot.name, "recovery_point": snapshot.taken.isoformat()}
    for name in ("instance_class", "subnet_group", "parameter_group", "multi_az"):
        if getattr(params, name) is not None:
            after[name] = getattr(params, name)
    return unsatisfied(
        f"{params.instance} is not there; it would be restored from {snapshot.name} of {snapshot.taken.isoformat()}",
        changes=(Change(what=f"instance {params.instance}", before=None, after=after),),
        recovery_point=snapshot.taken,
    )


def _restored(instance: Instance, context: ActionContext) -> Finding:
    point = instance.recovery_point
    snapshot = instance.tags.get(SNAPSHOT_TAG, "")
    outputs = {
        "instance": instance.name,
        "endpoint": instance.host,
        "port": instance.port,
        "snapshot": snapshot,
        "recovery_point": point.isoformat() if point else "",
    }
    return satisfied(
        f"{instance.name} is {instance.status}, restored from {snapshot}{age(point, context)}",
        outputs=outputs,
        recovery_point=point,
    )


def _last_snapshot(params: RdsRestoreParams, context: ActionContext) -> str:
    return f"{params.instance}-final-{context.run.token[:8].lower()}"
