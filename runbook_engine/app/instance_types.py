"""How many vCPUs instances have, those that run and those that would be launched, by what EC2 says of their types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runbook_engine.app.quota_table import Quota, family_quota
from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.capacity import Addition
from runbook_engine.model.errors import RunbookError
from runbook_engine.ports.services import AwsAnswer, AwsClient

_AT_ONCE = 100  # types in a request
_RUNNING = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]


class NotKnownError(RunbookError):
    """The type of what would be launched can't be told; the message says why."""


@dataclass(slots=True)
class Machines:
    """EC2 of one account and region. Every method may raise `AwsError` and `ServiceUnreachableError`."""

    session: AwsSession
    region: str
    role: str | None
    _vcpus: dict[str, int] = field(default_factory=dict)

    def used(self, quota: Quota) -> int:
        """Count the vCPUs of On-Demand instances that run in a quota's families."""
        types: dict[str, int] = {}
        for reservation in self._client("ec2").pages("describe_instances", "Reservations", Filters=_RUNNING):
            for one in reservation.get("Instances") or ():
                name = str(one.get("InstanceType", ""))
                on_host = (one.get("Placement") or {}).get("Tenancy") == "host"
                if not one.get("InstanceLifecycle") and not on_host and family_quota(name) == quota:
                    types[name] = types.get(name, 0) + 1
        vcpus = self._vcpus_of(types)
        return sum(vcpus[name] * count for name, count in types.items())

    def added(self, addition: Addition) -> tuple[str, int]:
        """Give the type of what would be launched, and the vCPUs of all of it.

        Raises:
            NotKnownError: nobody can tell the type.
        """
        name = self._type(addition.of)
        return name, self._vcpus_of([name])[name] * addition.count

    def _type(self, of: Mapping[str, str]) -> str:
        if "instance_type" in of:
            return of["instance_type"]
        if "launch_template" in of:
            return self._of_template(of["launch_template"], of.get("version", "$Default"))
        if "auto_scaling_group" in of:
            return self._of_group(of["auto_scaling_group"])
        raise NotKnownError("its check does not say of which type they are")

    def _of_template(self, name: str, version: str) -> str:
        key = "LaunchTemplateId" if name.startswith("lt-") else "LaunchTemplateName"
        asked = {key: name, "Versions": [version]}
        found = self._client("ec2").call("describe_launch_template_versions", **asked).get("LaunchTemplateVersions")
        data = (found[0] if found else {}).get("LaunchTemplateData") or {}
        if (data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot":
            raise NotKnownError(f"launch template {name} asks for Spot instances")
        if not data.get("InstanceType"):
            raise NotKnownError(f"launch template {name} names no instance type")
        return str(data["InstanceType"])

    def _of_group(self, name: str) -> str:
        scaling = self._client("autoscaling")
        found = scaling.call("describe_auto_scaling_groups", AutoScalingGroupNames=[name]).get("AutoScalingGroups")
        group: AwsAnswer = found[0] if found else {}
        if mixed := group.get("MixedInstancesPolicy"):
            return self._of_mixed(name, mixed)
        if template := group.get("LaunchTemplate"):
            return self._of_template(_template_name(template), str(template.get("Version") or "$Default"))
        if not (configuration := group.get("LaunchConfigurationName")):
            raise NotKnownError(f"Auto Scaling group {name} does not say what it launches")
        asked = {"LaunchConfigurationNames": [configuration]}
        launch = scaling.call("describe_launch_configurations", **asked).get("LaunchConfigurations")
        if not launch or launch[0].get("SpotPrice"):
            raise NotKnownError(f"launch configuration {configuration} is gone or asks for Spot instances")
        return str(launch[0]["InstanceType"])

    def _of_mixed(self, name: str, mixed: AwsAnswer) -> str:
        launch = mixed.get("LaunchTemplate") or {}
        overrides = launch.get("Overrides") or []
        share = (mixed.get("InstancesDistribution") or {}).get("OnDemandPercentageAboveBaseCapacity", 100)
        types = {str(one.get("InstanceType") or "") for one in overrides}
        if share != 100 or len(types) > 1 or "" in types or any(one.get("WeightedCapacity") for one in overrides):  # noqa: PLR2004 - percent
            raise NotKnownError(f"Auto Scaling group {name} launches of several types, or Spot instances")
        if types:
            return types.pop()
        template = launch.get("LaunchTemplateSpecification") or {}
        return self._of_template(_template_name(template), str(template.get("Version") or "$Default"))

    def _vcpus_of(self, types: Iterable[str]) -> dict[str, int]:
        lacking = sorted(set(types) - self._vcpus.keys())
        for start in range(0, len(lacking), _AT_ONCE):
            some = lacking[start : start + _AT_ONCE]
            for one in self._client("ec2").pages("describe_instance_types", "InstanceTypes", InstanceTypes=some):
                self._vcpus[str(one["InstanceType"])] = int(one["VCpuInfo"]["DefaultVCpus"])
        if unknown := sorted(set(types) - self._vcpus.keys()):
            raise NotKnownError(f"EC2 does not describe {', '.join(unknown)}")
        return self._vcpus

    def _client(self, service: str) -> AwsClient:
        return self.session.client(service, region=self.region, role=self.role, read_only=True)


def _template_name(template: AwsAnswer) -> str:
    return str(template.get("LaunchTemplateId") or template.get("LaunchTemplateName") or "")
