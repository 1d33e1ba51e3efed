"""Reads the instances of EC2 as hosts: the settings of Ansible's `amazon.aws.aws_ec2` source."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.loading.inventory.aws_names import Preference, names_of, read_preferences, tags_of
from runbook_engine.loading.inventory.constructed import construct
from runbook_engine.loading.inventory.documents import Document, plain
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.instances import DescribeInstances, Filters, ForbiddenRegionError, Instance
from runbook_engine.loading.inventory.plugin_settings import SettingsReader, read_settings
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import quoted

_GROUP = "aws_ec2"
_SETTINGS = (
    "regions",
    "filters",
    "include_filters",
    "exclude_filters",
    "hostnames",
    "hostvars_prefix",
    "hostvars_suffix",
    "allow_duplicated_hosts",
    "strict_permissions",
    "use_contrib_script_compatible_ec2_tag_keys",
    "use_contrib_script_compatible_sanitization",
)
_STATE = "instance-state-name"
_STATES = ("running", "pending", "stopping", "stopped")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class _Source:
    """What one source says about which instances there are, and what they become."""

    regions: tuple[str, ...]
    included: list[Filters]
    excluded: list[Filters]
    names: list[Preference]
    all_names: bool
    tag_variables: bool
    keep_dashes: bool
    strict_permissions: bool
    prefix: str
    suffix: str


def read_instances(document: Document, draft: Draft, files: InventoryFiles, describe: DescribeInstances) -> None:
    """Make a host of every instance that the settings choose; what is wrong goes to the draft's findings."""
    settings = read_settings(document, _SETTINGS, draft.findings)
    reader = SettingsReader(document, draft.findings)
    source = _source(reader)
    if reader.failed:
        return
    hosts: dict[str, None] = {}
    place = document.key_place(("plugin",))
    draft.add_group(_GROUP)
    try:
        for instance in _chosen(source, describe):
            names = names_of(instance, source.names)
            variables = _variables(instance, source) if names else {}
            for name in dict.fromkeys(names if source.all_names else names[:1]):
                if name in hosts:
                    hint = "choose hostnames that differ, such as instance-id, or exclude one by filters"
                    draft.findings.add("RB327", place, f"two instances would be host {quoted(name)}", hint)
                elif draft.add_host(name, _GROUP, None, place):
                    hosts[name] = None
                    for key, value in variables.items():
                        draft.set_variable(name, key, value, place)
    except TemplateError as error:
        reader.wrong(("hostnames",), f"a filter can't be used: {error.message}", error.hint)
        return
    except RunbookError as error:
        draft.findings.add("RB327", place, error.message, error.hint)
        return
    construct(settings, hosts, draft, files, keep_dashes=source.keep_dashes)


def _source(reader: SettingsReader) -> _Source:
    regions = tuple(dict.fromkeys(_texts(reader, "regions")))
    if not regions:
        reader.wrong(("plugin",), "regions is missing", "name the regions to look in: regions: [eu-west-1]")
    included, excluded = _filter_sets(reader)
    return _Source(
        regions=regions,
        included=included,
        excluded=excluded,
        names=read_preferences(reader),
        all_names=reader.flag("allow_duplicated_hosts", default=False),
        tag_variables=reader.flag("use_contrib_script_compatible_ec2_tag_keys", default=False),
        keep_dashes=reader.flag("use_contrib_script_compatible_sanitization", default=False),
        strict_permissions=reader.flag("strict_permissions", default=True),
        prefix=_text(reader, "hostvars_prefix"),
        suffix=_text(reader, "hostvars_suffix"),
    )


def _chosen(source: _Source, describe: DescribeInstances) -> list[Instance]:
    """Give the instances of all regions that one set of filters includes and none excludes, each once, by id."""
    found: dict[str, Instance] = {}
    for region in source.regions:
        try:
            gone = {str(one["InstanceId"]) for filters in source.excluded for one in describe(region, filters)}
            chosen = {str(one["InstanceId"]): one for filters in source.included for one in describe(region, filters)}
        except ForbiddenRegionError:
            if source.strict_permissions:
                raise
            continue
        found.update((name, chosen[name]) for name in chosen.keys() - gone)
    return [found[name] for name in sorted(found)]


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


def _variables(instance: Instance, source: _Source) -> dict[str, JsonValue]:
    """Give an instance's description in Ansible's words: names in snake case, tags as a mapping, the region besides."""
    found = {_snake(key): _snaked(value) for key, value in instance.items() if key != "Tags"}
    tags = tags_of(instance)
    placement = found.get("placement")
    if isinstance(placement, Mapping):
        found["placement"] = {**placement, "region": str(placement.get("availability_zone", ""))[:-1]}
    found["tags"] = {**tags}
    if source.tag_variables:
        found.update((f"ec2_tag_{name}", value) for name, value in tags.items())
    return {f"{source.prefix}{name}{source.suffix}": value for name, value in found.items()}


def _snaked(value: object) -> JsonValue:
    if isinstance(value, Mapping):
        return {_snake(str(key)): _snaked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_snaked(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else plain(value)


def _snake(name: str) -> str:
    return _WORDS.sub("_", name).lower()
