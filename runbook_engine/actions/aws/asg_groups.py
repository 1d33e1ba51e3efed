"""Auto Scaling groups as AWS describes them: sizes, instances in service, and launches that failed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.actions.aws.marks import tags_of
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import (
    ActionFailedError,
    Addition,
    AwsAnswer,
    AwsClient,
    Change,
    Finding,
    JsonObject,
    JsonValue,
    additions,
    unsatisfied,
)

MATCHES, FAILING = "in service", "failing to launch"
RECENT_ACTIVITIES = 20


class SizeParams(PolledParams):
    """How large a group of machines shall be."""

    min: int | None = Field(
        None,
        ge=0,
        description="least number of instances; default: as it is, moved as far as the others need",
        examples=[2],
    )
    max: int | None = Field(
        None,
        ge=0,
        description="greatest number of instances; default: as it is, moved as far as the others need",
        examples=[8],
    )
    desired: int | None = Field(
        None, ge=0, description="number of instances; default: as it is, moved between min and max", examples=[4]
    )
    at_least: bool = Field(
        default=False, description="whether more is good as well, where the group also scales by itself"
    )
    failed_launches: int = Field(
        3, ge=1, description="launches that may fail before the step fails; Auto Scaling itself would try on"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = [size for size in (self.min, self.desired, self.max) if size is not None]
        if not given:
            raise ValueError("give at least one of min, max and desired")
        if given != sorted(given):
            raise ValueError("sizes must be in order: min, desired, max")
        return self


@dataclass(frozen=True, slots=True)
class Sizes:
    """The three sizes of a group."""

    min: int
    max: int
    desired: int

    def wanted(self, params: SizeParams) -> "Sizes":
        """Give what they shall become; what is not asked for moves only as far as the others need."""
        least, most, desired = params.min, params.max, params.desired
        if params.at_least:
            least, most, desired = (
                None if asked is None else max(asked, now)
                for asked, now in ((least, self.min), (most, self.max), (desired, self.desired))
            )
        if least is None:
            least = min(self.min, *(size for size in (most, desired) if size is not None))
        if most is None:
            most = max(self.max, least, desired or 0)
        return Sizes(least, most, min(max(self.desired, least), most) if desired is None else desired)

    @classmethod
    def recorded(cls, before: Mapping[str, JsonValue]) -> Self:
        """Read them out of a step's outputs or a tag."""
        return cls(*(int(str(before[name])) for name in ("min", "max", "desired")))

    def by_name(self) -> dict[str, int]:
        """Give them as a step's outputs and a tag have them."""
        return {"min": self.min, "max": self.max, "desired": self.desired}

    def differing(self, wanted: "Sizes", name: str, adds: Callable[[], JsonObject]) -> Finding | None:
        """Say which of a group's sizes are others than is wanted; None when none is.

        Args:
            name: the group's.
            adds: tells what the wanted sizes add, as evidence.
        """
        after = wanted.by_name()
        found = {size: now for size, now in self.by_name().items() if now != after[size]}
        if not found:
            return None
        changes = [Change(what=f"{size} of {name}", before=now, after=after[size]) for size, now in found.items()]
        words = ", ".join(f"{size} is {now}, not {after[size]}" for size, now in found.items())
        return unsatisfied(f"{name}: {words}", changes=tuple(changes), evidence=adds())

    def __str__(self) -> str:
        """Give them in words."""
        return ", ".join(f"{name} {size}" for name, size in self.by_name().items())


