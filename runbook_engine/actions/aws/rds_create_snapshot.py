"""aws.rds_create_snapshot: a database snapshot taken now, under a name that tells it apart from all others."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import age, marks, refuse_foreign, refuse_reserved, tag_list
from runbook_engine.actions.aws.rds import Snapshot, find_instance, find_snapshot
from runbook_engine.actions.aws.waiting import Seen, in_words, refuse_terminal, wait_gone, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsError,
    Change,
    Finding,
    Outputs,
    additions,
    satisfied,
    unsatisfied,
)

READY, TERMINAL = frozenset({"available"}), frozenset({"failed", "deleting"})
HINT = "look at its events in RDS; delete the failed snapshot and run the step again"


class RdsTakeParams(PolledParams):
    """Of what, and under which name."""

    instance: str = Field(min_length=1, description="the instance to take it of", examples=["reviews-eu-west-1"])
    name: str = Field(
        pattern=r"^[A-Za-z](-?[A-Za-z0-9])*$",
        max_length=255,
        description="name of the snapshot; while one of that name is there, none is taken",
        examples=["reviews-before-failback-4f1c"],
    )
    tags: dict[str, str] = Field({}, description="tags besides those that tell where it comes from")

    @model_validator(mode="after")
    def _own_tags(self) -> Self:
        refuse_reserved(self.tags)
        return self


class RdsTakeOutputs(Outputs):
    """The snapshot."""

    snapshot: str = Field("", description="its id")
    arn: str = Field("", description="its ARN")
    recovery_point: str = Field("", description="the time its data is from, UTC")


class RdsCreateSnapshot(Action[RdsTakeParams]):
    """Take a snapshot of a database instance.

    check: looks for the snapshot by its name, which says what it is for: with the same name none is taken twice. One of
    that name of another instance, and an instance that is not there, fail the step, in a dry run too.
    apply: takes it, or goes on waiting for one that has begun, until it is available.
    revert: deletes the snapshot if its tags say that it is ours.
    What is written after it began is not in it: stop the writers first where nothing may be lost.
    """

    name = "aws.rds_create_snapshot"
    eventual = True
    aws_reads = ("rds:DescribeDBSnapshots", "rds:DescribeDBInstances")
    aws_writes = ("rds:CreateDBSnapshot", "rds:DeleteDBSnapshot")
    aws_permissions = ("rds:AddTagsToResource",)
    aws_adds = ("rds:ManualSnapshot",)
    duration = "minutes, by what changed since the last one; the first is a full one"
    tested = ("moto, amended",)
    Params = RdsTakeParams
    Outputs = RdsTakeOutputs
    example: ClassVar[str] = """\
aws.rds_create_snapshot:
  instance: reviews-eu-west-1
  name: reviews-before-failback-4f1c
  region: eu-west-1
"""

    def check(self, params: RdsTakeParams, context: ActionContext) -> Finding:
        """Look for the snapshot; when there is none, for the instance."""
        rds = client(params, context, "rds")
        found = find_snapshot(rds, params.name)
        if found is None:
            if find_instance(rds, params.instance) is None:
                raise ActionFailedError(f"there is no instance {params.instance} in {params.region}")
            change = Change(what=f"snapshot {params.name}", before=None, after={"instance": params.instance})
            return unsatisfied(
                f"snapshot {params.name} is not there",
                changes=(change,),
                evidence=additions(Addition(kind="rds:ManualSnapshot", region=params.region, role=params.role)),
            )
        _refuse_other(params, found)
        refuse_terminal(f"snapshot {found.name}", found.seen, TERMINAL, hint=HINT)
        if found.status not in READY:
            change = Change(what=f"snapshot {found.name} status", before=found.status, after="available")
            return unsatisfied(f"snapshot {found.name} is being taken ({in_words(found.seen)})", changes=(change,))
        outputs = {"snapshot": found.name, "arn": found.arn, "recovery_point": found.taken.isoformat()}
        words = f"snapshot {found.name} of {found.source} is there{age(found.taken, context)}"
        return satisfied(words, outputs=outputs, recovery_point=found.taken)

    def apply(self, params: RdsTakeParams, context: ActionContext) -> Applied:
        """Take it and wait."""
        rds = client(params, context, "rds")
        context.progress(f"taking snapshot {params.name} of {params.instance}")
        try:
            rds.call(
                "create_db_snapshot",
                DBInstanceIdentifier=params.instance,
                DBSnapshotIdentifier=params.name,
                Tags=tag_list(params.tags | marks(context, source=params.instance)),
            )
        except AwsError as error:
            if trouble(error) is not Trouble.EXISTS:  # an earlier attempt, perhaps, began: it is waited for
                raise

        def look() -> Seen | None:
            found = find_snapshot(rds, params.name)
            if found is not None:
                _refuse_other(params, found)
            return None if found is None else found.seen

        wait_until(params, context, look, what=f"snapshot {params.name}", ready=READY, terminal=TERMINAL, hint=HINT)
        return Applied(summary=f"took snapshot {params.name} of {params.instance}")

    def revert(self, params: RdsTakeParams, context: ActionContext) -> Applied:
        """Delete the snapshot, if it is ours."""
        rds = client(params, context, "rds")
        found = find_snapshot(rds, params.name)
        if found is None:
            return Applied(summary=f"snapshot {params.name} is not there", changed=False)
        refuse_foreign(f"snapshot {found.name} in {params.region}", found.tags, source=params.instance)
        rds.call("delete_db_snapshot", DBSnapshotIdentifier=found.name)

        def look() -> Seen | None:
            left = find_snapshot(rds, params.name)
            return None if left is None else left.seen

        wait_gone(params, context, look, what=f"snapshot {params.name}")
        return Applied(summary=f"deleted snapshot {params.name}")


def _refuse_other(params: RdsTakeParams, found: Snapshot) -> None:
    if found.source != params.instance:
        raise ActionFailedError(
            f"snapshot {found.name} in {params.region} is of {found.source}, not of {params.instance}",
            hint="choose another name",
        )
