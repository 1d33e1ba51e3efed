"""The inventory while its sources are read: groups, hosts and variables, still to be ordered and merged."""

from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.loading.inventory.checks import check_host_name, check_variable
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import quoted

ALL, UNGROUPED = "all", "ungrouped"
PRIORITY = "ansible_group_priority"


@dataclass(slots=True)
class DraftGroup:
    """A group: direct hosts, direct children (with the place that says so), own variables."""

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, Place] = field(default_factory=dict)
    variables: dict[str, JsonValue] = field(default_factory=dict)
    priority: int = 1


@dataclass(slots=True)
class DraftHost:
    """A host: where it was first named, the groups it is directly in, own variables."""

    place: Place
    groups: dict[str, None] = field(default_factory=dict)
    variables: dict[str, JsonValue] = field(default_factory=dict)


class Draft:
    """What the sources have said so far, in the order in which they said it.

    Attributes:
        folders: where the sources stand that were read so far.

    Args:
        findings: receives what is wrong.
        most_hosts: greatest number of hosts, so that a range such as `[1:999999999]` can't fill the memory.
    """

    def __init__(self, findings: Findings, *, most_hosts: int) -> None:
        self.findings = findings
        self.most_hosts = most_hosts
        self.groups: dict[str, DraftGroup] = {ALL: DraftGroup(), UNGROUPED: DraftGroup()}
        self.hosts: dict[str, DraftHost] = {}
        self.folders: dict[Path, None] = {}
        self.groups[ALL].children[UNGROUPED] = Place("")
        self._named: set[str] = set()

    def add_group(self, name: str) -> None:
        """Make a group if there is none of that name."""
        if name not in self.groups:
            self.groups[name] = DraftGroup()

    def add_child(self, parent: str, child: str, place: Place) -> None:
        """Put a group below another one; cycles are found at the end, when all edges are known."""
        if UNGROUPED in {parent, child} and parent != ALL:
            self.findings.add(
                "RB308",
                place,
                "'ungrouped' is the group of hosts without a group; it has no children and no parent but 'all'",
                "make a group of your own, and put those hosts into it",
            )
        else:
            self.groups[parent].children.setdefault(child, place)

    def add_host(self, name: str, group: str, port: int | None, place: Place) -> bool:
        """Put a host into a group, and make it if it is new; a port counts where the host is first named.

        Returns:
            Whether the host is in the inventory now; a name that is refused is not.
        """
        host = self.hosts.get(name)
        if host is None:
            if not check_host_name(name, place, self.findings):
                return False
            if len(self.hosts) >= self.most_hosts:
                self._say_too_many(place)
                return False
            host = self.hosts[name] = DraftHost(place)
            if port:
                host.variables["ansible_port"] = port
        host.groups[group] = None
        self.groups[group].hosts[name] = None
        return True

    def set_variable(self, owner: str, name: str, value: JsonValue, place: Place) -> None:
        """Set a variable of a group or, if no group has that name, of a host (Ansible's order)."""
        group = self.groups.get(owner)
        if group is not None and name == PRIORITY:
            self._set_priority(group, value, place)
            return
        check_variable(name, value, place, self.findings, self._named, owner=owner)
        (self.hosts[owner].variables if group is None else group.variables)[name] = value

    def has_room(self, count: int, place: Place) -> bool:
        """Tell whether that many more hosts may come, and note a finding if not."""
        if len(self.hosts) + count <= self.most_hosts:
            return True
        self._say_too_many(place)
        return False

    def _say_too_many(self, place: Place) -> None:
        self.findings.add(
            "RB319",
            place,
            f"the inventory would have more than {self.most_hosts} hosts",
            "check the ranges, or raise limits.nodes in runbook.toml (a tenth of it is the greatest number of hosts)",
        )

    def _set_priority(self, group: DraftGroup, value: JsonValue, place: Place) -> None:
        try:
            group.priority = int(value)  # type: ignore[arg-type] # what can't be a number is caught below
        except (TypeError, ValueError, OverflowError):
            self.findings.add("RB318", place, f"{PRIORITY} is {quoted(value)}, which is not a whole number")
