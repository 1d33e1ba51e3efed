"""aws.dynamodb_restore: a DynamoDB table restored from a backup or to a point in time, with its settings again."""

from datetime import datetime, timedelta
from typing import ClassVar

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.dynamodb_params import DynamodbOutputs, DynamodbParams
from runbook_engine.actions.aws.dynamodb_settings import differing, set_again, shown
from runbook_engine.actions.aws.dynamodb_tables import (
    READY,
    TERMINAL,
    Table,
    count_items,
    find_table,
    point_in_time,
)
from runbook_engine.actions.aws.errors import Trouble, passing_over, trouble
from runbook_engine.actions.aws.marks import (
    age,
    as_utc,
    is_ours,
    marks,
    recovery_point,
    refuse_foreign,
    tag_list,
)
from runbook_engine.actions.aws.waiting import Seen, unsettled, wait_gone, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsClient,
    AwsError,
    Change,
    Finding,
    JsonValue,
    ServiceUnreachableError,
    additions,
    satisfied,
    unsatisfied,
)

HINT = "look at it in DynamoDB; delete it (its source remains) and run the step again"
# DynamoDB takes tags only of a table that is active, so one that we began and lost sight of has none yet.
ADOPTED = timedelta(days=1)


class DynamodbRestore(Action[DynamodbParams]):
    """Restore a DynamoDB table from a backup or to a point in time, and set again what a restore leaves out.

    check: the table is active, was restored from the same source, is marked as ours, has the settings, and holds at
    least min_items. One of that name that is not ours, and a source that can't be restored, fail the step, in a dry
    run too. One that was restored from the same source within the last day and is not marked yet is taken for ours:
    DynamoDB takes no marks before the table is active.
    apply: restores, or goes on waiting for a restore that has begun; then marks the table and sets point-in-time
    recovery, expiry, stream and deletion protection. Alarms, autoscaling and policies need steps of their own.
    revert: deletes the table if its tags say that it is ours.
    """

    name = "aws.dynamodb_restore"
    eventual = True
    aws_reads = (
        "dynamodb:DescribeTable",
        "dynamodb:DescribeBackup",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "dynamodb:Scan",
    )
    aws_writes = (
        "dynamodb:RestoreTableFromBackup",
        "dynamodb:RestoreTableToPointInTime",
        "dynamodb:TagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
        "dynamodb:DeleteTable",
    )
    # What the restore does to the new table on our behalf.
    aws_permissions = (
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    )
    aws_adds = ("dynamodb:Table",)
    duration = "20-60 min, hardly by size"
    tested = ("moto, amended", "model")
    Params = DynamodbParams
    Outputs = DynamodbOutputs
    example: ClassVar[str] = """\
aws.dynamodb_restore:
  source_table: arn:aws:dynamodb:us-east-1:123456789012:table/orders
  table: orders-dr
  region: eu-west-1
  expiry_attribute: expires_at
"""

    def check(self, params: DynamodbParams, context: ActionContext) -> Finding:
        """Look for the table; when there is none, at its source."""
        dynamodb = client(params, context, "dynamodb")
        table = find_table(dynamodb, params.table, with_tags=True)
        if table is None:
            return _would_restore(params, context, dynamodb)
        _refuse_foreign(params, context, table)
        if going := unsettled(f"table {table.name}", table.seen, ready=READY, terminal=TERMINAL, hint=HINT):
            return going
        return _stands(params, context, dynamodb, table)

    def apply(self, params: DynamodbParams, context: ActionContext) -> Applied:
        """Restore, wait, mark, and set the settings."""
        dynamodb = client(params, context, "dynamodb")
        if find_table(dynamodb, params.table) is None:
            context.progress(f"restoring table {params.table} from {params.source}")
            _restore(params, dynamodb)
        found: list[Table] = []

        def look() -> Seen | None:
            table = find_table(dynamodb, params.table)
            found[:] = [] if table is None else [table]
            return None if table is None else table.seen

        what = f"table {params.table}"
        wait_until(params, context, look, what=what, ready=READY, terminal=TERMINAL, hint=HINT)
        table = find_table(dynamodb, params.table, with_tags=True) or found[0]
        _refuse_foreign(params, context, table)
        if not is_ours(table.tags):
            ours = marks(context, point=table.restored_to, source=params.source)
            dynamodb.call("tag_resource", ResourceArn=table.arn, Tags=tag_list({**params.tags, **ours}))
        done = set_again(params, context, dynamodb)
        return Applied(summary=f"restored {what} from {params.source}" + (f", set {', '.join(done)}" if done else ""))

    def revert(self, params: DynamodbParams, context: ActionContext) -> Applied:
        """Delete the table, if it is marked as ours."""
        dynamodb = client(params, context, "dynamodb")
        table = find_table(dynamodb, params.table, with_tags=True)
        if table is None:
            return Applied(summary=f"there is no table {params.table}", changed=False)
        refuse_foreign(f"table {table.name} in {params.region}", table.tags, source=params.source)
        if table.protected:
            dynamodb.call("update_table", TableName=table.name, DeletionProtectionEnabled=False)
        dynamodb.call("delete_table", TableName=table.name)

        def look() -> Seen | None:
            left = find_table(dynamodb, params.table)
            return None if left is None else left.seen

        wait_gone(params, context, look, what=f"table {params.table}")
        return Applied(summary=f"deleted table {params.table}")


