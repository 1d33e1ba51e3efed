"""The inventory as values: targets, groups, and the variables each target sees."""

from functools import cached_property

from pydantic import Field

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject

LOCALHOST = "localhost"


class Target(Frozen):
    """One host (or other thing) that steps run against.

    Attributes:
        groups: names of all groups it is in, parents included, sorted, without `all` and `ungrouped`.
        variables: every variable the target sees, merged by Ansible's precedence; data, never a template.
    """

    name: str
    groups: tuple[str, ...] = ()
    variables: JsonObject = {}


class Group(Frozen):
    """A group of the inventory, as `ansible-inventory --list` shows it.

    Attributes:
        hosts: names of the hosts directly in it, in inventory order.
        children: names of the groups directly below it.
        variables: the group's own variables (not those of its parents).
        priority: `ansible_group_priority`; of two groups of the same depth the greater one wins.
    """

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    variables: JsonObject = {}
    priority: int = 1


class Inventory(Frozen):
    """Every target and group of one or more inventory sources.

    Attributes:
        name: how the operator named it (`demo`).
        targets: by name, in inventory order; the implicit `localhost` is not in it unless a source names it.
        groups: by name; always has `all` and `ungrouped`.
        drill: true when the inventory is marked as a drill's (variable `runbook_drill: true` of group `all`).
        files: relative path and SHA-256 of each file that was read, for the audit trail.
        localhost_variables: what `host_vars/localhost` says for the implicit `localhost`.
        secrets: texts that were decrypted, each with what it was encrypted as (empty where a whole file was). Never
            serialised and never shown; it is there so that they can be taken out of what is recorded.
    """

    name: str
    targets: dict[str, Target]
    groups: dict[str, Group]
    drill: bool = False
    files: dict[str, str] = {}
    localhost_variables: JsonObject = {}
    secrets: dict[str, str] = Field(default={}, repr=False, exclude=True)

    @cached_property
    def implicit_localhost(self) -> Target:
        """The machine that runs the engine, when no source names it: it sees the variables of `all`.

        It stays local although `all` may set another `ansible_connection`; only its own host variables overrule that.
        """
        variables = {**self.groups["all"].variables, "ansible_connection": "local", **self.localhost_variables}
        return Target(name=LOCALHOST, variables=variables)

    @cached_property
    def members(self) -> dict[str, tuple[str, ...]]:
        """Names of all hosts of each group, those of its children included: its own first, then level by level."""
        return {name: self._members(name) for name in self.groups}

    def _members(self, group: str) -> tuple[str, ...]:
        seen, hosts, level = {group}, dict.fromkeys(self.groups[group].hosts), [group]
        while level:
            below = [child for name in level for child in self.groups[name].children]
            level = [child for child in dict.fromkeys(below) if child not in seen]
            seen.update(level)
            hosts.update((host, None) for name in level for host in self.groups[name].hosts)
        return tuple(hosts)

    def target(self, name: str) -> Target:
        """Give a target by name; `localhost` always exists.

        Raises:
            KeyError: no such target.
        """
        if name == LOCALHOST and name not in self.targets:
            return self.implicit_localhost
        return self.targets[name]
