"""DB instances that a restore made: waited for, described, and deleted again."""

from collections.abc import Callable

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import age
from runbook_engine.actions.aws.rds import READY, TERMINAL, Instance, find_instance
from runbook_engine.actions.aws.rds_restore_params import NewInstanceParams
from runbook_engine.actions.aws.waiting import Seen, unsettled, wait_gone, wait_until
from runbook_engine.sdk import (
    ActionContext,
    Applied,
    AwsClient,
    Finding,
    JsonValue,
    satisfied,
)

HINT = "look at its events in RDS; delete it (its source remains) and run the step again"


def make(rds: AwsClient, operation: str, **parameters: object) -> None:
    """Begin to make an instance; one that somebody (an earlier attempt, perhaps) made meanwhile is left to the wait."""
    with passing_over(Trouble.EXISTS):
        rds.call(operation, **parameters)


def restore(
    params: NewInstanceParams,
    context: ActionContext,
    begin: Callable[[AwsClient], None],
    refuse: Callable[[Instance], None],
) -> Instance:
    """Begin to restore unless the instance is there, and wait until it is available.

    Args:
        begin: makes it.
        refuse: raises when an instance that is there is not the one that was wanted.
    """
    rds = client(params, context, "rds")
    instance = find_instance(rds, params.instance)
    if instance is None:
        begin(rds)
    else:
        refuse(instance)
    return wait_for_instance(params, context, rds, refuse)


def take_back(params: NewInstanceParams, context: ActionContext, refuse: Callable[[Instance], None]) -> Applied:
    """Delete what a restore made, unless `refuse` raises."""
    rds = client(params, context, "rds")
    instance = find_instance(rds, params.instance)
    if instance is None:
        return Applied(summary=f"{params.instance} is not there", changed=False)
    refuse(instance)
    return delete_instance(params, context, rds, instance, skip_last=params.skip_final_snapshot)


def wait_for_instance(
    params: NewInstanceParams, context: ActionContext, rds: AwsClient, refuse: Callable[[Instance], None]
) -> Instance:
    """Wait until the instance is available.

    Args:
        refuse: raises when the instance is not the one that was wanted.
    """
    found: list[Instance] = []

    def look() -> Seen | None:
        instance = find_instance(rds, params.instance)
        if instance is None:
            return None
        refuse(instance)
        found[:] = [instance]
        return instance.seen

    wait_until(params, context, look, what=params.instance, ready=READY, terminal=TERMINAL, hint=HINT)
    return found[0]


def delete_instance(
    params: PolledParams, context: ActionContext, rds: AwsClient, instance: Instance, *, skip_last: bool
) -> Applied:
    """Delete an instance and wait until it is gone; a last snapshot is taken unless `skip_last`."""
    last = None if skip_last else f"{instance.name}-final-{context.run.token[:8].lower()}"
    if instance.status != "deleting":
        rds.call(
            "delete_db_instance",
            DBInstanceIdentifier=instance.name,
            SkipFinalSnapshot=skip_last,
            FinalDBSnapshotIdentifier=last,
        )

    def look() -> Seen | None:
        found = find_instance(rds, instance.name)
        return None if found is None else found.seen

    wait_gone(params, context, look, what=instance.name)
    kept = f", last snapshot {last}" if last else ", without a last snapshot"
    return Applied(summary=f"deleted {instance.name}{kept}")


def restored(instance: Instance, context: ActionContext, origin: str, **outputs: JsonValue) -> Finding:
    """Say how a restored instance stands; one in a state that does not end by itself fails."""
    point = instance.recovery_point
    going = unsettled(
        instance.name, instance.seen, ready=READY, terminal=TERMINAL, hint=HINT, point=point, doing="restored"
    )
    if going is not None:
        return going
    facts: dict[str, JsonValue] = {
        "instance": instance.name,
        "endpoint": instance.host,
        "port": instance.port,
        "recovery_point": point.isoformat() if point else "",
    }
    return satisfied(
        f"{instance.name} is {instance.status}, restored from {origin}{age(point, context)}",
        outputs=facts | outputs,
        recovery_point=point,
    )
