"""Names hosts after EC2 instances: the entries of `hostnames` in an `aws_ec2` source."""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.render import evaluate
from runbook_engine.expressions.scope import Scope
from runbook_engine.loading.inventory.constructed import safe_name
from runbook_engine.loading.inventory.documents import plain
from runbook_engine.loading.inventory.instances import Instance
from runbook_engine.loading.inventory.plugin_settings import SettingsReader
from runbook_engine.model.inventory import Target
from runbook_engine.model.quoting import did_you_mean, quoted

TAG = "tag:"
_DEFAULT = ("dns-name", "private-dns-name")
_SETTING = "hostnames"
_KEYS = ("name", "prefix", "separator")
# EC2's names of filters, and where what they filter by stands in an instance.
_WHERE: Mapping[str, str] = {
    "affinity": "Placement.Affinity",
    "architecture": "Architecture",
    "availability-zone": "Placement.AvailabilityZone",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.status": "BlockDeviceMappings.Ebs.Status",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
    "client-token": "ClientToken",
    "dns-name": "PublicDnsName",
    "group-id": "Groups.GroupId",
    "group-name": "Groups.GroupName",
    "host-id": "Placement.HostId",
    "hypervisor": "Hypervisor",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn",
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-state-code": "State.Code",
    "instance-state-name": "State.Name",
    "instance-type": "InstanceType",
    "instance.group-id": "SecurityGroups.GroupId",
    "instance.group-name": "SecurityGroups.GroupName",
    "ip-address": "PublicIpAddress",
    "kernel-id": "KernelId",
    "key-name": "KeyName",
    "launch-index": "AmiLaunchIndex",
    "launch-time": "LaunchTime",
    "monitoring-state": "Monitoring.State",
    "network-interface.addresses.association.public-ip": "NetworkInterfaces.PrivateIpAddresses.Association.PublicIp",
    "network-interface.addresses.private-ip-address": "NetworkInterfaces.PrivateIpAddress",
    "network-interface.association.public-ip": "NetworkInterfaces.Association.PublicIp",
    "network-interface.attachment.attachment-id": "NetworkInterfaces.Attachment.AttachmentId",
    "network-interface.attachment.device-index": "NetworkInterfaces.Attachment.DeviceIndex",
    "network-interface.attachment.instance-id": "InstanceId",
    "network-interface.attachment.status": "NetworkInterfaces.Attachment.Status",
    "network-interface.availability-zone": "Placement.AvailabilityZone",
    "network-interface.description": "NetworkInterfaces.Description",
    "network-interface.group-id": "NetworkInterfaces.Groups.GroupId",
    "network-interface.group-name": "NetworkInterfaces.Groups.GroupName",
    "network-interface.ipv6-addresses.ipv6-address": "NetworkInterfaces.Ipv6Addresses.Ipv6Address",
    "network-interface.mac-address": "NetworkInterfaces.MacAddress",
    "network-interface.network-interface-id": "NetworkInterfaces.NetworkInterfaceId",
    "network-interface.owner-id": "NetworkInterfaces.OwnerId",
    "network-interface.private-dns-name": "NetworkInterfaces.PrivateDnsName",
    "network-interface.status": "NetworkInterfaces.Status",
    "network-interface.subnet-id": "NetworkInterfaces.SubnetId",
    "network-interface.vpc-id": "NetworkInterfaces.VpcId",
    "owner-id": "OwnerId",
    "placement-group-name": "Placement.GroupName",
    "platform": "Platform",
    "private-dns-name": "PrivateDnsName",
    "private-ip-address": "PrivateIpAddress",
    "product-code": "ProductCodes.ProductCodeId",
    "product-code.type": "ProductCodes.ProductCodeType",
    "ramdisk-id": "RamdiskId",
    "reason": "StateTransitionReason",
    "requester-id": "RequesterId",
    "reservation-id": "ReservationId",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "subnet-id": "SubnetId",
    "tenancy": "Placement.Tenancy",
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
}


@dataclass(frozen=True, slots=True)
class Preference:
    """One entry of `hostnames`: what the name is taken from, a filter for it, and what stands in front of it.

    Attributes:
        filter: an expression over the name `value`; empty for none.
        prefix: another entry; None for none.
    """

    source: str
    filter: str = ""
    prefix: "Preference | None" = None
    separator: str = "_"


