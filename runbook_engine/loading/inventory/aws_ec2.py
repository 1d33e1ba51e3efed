"""Reads the instances of EC2 as hosts: the settings of Ansible's `amazon.aws.aws_ec2` source."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from runbook_engine.loading.inventory.constructed import construct
from runbook_engine.loading.inventory.documents import Document, plain
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.instances import DescribeInstances, Filters, Instance
from runbook_engine.loading.inventory.plugin_settings import SettingsReader, read_settings
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import did_you_mean, quoted

_GROUP = "aws_ec2"
_SETTINGS = (
    "regions",
    "filters",
    "include_filters",
    "exclude_filters",
    "hostnames",
    "hostvars_prefix",
    "hostvars_suffix",
)
_STATE = "instance-state-name"
_STATES = ("running", "pending", "stopping", "stopped")
_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "architecture": ("Architecture",),
    "availability-zone": ("Placement", "AvailabilityZone"),
    "dns-name": ("PublicDnsName",),
    "image-id": ("ImageId",),
    "instance-id": ("InstanceId",),
    "instance-type": ("InstanceType",),
    "ip-address": ("PublicIpAddress",),
    "key-name": ("KeyName",),
    "private-dns-name": ("PrivateDnsName",),
    "private-ip-address": ("PrivateIpAddress",),
    "subnet-id": ("SubnetId",),
    "vpc-id": ("VpcId",),
}
_DEFAULT_NAMES = ("dns-name", "private-dns-name")
_TAG = "tag:"
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def read_instances(document: Document, draft: Draft, files: InventoryFiles, describe: DescribeInstances) -> None:
    """Make a host of every instance that the settings choose; what is wrong goes to the draft's findings."""
    settings = read_settings(document, _SETTINGS, draft.findings)
    reader = SettingsReader(document, draft.findings)
    regions, names = _texts(reader, "regions"), _texts(reader, "hostnames") or list(_DEFAULT_NAMES)
    if not regions:
        reader.wrong(("plugin",), "regions is missing", "name the regions to look in: regions: [eu-west-1]")
    for name in names:
        if not name.startswith(_TAG) and name not in _ATTRIBUTES:
            hint = did_you_mean(name, _ATTRIBUTES) or f"use tag:NAME or one of: {', '.join(_ATTRIBUTES)}"
            reader.wrong(("hostnames",), f"hostnames can't be taken from {quoted(name)}", hint)
    included, excluded = _filter_sets(reader)
    prefix, suffix = (_text(reader, name) for name in ("hostvars_prefix", "hostvars_suffix"))
    if reader.failed:
        return
    hosts: dict[str, None] = {}
    place = document.key_place(("plugin",))
    draft.add_group(_GROUP)
    try:
        for instance in _chosen(regions, included, excluded, describe):
            name = next((found for preference in names if (found := _name(instance, preference))), "")
            if name in hosts:
                hint = "choose hostnames that differ, such as instance-id, or exclude one by filters"
                draft.findings.add("RB327", place, f"two instances would be host {quoted(name)}", hint)
            elif name and draft.add_host(name, _GROUP, None, place):
                hosts[name] = None
                for key, value in _variables(instance).items():
                    draft.set_variable(name, f"{prefix}{key}{suffix}", value, place)
    except RunbookError as error:
        draft.findings.add("RB327", place, error.message, error.hint)
        return
    construct(settings, hosts, draft, files.vault)


def _chosen(
    regions: Sequence[str], included: Sequence[Filters], excluded: Sequence[Filters], describe: DescribeInstances
) -> Iterator[Instance]:
    """Give the instances of all regions that one set of filters includes and none excludes, each once, by id."""
    for region in regions:
        gone = {str(one["InstanceId"]) for filters in excluded for one in describe(region, filters)}
        found = {str(one["InstanceId"]): one for filters in included for one in describe(region, filters)}
        yield from (found[name] for name in sorted(found.keys() - gone))


def _filter_sets(reader: SettingsReader) -> tuple[list[Filters], list[Filters]]:
    """Give the sets of filters to include and to exclude; without a state in them, every state but `terminated`."""
    first = _filters(reader, reader.mapping("filters"), "filters")
    included = [_filters(reader, one, "include_filters") for one in reader.entries("include_filters")]
    excluded = [_filters(reader, one, "exclude_filters") for one in reader.entries("exclude_filters")]
    both = [first, *included] if first or not included else included
    return [_with_state(one) for one in both], [_with_state(one) for one in excluded]


def _with_state(filters: Filters) -> Filters:
    return filters if _STATE in filters else {**filters, _STATE: _STATES}


def _filters(reader: SettingsReader, value: object, setting: str) -> Filters:
    if not isinstance(value, dict):
        reader.wrong((setting,), f"{setting} needs mappings of a filter's name to its values")
        return {}
    return {
        name: [_word(one) for one in (given if isinstance(given, list) else [given])] for name, given in value.items()
    }


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(reader: SettingsReader, name: str) -> list[str]:
    found = reader.entries(name)
    for one in found:
        if not isinstance(one, str):
            reader.wrong((name,), f"{name} holds {quoted(one)}, which is no text", "write a list of texts")
    return [one for one in found if isinstance(one, str)]


def _text(reader: SettingsReader, name: str) -> str:
    value = reader.root.get(name) or ""
    if isinstance(value, str):
        return value
    reader.wrong((name,), f"{name} is {quoted(value)}, which is no text")
    return ""


def _name(instance: Instance, preference: str) -> str:
    """Give what a preference of `hostnames` makes of an instance; empty if it has no such thing."""
    if preference.startswith(_TAG):
        tags = _tags(instance)
        for wanted in preference.removeprefix(_TAG).split(","):
            name, equals, value = wanted.partition("=")
            if equals and tags.get(name) == value:
                return f"{name}_{value}"
            if not equals and tags.get(name):
                return tags[name]
        return ""
    found: object = instance
    for part in _ATTRIBUTES[preference]:
        found = found.get(part) if isinstance(found, Mapping) else None
    return str(found or "")


def _variables(instance: Instance) -> dict[str, JsonValue]:
    """Give an instance's description in Ansible's words: names in snake case, tags as a mapping, the region besides."""
    found = {_snake(key): _snaked(value) for key, value in instance.items() if key != "Tags"}
    tags: JsonValue = dict(_tags(instance))
    placement = found.get("placement")
    if isinstance(placement, Mapping):
        found["placement"] = {**placement, "region": str(placement.get("availability_zone", ""))[:-1]}
    return {**found, "tags": tags}


def _tags(instance: Instance) -> dict[str, str]:
    tags = instance.get("Tags")
    return {str(one["Key"]): str(one["Value"]) for one in tags} if isinstance(tags, list) else {}


def _snaked(value: object) -> JsonValue:
    if isinstance(value, Mapping):
        return {_snake(str(key)): _snaked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_snaked(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else plain(value)


def _snake(name: str) -> str:
    return _WORDS.sub("_", name).lower()
