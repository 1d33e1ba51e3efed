"""Instances that a launch of ours made, known by the tag that holds the launch's name."""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_engine.actions.aws.marks import MANAGED_BY, MANAGED_TAG, RUN_TAG, STEP_TAG, tag_value, tags_of
from runbook_engine.sdk import ActionContext, AwsAnswer, AwsClient

LAUNCH_TAG = "dr:launch"
LIVE = frozenset({"pending", "running"})
GONE = frozenset({"shutting-down", "terminated"})


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance.

    Attributes:
        token: of the call that launched it.
        reason: why it is in its state, where EC2 says so.
        by: run and step that launched it.
    """

    id: str
    state: str
    image: str
    token: str
    reason: str
    private_ip: str
    public_ip: str
    by: tuple[str, str]

    def launched_by(self, context: ActionContext) -> bool:
        """Whether this step of this run launched it."""
        return self.by == (tag_value(context.run.id), tag_value(context.run.step))


def find_instances(ec2: AwsClient, name: str) -> list[Instance]:
    """Give every instance of a launch, those that were terminated within the last hour too, by id."""
    wanted = {LAUNCH_TAG: tag_value(name), MANAGED_TAG: MANAGED_BY}
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in wanted.items()]
    reservations = ec2.pages("describe_instances", "Reservations", Filters=filters)
    found = [_instance(one) for reservation in reservations for one in reservation.get("Instances") or ()]
    return sorted(found, key=lambda one: one.id)


def not_ok(ec2: AwsClient, instances: Sequence[Instance]) -> list[str]:
    """Say of each instance what its two status checks say, unless that is `ok`."""
    ids = [one.id for one in instances]
    answers = {
        one["InstanceId"]: (one["InstanceStatus"]["Status"], one["SystemStatus"]["Status"])
        for one in ec2.call("describe_instance_status", InstanceIds=ids, IncludeAllInstances=True)["InstanceStatuses"]
    }
    words = []
    for one in ids:
        status = answers.get(one, ("not known yet", "not known yet"))
        if status != ("ok", "ok"):
            words.append(f"{one} {status[0]}" if status[0] != "ok" else f"{one} system {status[1]}")
    return words


def _instance(item: AwsAnswer) -> Instance:
    tags = tags_of(item.get("Tags"))
    return Instance(
        id=str(item["InstanceId"]),
        state=str(item.get("State", {}).get("Name", "")),
        image=str(item.get("ImageId", "")),
        token=str(item.get("ClientToken") or ""),
        reason=str((item.get("StateReason") or {}).get("Message") or item.get("StateTransitionReason") or ""),
        private_ip=str(item.get("PrivateIpAddress") or ""),
        public_ip=str(item.get("PublicIpAddress") or ""),
        by=(tags.get(RUN_TAG, ""), tags.get(STEP_TAG, "")),
    )