def read_preferences(reader: SettingsReader) -> list[Preference]:
    """Read `hostnames`; what can't be an entry is told to the reader and left out."""
    found = [_preference(entry, index, reader) for index, entry in enumerate(reader.entries(_SETTING))]
    return [one for one in found if one is not None] or [Preference(name) for name in _DEFAULT]


def names_of(instance: Instance, preferences: list[Preference]) -> list[str]:
    """Give every name that the entries make of an instance, most wanted first; entries without a value give none.

    Raises:
        TemplateError: a filter can't be used on the value.
    """
    return [_safe(name) for preference in preferences for name in _names(instance, preference)]


def tags_of(instance: Instance) -> dict[str, str]:
    """Give an instance's tags by their keys."""
    tags = instance.get("Tags")
    return {str(one["Key"]): str(one["Value"]) for one in tags} if isinstance(tags, list) else {}


def _preference(entry: object, index: int, reader: SettingsReader) -> Preference | None:
    place = (_SETTING, index)
    if isinstance(entry, str):
        return _single(entry, place, reader, literal=False)
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        reader.wrong(place, f"an entry of {_SETTING} is neither text nor a mapping with a name", "write `- tag:Name`")
        return None
    for key, value in entry.items():
        if key not in _KEYS or not isinstance(value, str):
            known = key in _KEYS
            what = f"{key} is {quoted(value)}, which is no text" if known else f"{quoted(key)} means nothing here"
            reader.wrong(place, what, "" if known else did_you_mean(key, _KEYS))
            return None
    name = _single(entry["name"], place, reader, literal=True)
    prefix = _single(entry["prefix"], place, reader, literal=True) if entry.get("prefix") else None
    return name and Preference(name.source, name.filter, prefix, entry.get("separator", "_"))


def _single(text: str, place: tuple[str, int], reader: SettingsReader, *, literal: bool) -> Preference | None:
    """Read a name such as `tag:Name | lower`; alone it must be known, in a mapping other text stands for itself."""
    source, bar, filters = text.partition("|")
    source = source.rstrip() if bar else source
    if not literal and not source.startswith(TAG) and source not in _WHERE:
        hint = did_you_mean(source, _WHERE) or "use tag:NAME, or a filter's name such as private-ip-address"
        reader.wrong(place, f"{_SETTING} can't be taken from {quoted(source)}", hint)
        return None
    expression = f"value |{filters}" if bar else ""
    if bar and reader.expression(expression, *place) is None:
        return None
    return Preference(source, expression)


def _names(instance: Instance, preference: Preference) -> list[str]:
    found: object = _value(instance, preference.source)
    if preference.filter:
        found = _filtered(found, preference.filter)
    names = [str(one) for one in (found if isinstance(found, list) else [found]) if one not in (None, "", 0, False)]
    before = _names(instance, preference.prefix) if preference.prefix else []
    return [f"{before[0]}{preference.separator}{names[0]}"] if names and before else names


def _filtered(found: object, expression: str) -> object:
    """Put a value through a filter; without a value, a filter such as `default` may give one, or there is none."""
    missing = found is None or found == []
    target = Target.model_construct(name="", groups=(), variables={"value": "" if missing else plain(found)})
    try:
        return evaluate(expression, Scope(target=target))
    except TemplateError:
        if missing:
            return None
        raise


def _value(instance: Instance, source: str) -> object:
    if source.startswith(TAG):
        values = _tag_values(tags_of(instance), source.removeprefix(TAG))
        return values if "," in source or not values else values[0]
    if source not in _WHERE:
        return source
    found: object = instance
    for part in _WHERE[source].split("."):
        found = _below(found, part)
    return found


def _tag_values(tags: Mapping[str, str], wanted: str) -> list[str]:
    """Give the values of `NAME`, and `NAME_VALUE` for `NAME=VALUE` where that is the tag's value."""
    values = []
    for one in wanted.split(","):
        name, equals, value = one.partition("=")
        if equals and tags.get(name) == value:
            values.append(f"{name}_{value}")
        elif not equals and tags.get(name):
            values.append(tags[name])
    return values


def _below(value: object, part: str) -> object:
    """Give what stands below a mapping, or below each mapping of a list."""
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list):
        found = [one for each in value if (one := _below(each, part))]
        return found[0] if len(found) == 1 else found
    return None


def _safe(name: str) -> str:
    """Give a name without colons, which would be taken for a port's; then it is made like a group's name."""
    return safe_name(name) if ":" in name else name