def _would_restore(params: DynamodbParams, context: ActionContext, dynamodb: AwsClient) -> Finding:
    point = _point(params, context, dynamodb)
    after: dict[str, JsonValue] = {"source": params.source, **shown(params)}
    if point is not None:
        after["recovery_point"] = point.isoformat()
    return unsatisfied(
        f"there is no table {params.table}; it would be restored from {params.source}",
        changes=(Change(what=f"table {params.table}", before=None, after=after),),
        recovery_point=point,
        evidence=additions(Addition(kind="dynamodb:Table", region=params.region, role=params.role)),
    )


def _point(params: DynamodbParams, context: ActionContext, dynamodb: AwsClient) -> datetime | None:
    """Give the time that the data would be from; of a table of another region it asks that region.

    A region that does not answer keeps nobody from trying: the time is not known then, unless the step gives it.

    Raises:
        ActionFailedError: it can't be restored.
    """
    if params.backup is not None:
        details = dynamodb.call("describe_backup", BackupArn=params.backup)["BackupDescription"]["BackupDetails"]
        if details["BackupStatus"] != "AVAILABLE":
            raise ActionFailedError(f"backup {params.backup} is {details['BackupStatus']}, not AVAILABLE")
        return as_utc(details["BackupCreationDateTime"])
    region, name = params.source_place
    there = dynamodb if region == params.region else client(params, context, "dynamodb", region=region)
    wanted = None if isinstance(params.time, str) else as_utc(params.time)
    try:
        window = point_in_time(there, name)
    except ServiceUnreachableError:
        if region == params.region:
            raise
        context.progress(f"{region} does not answer; whether {name} can be restored, the restore will show")
        return wanted
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"there is no table {params.source}", hint="restore it from a backup") from error
    latest, earliest = window.get("LatestRestorableDateTime"), window.get("EarliestRestorableDateTime")
    if window.get("PointInTimeRecoveryStatus") != "ENABLED":
        raise ActionFailedError(f"{params.source} has no point-in-time recovery", hint="restore it from a backup")
    if wanted is None:
        return as_utc(latest) if latest else None
    if (latest and wanted > as_utc(latest)) or (earliest and wanted < as_utc(earliest)):
        raise ActionFailedError(f"{params.source} can be restored from {earliest} to {latest}, not to {wanted}")
    return wanted


def _restore(params: DynamodbParams, dynamodb: AwsClient) -> None:
    """Begin; a table that somebody (an earlier attempt, perhaps) restored meanwhile is left to the wait."""
    billing = None if params.pay_per_request is None else "PAY_PER_REQUEST" if params.pay_per_request else "PROVISIONED"
    with passing_over(Trouble.EXISTS):
        if params.backup is not None:
            dynamodb.call(
                "restore_table_from_backup",
                TargetTableName=params.table,
                BackupArn=params.backup,
                BillingModeOverride=billing,
            )
            return
        latest = isinstance(params.time, str)
        region, name = params.source_place
        here = region == params.region
        dynamodb.call(
            "restore_table_to_point_in_time",
            SourceTableName=name if here else None,
            SourceTableArn=None if here else params.source_table,
            TargetTableName=params.table,
            UseLatestRestorableTime=True if latest else None,
            RestoreDateTime=None if latest else params.time,
            BillingModeOverride=billing,
        )


def _refuse_foreign(params: DynamodbParams, context: ActionContext, table: Table) -> None:
    what = f"table {table.name} in {params.region}"
    new = table.created is not None and context.clock.now() - table.created <= ADOPTED
    if is_ours(table.tags) or not (new and params.source in table.sources):
        refuse_foreign(what, table.tags, source=params.source)
    point = recovery_point(table.tags) or table.restored_to
    if (
        not isinstance(params.time, str)
        and point is not None
        and abs(point - as_utc(params.time)) > timedelta(seconds=1)
    ):
        raise ActionFailedError(
            f"{what} was restored to {point.isoformat()}, not to {as_utc(params.time).isoformat()}; it is left alone",
            hint="it may have taken writes since; delete it yourself, or choose another name",
        )


def _stands(params: DynamodbParams, context: ActionContext, dynamodb: AwsClient, table: Table) -> Finding:
    """Say how a table that is active stands to what is wanted."""
    point = recovery_point(table.tags) or table.restored_to
    changes = list(differing(params, dynamodb, table))
    if not is_ours(table.tags):
        changes.append(Change(what="marks", before=None, after="ours"))
    if changes:
        words = f"table {table.name} is restored; not yet set: {', '.join(change.what for change in changes)}"
        return unsatisfied(words, changes=tuple(changes), recovery_point=point)
    items = table.items
    if params.min_items is not None:
        items = count_items(dynamodb, table.name, params.min_items)
        if items < params.min_items:
            raise ActionFailedError(
                f"table {table.name} holds {items} items, not {params.min_items}", hint="look at what was restored"
            )
    outputs: dict[str, JsonValue] = {
        "table": table.name,
        "arn": table.arn,
        "source": params.source,
        "items": items,
        "recovery_point": point.isoformat() if point else "",
    }
    words = f"table {table.name} is active, restored from {params.source}{age(point, context)}"
    return satisfied(words, outputs=outputs, recovery_point=point)
