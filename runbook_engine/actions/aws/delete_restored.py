"""aws.delete_restored: what was restored to be looked at (table, volume, instances, database) is removed again."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.backup_jobs import DONE, Job, find_job
from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import refuse_foreign, refuse_reserved, refuse_untagged
from runbook_engine.actions.aws.removable import KINDS, Kind, Thing, begin, by_arn
from runbook_engine.actions.aws.waiting import Seen, wait_gone
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsError,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

HINT = "it may be in use; delete it yourself, if it is to go"


class DeleteParams(PolledParams):
    """What is removed, and how it is known to be a restore's."""

    kind: Literal["database", "instance", "table", "volume"] | None = Field(
        None, description="what it is", examples=["table"]
    )
    name: str | None = Field(
        None,
        min_length=1,
        description="with kind: the name that the step gave it which restored (or launched) it",
        examples=["orders-verify"],
    )
    tags: dict[str, str] = Field(
        {},
        description="with kind: tags that it must carry, which that step gave to it and to nothing in use",
        examples=[{"purpose": "backup-verification"}],
    )
    restore_job: str | None = Field(
        None,
        min_length=1,
        description="in place of kind, name and tags: id of AWS Backup's job that made it, such as the output `job` of "
        "aws.backup_restore",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        refuse_reserved(self.tags)
        if self.restore_job is not None:
            if self.kind is not None or self.name is not None or self.tags:
                raise ValueError("restore_job says what is removed; leave out kind, name and tags")
        elif self.kind is None or self.name is None or not self.tags:
            raise ValueError("give kind, name and tags, or restore_job")
        return self


class DeleteOutputs(Outputs):
    """Nothing is left."""

    gone: str = Field("", description="what is gone: kind and name, or the ARN of what the job made")


class DeleteRestored(Action[DeleteParams]):
    """Remove what a step restored to look at it. This can't be undone.

    check: it is gone. What no runbook restored, what lacks the tags, and what is attached or protected, fail the step,
    in a dry run too: nothing that is in use is ever removed for having the wrong name. With restore_job, what AWS
    Backup says that the job created is removed, if it is a table, volume, instance or DB instance, and not older than
    the job.
    apply: deletes (terminates) it and waits until it is gone. What it was restored from is left alone.
    """

    name = "aws.delete_restored"
    reversible = False
    eventual = True
    aws_reads = (
        "backup:DescribeRestoreJob",
        "dynamodb:DescribeTable",
        "dynamodb:ListTagsOfResource",
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "rds:DescribeDBInstances",
    )
    aws_writes = ("dynamodb:DeleteTable", "ec2:DeleteVolume", "ec2:TerminateInstances", "rds:DeleteDBInstance")
    duration = "seconds to 10 min"
    tested = ("moto, amended", "ministack", "model")
    Params = DeleteParams
    Outputs = DeleteOutputs
    example: ClassVar[str] = """\
aws.delete_restored:
  kind: table
  name: orders-verify
  tags: {purpose: backup-verification}
  region: eu-west-1
"""

    def check(self, params: DeleteParams, context: ActionContext) -> Finding:
        """Look whether it is gone."""
        what, _, things = _find(params, context)
        if not things:
            return satisfied(f"{what} is not there", outputs={"gone": what})
        changes = tuple(Change(what=f"{what} {one.id}", before=one.state, after=None) for one in things)
        states = ", ".join(f"{one.id} is {one.state}" for one in things)
        return unsatisfied(f"{what}: {states}; it would be deleted", changes=changes)

    def apply(self, params: DeleteParams, context: ActionContext) -> Applied:
        """Delete it and wait."""
        what, kind, things = _find(params, context)
        if kind is None or not things:
            return Applied(summary=f"{what} is not there", changed=False)
        aws = client(params, context, kind.service)
        for one in things:
            if not one.going:
                begin(kind, aws, one.id)

        def look() -> Seen | None:
            left = [found for one in things if (found := kind.find(aws, one.id)) is not None]
            return Seen(", ".join(f"{one.id} {one.state}" for one in left)) if left else None

        wait_gone(params, context, look, what=what)
        return Applied(summary=f"deleted {what} ({', '.join(one.id for one in things)})")


def _find(params: DeleteParams, context: ActionContext) -> tuple[str, Kind | None, list[Thing]]:
    """Give what it is in words, its kind, and what is left of it; all of it may be deleted.

    Raises:
        ActionFailedError: some of it may not.
    """
    if params.restore_job is not None:
        return _of_job(params, context, params.restore_job)
    kind, what = KINDS[params.kind or ""], f"{params.kind} {params.name}"
    things = kind.named(client(params, context, kind.service), params.name or "")
    for one in things:
        if not one.going:
            where = f"{what} ({one.id}) in {params.region}"
            _refuse_kept(where, one)
            refuse_foreign(where, one.tags, hint=HINT)
            refuse_untagged(where, one.tags, params.tags, hint=HINT)
    return what, kind, things


def _of_job(params: DeleteParams, context: ActionContext, name: str) -> tuple[str, Kind | None, list[Thing]]:
    """Give what AWS Backup's job made."""
    job = _job(params, context, name)
    if not job.created:
        return f"anything of job {name}", None, []
    found = by_arn(job.created)
    if found is None:
        raise ActionFailedError(f"{job.created} is of no kind that is removed here; it is left alone", hint=HINT)
    kind, identifier = found
    one = kind.find(client(params, context, kind.service), identifier)
    if one is None:
        return job.created, kind, []
    if not one.going:
        # A restore into something that was there (as some kinds allow) names that as created. Some services give
        # whole seconds.
        if one.made is None or job.began is None or one.made < job.began.replace(microsecond=0):
            raise ActionFailedError(f"{job.created} is older than job {name}; it is left alone", hint=HINT)
        _refuse_kept(job.created, one)
    return job.created, kind, [one]


def _job(params: DeleteParams, context: ActionContext, name: str) -> Job:
    """Describe the job.

    Raises:
        ActionFailedError: there is none, or it goes on.
    """
    try:
        job = find_job(client(params, context, "backup"), name)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"AWS Backup has no restore job {name} in {params.region}", hint=HINT) from error
    if job.status != DONE and not job.created and job.ended is None:
        raise ActionFailedError(
            f"job {name} is {job.status}: what it makes is not known yet", hint="run the step again when it has ended"
        )
    return job


def _refuse_kept(what: str, thing: Thing) -> None:
    if thing.kept:
        raise ActionFailedError(f"{what} is {thing.kept}; it is left alone", hint=HINT)
