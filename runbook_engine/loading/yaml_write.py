"""Writes plain data as YAML that people read: keys in their order, texts of several lines as blocks."""

import re

import yaml

from runbook_engine.loading.yaml_layout import formatted
from runbook_engine.model.json import JsonValue

_ENDLESS = 1 << 30
_QUOTED = re.compile(r"[{}\[\]'\"#:&*!|>%@`]")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and no value twice by a reference."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text.rstrip("\n") else '"' if _QUOTED.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: yaml.SafeDumper, items: list[JsonValue]) -> yaml.SequenceNode:
    plain = all(not isinstance(item, list | dict) and "\n" not in str(item) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=plain)


_Dumper.add_multi_representer(str, _text)  # keys of Ansible's files may be texts of a kind of their own
_Dumper.add_representer(list, _list)


def write_yaml(value: JsonValue) -> str:
    """Give data as YAML in the layout of `runbook fmt`; lists of short values stand on one line."""
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS, default_flow_style=False
    )
    return formatted(text)