@dataclass(frozen=True, slots=True)
class Group:
    """An Auto Scaling group.

    Attributes:
        in_service: capacity of the instances that are in service and healthy; in units, where instances have weights.
        moving: instances that come or go.
        heaviest: the greatest weight of an instance, 1 without weights.
        suspended: processes that do not run (`Launch`).
    """

    name: str
    sizes: Sizes
    in_service: int = 0
    moving: int = 0
    heaviest: int = 1
    status: str = ""
    suspended: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)

    def settled(self, *, at_least: bool = False) -> bool:
        """Whether what is in service is what is desired; with weights it may exceed it by less than one instance."""
        surplus = self.in_service - self.sizes.desired
        return surplus >= 0 and (at_least or (surplus < self.heaviest and not self.moving))

    def seen(self, *, at_least: bool = False) -> Seen:
        """How far it is."""
        if self.status:
            return Seen(self.status)
        if self.settled(at_least=at_least):
            return Seen(MATCHES)
        return Seen(f"{self.in_service} of {self.sizes.desired} in service", detail=self.stuck())

    def stuck(self) -> str:
        """Say which suspended process keeps it from its size; empty when none does."""
        lacks = "Launch" if self.in_service < self.sizes.desired else "Terminate"
        return f"its process {lacks} is suspended" if lacks in self.suspended else ""


def find_group(autoscaling: AwsClient, name: str) -> Group | None:
    """Describe a group, None when there is none."""
    found = autoscaling.call("describe_auto_scaling_groups", AutoScalingGroupNames=[name]).get("AutoScalingGroups")
    return _group(found[0]) if found else None


def lacks(params: SizeParams, group: Group, wanted: Sizes) -> JsonObject:
    """Give the evidence of how many instances a group would start, of those that are neither there nor on their way."""
    count = wanted.desired - group.in_service - group.moving
    if count <= 0:
        return {}
    of = {"auto_scaling_group": group.name}
    return additions(Addition(kind="ec2:Instance", region=params.region, role=params.role, count=count, of=of))


def failures(autoscaling: AwsClient, name: str) -> dict[str, str]:
    """Give the reasons of the newest scaling activities that failed, by their ids, newest first."""
    answer = autoscaling.call("describe_scaling_activities", AutoScalingGroupName=name, MaxRecords=RECENT_ACTIVITIES)
    return {
        str(one["ActivityId"]): str(one.get("StatusMessage") or one.get("Description") or "no reason given")
        for one in answer.get("Activities") or ()
        if one.get("StatusCode") == "Failed"
    }


def refuse_stuck(group: Group) -> None:
    """Fail where a suspended process keeps a group from its size.

    Raises:
        ActionFailedError: one does.
    """
    if stuck := group.stuck():
        raise ActionFailedError(f"{group.name}: {stuck}, which does not end by itself", hint="resume the process")


def watched(
    params: SizeParams, autoscaling: AwsClient, group: Group, known: Collection[str], *, at_least: bool
) -> Seen:
    """Give one look at a group that is waited for: in service, on its way, or `FAILING`.

    Args:
        known: ids of scaling activities that failed before; they do not count.

    Raises:
        ActionFailedError: it can't get there.
    """
    seen = group.seen(at_least=at_least)
    if seen.state == MATCHES:
        return seen
    refuse_stuck(group)
    new = [reason for number, reason in failures(autoscaling, group.name).items() if number not in known]
    if len(new) >= params.failed_launches:
        return Seen(FAILING, detail=f"{len(new)} failed, {seen.state}; {new[0]}")
    return Seen(seen.state, detail=f"{len(new)} failed: {new[0]}" if new else "")


def _group(item: AwsAnswer) -> Group:
    instances = item.get("Instances") or []
    weights = [int(one.get("WeightedCapacity") or 1) for one in instances]
    serving = [one.get("LifecycleState") == "InService" and one.get("HealthStatus") == "Healthy" for one in instances]
    return Group(
        name=str(item["AutoScalingGroupName"]),
        sizes=Sizes(int(item["MinSize"]), int(item["MaxSize"]), int(item["DesiredCapacity"])),
        in_service=sum(weight for weight, serves in zip(weights, serving, strict=True) if serves),
        moving=sum(str(one.get("LifecycleState", "")).startswith(("Pending", "Terminating")) for one in instances),
        heaviest=max(weights, default=1),
        status=str(item.get("Status") or ""),
        suspended=frozenset(str(one.get("ProcessName", "")) for one in item.get("SuspendedProcesses") or ()),
        tags=tags_of(item.get("Tags")),
    )
