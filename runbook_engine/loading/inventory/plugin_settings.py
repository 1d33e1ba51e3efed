"""Reads what inventory plugins have in common: `compose`, `groups`, `keyed_groups` and `strict`, checked up front."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.loading.inventory.documents import Document
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.model.located import Path
from runbook_engine.model.quoting import did_you_mean, quoted

COMMON = frozenset({"plugin", "strict", "compose", "groups", "keyed_groups", "leading_separator"})
USE_FILES = "use_vars_plugins"
_KEYED = ("key", "prefix", "separator", "parent_group", "default_value", "trailing_separator")
_YES = frozenset({"true", "yes", "on", "y", "t", "1"})
_NO = frozenset({"false", "no", "off", "n", "f", "0"})
_REFUSED = {
    "use_extra_vars": "an inventory does not depend on inputs of a run",
    "cache": "what is shown must be what is there",
}


@dataclass(frozen=True, slots=True)
class Keyed:
    """One entry of `keyed_groups`."""

    key: str
    prefix: str
    separator: str
    parent_group: str
    default_value: str | None
    trailing_separator: bool | None
    place: Place


@dataclass(frozen=True, slots=True)
class Settings:
    """What a plugin's source says about variables and groups; each expression with its place.

    Attributes:
        use_files: whether expressions see the variables of `group_vars` and `host_vars`, too.
    """

    strict: bool
    use_files: bool
    leading_separator: bool
    compose: Mapping[str, tuple[str, Place]]
    groups: Mapping[str, tuple[str | bool, Place]]
    keyed_groups: tuple[Keyed, ...]


def read_settings(document: Document, more: Collection[str], findings: Findings) -> Settings:
    """Read the common settings, and refuse keys that are neither common nor among `more`; never raises."""
    reader = SettingsReader(document, findings)
    root = reader.root
    for key in root:
        if key not in COMMON and key not in more:
            _refuse_key(key, (*COMMON, *more), reader)
    compose, groups = reader.mapping("compose"), reader.mapping("groups")
    return Settings(
        strict=reader.flag("strict", default=False),
        use_files=USE_FILES in more and reader.flag(USE_FILES, default=False),
        leading_separator=reader.flag("leading_separator", default=True),
        compose={
            name: (expression, reader.place("compose", name))
            for name, value in compose.items()
            if (expression := reader.expression(value, "compose", name)) is not None
        },
        groups={
            name: (condition, reader.place("groups", name))
            for name, value in groups.items()
            if (condition := value if isinstance(value, bool) else reader.expression(value, "groups", name)) is not None
        },
        keyed_groups=tuple(
            keyed
            for index, entry in enumerate(reader.entries("keyed_groups"))
            if (keyed := _keyed(entry, index, reader)) is not None
        ),
    )


class SettingsReader:
    """Takes settings out of a document by kind; what is of another kind gives a finding and counts as absent."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self.root: Mapping[str, object] = document.root if isinstance(document.root, dict) else {}
        self._document = document
        self._findings = findings
        self.failed = False

    def place(self, *path: str | int) -> Place:
        """Give the place of a setting."""
        return self._document.key_place(path) if isinstance(path[-1], str) else self._document.place(path)

    def wrong(self, path: Path, message: str, hint: str = "") -> None:
        """Note what is wrong with a setting."""
        self.failed = True
        self._findings.add("RB326", self.place(*path), message, hint)

    def flag(self, name: str, *, default: bool) -> bool:
        """Give a setting that is true or false, in any of Ansible's words for it."""
        value = self.root.get(name)
        if value is None:
            return default
        said = str(int(value)) if isinstance(value, int | float) and value in {0, 1} else str(value).lower()
        if said in _YES | _NO:
            return said in _YES
        self.wrong((name,), f"{name} is {quoted(value)}, and must be true or false")
        return default

    def mapping(self, name: str) -> Mapping[str, object]:
        """Give a setting that is a mapping."""
        value = self.root.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.wrong((name,), f"{name} is not a mapping", "write `name: expression` below it")
        return {}

    def entries(self, name: str) -> list[object]:
        """Give a setting that is a list."""
        value = self.root.get(name)
        if isinstance(value, list):
            return value
        if value is not None:
            self.wrong((name,), f"{name} is not a list", "begin each entry with `- `")
        return []

    def expression(self, value: object, *path: str | int) -> str | None:
        """Give an expression that can be evaluated for some host at least."""
        from jinja2 import nodes

        from runbook_engine.expressions.compiled import compile_text, parse

        if not isinstance(value, str):
            hint = "write text; a literal text stands in quotes twice: \"'x'\""
            self.wrong(path, f"{quoted(path[-1])} is no expression", hint)
            return None
        try:
            compile_text(value, bare=True)
            calls = [call.node for call in parse(value, bare=True).tree.find_all(nodes.Call)]
        except TemplateError as error:
            self.wrong(path, f"{quoted(value)} can't be evaluated: {error.message}", error.hint)
            return None
        if any(not isinstance(called, nodes.Name) or called.name != "range" for called in calls):
            # Without `strict` this would be left out for every host, where Ansible would call it.
            self.wrong(path, f"{quoted(value)} can't be evaluated: it calls something", "use filters: x | split('-')")
            return None
        return value


def _refuse_key(key: str, known: Collection[str], reader: SettingsReader) -> None:
    if key in _REFUSED:
        if reader.root[key]:
            reader.wrong((key,), f"{key} is not supported: {_REFUSED[key]}", "leave it away")
        return
    reader.wrong((key,), f"setting {quoted(key)} is not supported", did_you_mean(key, known) or "leave it away")


def _keyed(entry: object, index: int, reader: SettingsReader) -> Keyed | None:
    path = ("keyed_groups", index)
    if not isinstance(entry, dict):
        reader.wrong(path, "an entry of keyed_groups is not a mapping", "write `- key: EXPRESSION`")
        return None
    for name in entry:
        if name not in _KEYED:
            reader.wrong((*path, name), f"{quoted(name)} means nothing here", did_you_mean(name, _KEYED))
    key = reader.expression(entry.get("key"), *path, *(("key",) if "key" in entry else ()))
    default, trailing = entry.get("default_value"), entry.get("trailing_separator")
    if default is not None and trailing is not None:
        reader.wrong(path, "default_value and trailing_separator exclude each other", "keep one of them")
    if trailing is not None and not isinstance(trailing, bool):
        reader.wrong((*path, "trailing_separator"), "trailing_separator must be true or false")
    if key is None:
        return None
    return Keyed(
        key=key,
        prefix=_text(entry, "prefix", ""),
        separator=_text(entry, "separator", "_"),
        parent_group=_text(entry, "parent_group", ""),
        default_value=None if default is None else str(default),
        trailing_separator=trailing if isinstance(trailing, bool) else None,
        place=reader.place(*path),
    )


def _text(entry: Mapping[str, object], name: str, default: str) -> str:
    value = entry.get(name, default)
    return "" if value is None else str(value)
