"""aws.rds_delete_restored: a database instance that was restored to be looked at is deleted again."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.marks import refuse_foreign, refuse_reserved, refuse_untagged
from runbook_engine.actions.aws.rds import Instance, find_instance
from runbook_engine.actions.aws.rds_instances import delete_instance
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Applied,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)


class RdsDeleteParams(PolledParams):
    """Which instance, and what must be known of it."""

    instance: str = Field(min_length=1, description="name of the instance", examples=["reviews-verify-2026-11-23"])
    tags: dict[str, str] = Field(
        min_length=1,
        description="tags that it must carry, which the step that restored it gave to it and to nothing in use",
        examples=[{"purpose": "backup-verification"}],
    )
    skip_final_snapshot: bool = Field(
        default=True, description="delete it without a last snapshot: the snapshot it was restored from is still there"
    )

    @model_validator(mode="after")
    def _own_tags(self) -> Self:
        refuse_reserved(self.tags)
        return self


class RdsDeleteOutputs(Outputs):
    """Nothing is left."""

    instance: str = Field("", description="name of the instance that is gone")


class RdsDeleteRestored(Action[RdsDeleteParams]):
    """Delete a database instance that a step restored. This can't be undone.

    check: the instance is gone. One that no runbook restored, and one without the tags, fail the step, in a dry run
    too: nothing that is in use is ever deleted for having the wrong name.
    apply: deletes it and waits until it is gone. The snapshots of its source are left alone.
    """

    name = "aws.rds_delete_restored"
    eventual = True
    aws_reads = ("rds:DescribeDBInstances",)
    aws_writes = ("rds:DeleteDBInstance",)
    aws_permissions = ("rds:CreateDBSnapshot",)
    duration = "5-10 min"
    tested = ("moto, amended",)
    Params = RdsDeleteParams
    Outputs = RdsDeleteOutputs
    example: ClassVar[str] = """\
aws.rds_delete_restored:
  instance: reviews-verify-2026-11-23
  tags: {purpose: backup-verification}
  region: eu-west-1
"""

    def check(self, params: RdsDeleteParams, context: ActionContext) -> Finding:
        """Look whether it is gone."""
        instance = find_instance(client(params, context, "rds"), params.instance)
        if instance is None:
            return satisfied(f"{params.instance} is not there", outputs={"instance": params.instance})
        _refuse_other(params, instance)
        change = Change(what=f"instance {instance.name}", before=instance.status, after=None)
        return unsatisfied(f"{instance.name} is {instance.status}; it would be deleted", changes=(change,))

    def apply(self, params: RdsDeleteParams, context: ActionContext) -> Applied:
        """Delete it and wait."""
        rds = client(params, context, "rds")
        instance = find_instance(rds, params.instance)
        if instance is None:
            return Applied(summary=f"{params.instance} is not there", changed=False)
        _refuse_other(params, instance)
        return delete_instance(params, context, rds, instance, skip_last=params.skip_final_snapshot)


def _refuse_other(params: RdsDeleteParams, instance: Instance) -> None:
    """Never delete what no runbook restored for this purpose.

    Raises:
        ActionFailedError: it did not.
    """
    what = f"instance {instance.name} in {params.region}"
    refuse_foreign(what, instance.tags, hint="delete it yourself, if it is to go")
    refuse_untagged(what, instance.tags, params.tags, hint="it may be in use; delete it yourself, if it is to go")
