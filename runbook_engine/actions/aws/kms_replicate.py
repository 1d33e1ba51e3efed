"""aws.kms_replicate: a multi-Region KMS key has a replica in the region."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import marks
from runbook_engine.actions.aws.waiting import Seen, unsettled, wait_until
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

READY = frozenset({"Enabled"})
TERMINAL = frozenset({"Disabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport", "Unavailable"})
HINT = "look at the replica key in KMS"


class KmsParams(PolledParams):
    """Which key, from where."""

    region: str = Field(pattern=REGION, description="region of the replica", examples=["eu-west-1"])
    source_region: str = Field(pattern=REGION, description="region of the primary key", examples=["us-east-1"])
    key: str = Field(
        min_length=1,
        description="id, ARN or alias of the multi-Region primary key there",
        examples=["mrk-1234abcd12ab34cd56ef1234567890ab", "alias/dr"],
    )
    alias: str | None = Field(
        None,
        pattern=r"^alias/[A-Za-z0-9/_-]{1,250}$",
        description="alias that the replica shall have in its region",
        examples=["alias/dr"],
    )
    policy: str | None = Field(
        None, description="key policy of the replica, as JSON; default: KMS's own, which lets the account's IAM decide"
    )
    description: str | None = Field(None, max_length=8192, description="description of the replica")


class KmsOutputs(Outputs):
    """The replica."""

    arn: str = Field("", description="ARN of the replica key")
    key: str = Field("", description="its id, which is the primary's")


class KmsReplicate(Action[KmsParams]):
    """Replicate a multi-Region KMS key into another region, so that what it encrypted can be decrypted there.

    check: the replica is enabled, of the same key, and has the alias. A key that is not multi-Region, a replica in a
    state that does not end by itself, and an alias of another key fail the step, in a dry run too.
    apply: replicates, waits, and makes the alias. A replica is not deleted again by a runbook.
    The primary's region is asked: replicate beforehand, not in the hour in which it is lost.
    """

    name = "aws.kms_replicate"
    reversible = False
    eventual = True
    aws_reads = ("kms:DescribeKey", "kms:ListAliases")
    aws_writes = ("kms:ReplicateKey", "kms:CreateAlias")
    aws_permissions = ("kms:CreateKey", "kms:TagResource", "iam:CreateServiceLinkedRole")
    # KMS makes its role for multi-Region keys once in an account.
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "iam": ("arn:aws:iam::*:role/aws-service-role/mrk.kms.amazonaws.com/*",)
    }
    duration = "seconds to a minute"
    tested = ("moto, amended", "ministack")
    Params = KmsParams
    Outputs = KmsOutputs
    example: ClassVar[str] = """\
aws.kms_replicate:
  key: mrk-1234abcd12ab34cd56ef1234567890ab
  source_region: us-east-1
  region: eu-west-1
  alias: alias/dr
"""

    def check(self, params: KmsParams, context: ActionContext) -> Finding:
        """Look at the key and at its replica."""
        primary = _primary(params, context)
        kms = client(params, context, "kms")
        replica = _key(kms, primary["KeyId"])
        what = f"replica of {primary['KeyId']} in {params.region}"
        alias = None if params.alias is None else _alias(params, kms, primary["KeyId"])
        if replica is None:
            change = Change(what=what, before=None, after={"alias": params.alias})
            return unsatisfied(f"there is no {what}", changes=(change,))
        if going := unsettled(what, Seen(str(replica["KeyState"])), ready=READY, terminal=TERMINAL, hint=HINT):
            return going
        if alias is False:
            return unsatisfied(
                f"{what} has no alias {params.alias}", changes=(Change(what="alias", after=params.alias),)
            )
        return satisfied(f"{what} is enabled", outputs={"arn": replica["Arn"], "key": replica["KeyId"]})

    def apply(self, params: KmsParams, context: ActionContext) -> Applied:
        """Replicate, wait, make the alias."""
        primary = _primary(params, context)
        name = primary["KeyId"]
        kms = client(params, context, "kms")
        if _key(kms, name) is None:
            _replicate(params, context, name)

        def look() -> Seen | None:
            replica = _key(kms, name)
            return None if replica is None else Seen(str(replica["KeyState"]))

        what = f"replica of {name}"
        wait_until(params, context, look, what=what, ready=READY, terminal=TERMINAL, hint=HINT)
        if params.alias is not None and not _alias(params, kms, name):
            kms.call("create_alias", AliasName=params.alias, TargetKeyId=name)
        return Applied(summary=f"replicated {name} to {params.region}")


def _primary(params: KmsParams, context: ActionContext) -> AwsAnswer:
    """Describe the primary key.

    Raises:
        ActionFailedError: it can't be replicated.
    """
    key: AwsAnswer = client(params, context, "kms", region=params.source_region).call("describe_key", KeyId=params.key)[
        "KeyMetadata"
    ]
    if not key.get("MultiRegion"):
        raise ActionFailedError(
            f"key {key['KeyId']} is of one region only",
            hint="a key becomes multi-Region only when it is made; make one, and encrypt anew with it",
        )
    if (key.get("MultiRegionConfiguration") or {}).get("MultiRegionKeyType") != "PRIMARY":
        raise ActionFailedError(f"key {key['KeyId']} in {params.source_region} is itself a replica")
    return key


def _key(kms: AwsClient, name: str) -> AwsAnswer | None:
    found: AwsAnswer = {}
    with passing_over(Trouble.NOT_FOUND):
        found = kms.call("describe_key", KeyId=name)["KeyMetadata"]
    return found or None


def _alias(params: KmsParams, kms: AwsClient, name: str) -> bool:
    """Tell whether the alias is there.

    Raises:
        ActionFailedError: it is another key's.
    """
    for item in kms.pages("list_aliases", "Aliases"):
        if item["AliasName"] == params.alias:
            if item.get("TargetKeyId") != name:
                raise ActionFailedError(
                    f"{params.alias} in {params.region} is of key {item.get('TargetKeyId')}; it is left alone",
                    hint="choose another alias",
                )
            return True
    return False


def _replicate(params: KmsParams, context: ActionContext, name: str) -> None:
    """Begin; a replica that somebody (an earlier attempt, perhaps) made meanwhile is left to the wait."""
    tags = [{"TagKey": key, "TagValue": value} for key, value in marks(context).items()]
    with passing_over(Trouble.EXISTS):
        client(params, context, "kms", region=params.source_region).call(
            "replicate_key",
            KeyId=name,
            ReplicaRegion=params.region,
            Policy=params.policy,
            Description=params.description,
            Tags=tags,
        )
