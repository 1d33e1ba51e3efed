"""aws.secret_replicate: a secret has a replica in the region, with the same value."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsAnswer,
    AwsClient,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

IN_SYNC, FAILED = "InSync", "Failed"
HINT = "look at its replication in Secrets Manager; remove the region from it, then run the step again"


class SecretParams(PolledParams):
    """Which secret, from where."""

    region: str = Field(pattern=REGION, description="region of the replica", examples=["eu-west-1"])
    source_region: str = Field(pattern=REGION, description="region of the secret", examples=["us-east-1"])
    secret: str = Field(min_length=1, description="its name or ARN there", examples=["reviews/database"])
    kms_key: str | None = Field(
        None, description="KMS key of the replica's region; default: the region's own", examples=["alias/dr"]
    )


class SecretOutputs(Outputs):
    """The replica."""

    arn: str = Field("", description="ARN of the replica")
    version: str = Field("", description="id of the version that is current in both regions")
    added: bool = Field(default=False, description="whether this step added the replica, so that `revert` removes it")


@dataclass(frozen=True, slots=True)
class _Both:
    source: AwsAnswer
    state: str
    message: str
    replica: AwsAnswer | None

    @property
    def same(self) -> bool:
        return self.replica is not None and _current(self.replica) == _current(self.source) != ""


class SecretReplicate(Action[SecretParams]):
    """Replicate a secret into another region. Its value is never read.

    check: Secrets Manager says that the replica is in sync, and the current version is the same in both regions. A
    secret of that name in the region that is no replica, and a replication that failed, fail the step.
    apply: adds the region, and waits.
    revert: removes the region again, if this step added it.
    Both regions are asked: replicate beforehand, not in the hour in which the source is lost.
    """

    name = "aws.secret_replicate"
    eventual = True
    aws_reads = ("secretsmanager:DescribeSecret",)
    aws_writes = ("secretsmanager:ReplicateSecretToRegions", "secretsmanager:RemoveRegionsFromReplication")
    # For keys of your own, of the secret and of its replica.
    aws_permissions = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
    duration = "seconds to a minute"
    tested = ("moto, amended",)
    Params = SecretParams
    Outputs = SecretOutputs
    example: ClassVar[str] = """\
aws.secret_replicate:
  secret: reviews/database
  source_region: us-east-1
  region: eu-west-1
"""

    def check(self, params: SecretParams, context: ActionContext) -> Finding:
        """Look at the secret and at its replica."""
        both = _look(params, context)
        what = f"replica of {params.secret} in {params.region}"
        refuse_terminal(what, Seen(both.state, detail=both.message), {FAILED}, hint=HINT)
        if both.state == IN_SYNC and both.same and both.replica is not None:
            outputs = {"arn": both.replica.get("ARN", ""), "version": _current(both.source)}
            return satisfied(f"the {what} is in sync", outputs=outputs)
        if both.state == "" and both.replica is not None:
            raise ActionFailedError(
                f"a secret {params.secret} exists in {params.region} and is no replica; it is left alone",
                hint="rename or delete it yourself",
            )
        change = Change(what=what, before=both.state or None, after=IN_SYNC)
        return unsatisfied(f"the {what} is {both.state or 'not there'}", changes=(change,))

    def apply(self, params: SecretParams, context: ActionContext) -> Applied:
        """Add the region and wait."""
        both = _look(params, context)
        adds = both.state == ""
        if adds:
            key = {"KmsKeyId": params.kms_key} if params.kms_key else {}
            _source(params, context).call(
                "replicate_secret_to_regions",
                SecretId=params.secret,
                AddReplicaRegions=[{"Region": params.region, **key}],
                ForceOverwriteReplicaSecret=False,
            )

        def look() -> Seen:
            found = _look(params, context)
            behind = found.state == IN_SYNC and not found.same
            return Seen("behind" if behind else found.state or "not shown yet", detail=found.message)

        what = f"replica of {params.secret}"
        wait_until(params, context, look, what=what, ready={IN_SYNC}, terminal={FAILED}, hint=HINT)
        return Applied(summary=f"replicated {params.secret} to {params.region}", outputs={"added": adds})

    def revert(self, params: SecretParams, context: ActionContext) -> Applied:
        """Remove the region, if this step added it."""
        if not context.recorded.get("added"):
            return Applied(summary=f"the replica in {params.region} was there before; it is left alone", changed=False)
        if _look(params, context).state == "":
            return Applied(summary=f"there is no replica in {params.region}", changed=False)
        _source(params, context).call(
            "remove_regions_from_replication", SecretId=params.secret, RemoveReplicaRegions=[params.region]
        )
        return Applied(summary=f"removed the replica of {params.secret} in {params.region}")


def _source(params: SecretParams, context: ActionContext) -> AwsClient:
    return client(params, context, "secretsmanager", region=params.source_region)


def _look(params: SecretParams, context: ActionContext) -> _Both:
    """Describe the secret in both regions."""
    source = _source(params, context).call("describe_secret", SecretId=params.secret)
    if source.get("PrimaryRegion", params.source_region) != params.source_region:
        raise ActionFailedError(
            f"{params.secret} in {params.source_region} is itself a replica, of {source['PrimaryRegion']}"
        )
    states = {item["Region"]: item for item in source.get("ReplicationStatus") or []}
    state = states.get(params.region, {})
    replica: AwsAnswer | None = None
    with passing_over(Trouble.NOT_FOUND):
        replica = client(params, context, "secretsmanager").call("describe_secret", SecretId=str(source["Name"]))
    return _Both(source, str(state.get("Status", "")), str(state.get("StatusMessage") or ""), replica)


def _current(secret: AwsAnswer) -> str:
    versions = secret.get("VersionIdsToStages") or {}
    return next((str(version) for version, stages in versions.items() if "AWSCURRENT" in stages), "")
