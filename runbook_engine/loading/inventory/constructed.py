"""Constructs variables and groups as Ansible does: `compose`, `groups` and `keyed_groups` of inventory plugins."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from runbook_engine.expressions.errors import KnownAfterApplyError, TemplateError
from runbook_engine.expressions.render import evaluate, evaluate_bool, render
from runbook_engine.expressions.scope import Scope
from runbook_engine.loading.inventory.checks import check_group_name
from runbook_engine.loading.inventory.documents import plain
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Place
from runbook_engine.loading.inventory.host_views import HostViews
from runbook_engine.loading.inventory.plugin_settings import Keyed, Settings
from runbook_engine.loading.inventory.vars_files import VarsFolders
from runbook_engine.loading.inventory.vault import Vault
from runbook_engine.model.inventory import Target
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import quoted

_UNSAFE = re.compile(r"^[\d\W]|[^\w]")
_UNSAFE_TO_SCRIPTS = re.compile(r"[^A-Za-z0-9_-]")
_EMPTY = (None, "")
T = TypeVar("T")
R = TypeVar("R")


def safe_name(name: str, *, keep_dashes: bool = False) -> str:
    """Give a name with `_` for what can't stand in a variable's; with dashes as EC2's old inventory script had them."""
    return (_UNSAFE_TO_SCRIPTS if keep_dashes else _UNSAFE).sub("_", name)


def construct(
    settings: Settings, hosts: Iterable[str], draft: Draft, files: InventoryFiles, *, keep_dashes: bool = False
) -> None:
    """Set the composed variables of hosts, and put them into the groups whose conditions or keys they meet.

    Without `strict` an expression that can't be evaluated for a host is left out for that host, as Ansible does; one
    that can't be evaluated at all was refused when the settings were read.
    """
    views = HostViews(draft, VarsFolders(files, draft.findings) if settings.use_files else None)
    if views.cycle:
        return  # told when all sources are read
    work = _Construction(settings, draft, files.vault, keep_dashes)
    for name in hosts:
        work.compose(views.of(name))
        seen = views.of(name)
        work.conditions(seen)
        work.keys(seen)


@dataclass(frozen=True, slots=True)
class _Construction:
    """One source's settings at work."""

    settings: Settings
    draft: Draft
    vault: Vault
    keep_dashes: bool

    def compose(self, host: Target) -> None:
        """Set variables; none of them sees another one of this source."""
        for name, (expression, place) in self.settings.compose.items():
            for value in self._tried(evaluate, expression, host, place):
                made = plain(value)
                self.vault.hide_derived(made)
                self.draft.set_variable(host.name, name, made, place)

    def conditions(self, host: Target) -> None:
        """Put the host into each group whose condition it meets."""
        for name, (condition, place) in self.settings.groups.items():
            if any(self._tried(evaluate_bool, condition, host, place)):
                self._join(host.name, name, place)

    def keys(self, host: Target) -> None:
        """Put the host into the groups that the values of its keys name."""
        for keyed in self.settings.keyed_groups:
            for key in self._tried(evaluate, keyed.key, host, keyed.place):
                if self._is_empty(key, keyed, host):
                    continue
                for parent in self._tried(_rendered, keyed.parent_group, host, keyed.place):
                    self._join_keyed(host.name, self._bare_names(key, keyed, host), keyed, parent)

    def _join_keyed(self, host: str, names: list[object], keyed: Keyed, parent: JsonValue) -> None:
        if parent and not isinstance(parent, str):
            self._wrong(keyed.place, f"parent_group gives {quoted(parent)} for host {quoted(host)}, which is no text")
        separator = "" if keyed.prefix == "" and not self.settings.leading_separator else keyed.separator
        for bare in names:
            group = self._join(host, f"{keyed.prefix}{separator}{bare}", keyed.place)
            above = self._group(parent, keyed.place) if group and parent and isinstance(parent, str) else ""
            if above:
                self.draft.add_child(above, group, keyed.place)

    def _is_empty(self, key: JsonValue, keyed: Keyed, host: Target) -> bool:
        """Tell whether a key's value names no group at all."""
        if key or (key in _EMPTY and keyed.default_value is not None):
            return False
        if self.settings.strict and key not in ([], {}):
            self._wrong(keyed.place, f"{quoted(keyed.key)} is empty for host {quoted(host.name)}")
        return True

    def _bare_names(self, key: JsonValue, keyed: Keyed, host: Target) -> list[object]:
        """Give what a key's value names, without prefix."""
        if key in _EMPTY:
            return [keyed.default_value]
        if isinstance(key, str):
            return [key]
        if isinstance(key, list):
            return [keyed.default_value if one in _EMPTY and keyed.default_value is not None else one for one in key]
        if isinstance(key, Mapping):
            return [_pair(str(name), value, keyed) for name, value in key.items()]
        kind = type(key).__name__
        message = f"{quoted(keyed.key)} gives {kind} for host {quoted(host.name)}; text, lists and mappings name groups"
        self._wrong(keyed.place, message)
        return []

    def _join(self, host: str, name: str, place: Place) -> str:
        group = self._group(name, place)
        if group:
            self.draft.add_host(host, group, None, place)
        return group

    def _group(self, name: str, place: Place) -> str:
        """Make a group of a name, made safe; empty if it can't be one."""
        if any(secret in name for secret in self.vault.secrets):
            self._wrong(place, "the name of a group would hold what ansible-vault protects")
            return ""
        safe = safe_name(name, keep_dashes=self.keep_dashes)
        if not check_group_name(safe, place, self.draft.findings):
            return ""
        self.draft.add_group(safe)
        return safe

    def _tried(self, how: Callable[[T, Scope], R], what: T, host: Target, place: Place) -> tuple[R, ...]:
        """Evaluate for a host; empty when that can't be done for this one."""
        try:
            return (how(what, Scope(target=host)),)
        except (TemplateError, KnownAfterApplyError) as error:
            if self.settings.strict:
                self._wrong(place, f"{quoted(what)} for host {quoted(host.name)}: {error.message}")
            return ()

    def _wrong(self, place: Place, message: str) -> None:
        self.draft.findings.add("RB326", place, message, "correct the expression, or give it a default()")


def _rendered(text: str, scope: Scope) -> JsonValue:
    return render(text, scope).value


def _pair(name: str, value: JsonValue, keyed: Keyed) -> str:
    if value in _EMPTY:
        if keyed.default_value is not None:
            return f"{name}{keyed.separator}{keyed.default_value}"
        if keyed.trailing_separator is False:
            return name
    return f"{name}{keyed.separator}{value}"
