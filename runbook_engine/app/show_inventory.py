"""The use case `inventory`: what an inventory says about its hosts and groups, in Ansible's words."""

from collections.abc import Iterator

from runbook_engine.app.limit import read_limit
from runbook_engine.app.prepare import read_inventory
from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.loading.inventory.as_graph import graph_lines
from runbook_engine.loading.inventory.as_json import ansible_host_json, ansible_inventory_json
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.model.quoting import did_you_mean, quoted
from runbook_engine.planning.targets import choose_targets

MOST_LINES = 1_000_000


def load_shown(project: OpenProject, names: tuple[str, ...]) -> tuple[Inventory, list[Diagnostic]]:
    """Load the inventory that was named (or the default), with its warnings.

    Raises:
        InvalidFilesError: it is not valid; has every finding.
        InvalidInputError: there is none of that name.
    """
    inventory, paths, found = read_inventory(project, names)
    if inventory is None:
        shown = ", ".join(path.name for path in paths)
        raise InvalidFilesError(f"inventory {shown} can't be read", found)
    return inventory, found


def list_hosts(inventory: Inventory, hosts: tuple[str, ...]) -> dict[str, JsonObject]:
    """Give groups and variables of some of its hosts as `ansible-inventory --list` does."""
    return ansible_inventory_json(inventory, only=hosts)


def chosen_hosts(
    project: OpenProject, inventory: Inventory, limit: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the names of the inventory's hosts, with a limit only those, and what people should know about that.

    `@failed` stands for the hosts that failed in the newest finished run of any runbook on this inventory.

    Raises:
        InvalidInputError: the limit names what is not in the inventory.
        UsageError: there is no such run, or nothing failed in it.
    """
    if limit is None:
        return tuple(inventory.targets), ()
    read = read_limit(project, inventory, None, limit)
    chosen = read.hosts or choose_targets(inventory, limit)
    return tuple(name for name in chosen if name in inventory.targets), read.notes


def show_host(inventory: Inventory, name: str) -> JsonObject:
    """Give a host's variables as `ansible-inventory --host` does.

    Raises:
        InvalidInputError: there is no such host.
    """
    try:
        return ansible_host_json(inventory, name)
    except KeyError:
        hint = did_you_mean(name, inventory.targets) or "`runbook inventory list` shows all"
        raise InvalidInputError(f"there is no host {quoted(name)} in inventory {inventory.name}", hint=hint) from None


def draw_groups(inventory: Inventory, group: str, *, variables: bool, most: int = MOST_LINES) -> Iterator[str]:
    """Give the lines that `ansible-inventory --graph` prints, at most so many.

    Raises:
        InvalidInputError: there is no such group; or, behind `most` lines, there are more: a group is drawn below each
            of its parents, so that groups that share their children can double the lines with every level.
    """
    if group not in inventory.groups:
        hint = did_you_mean(group, inventory.groups) or f"there are: {', '.join(list(inventory.groups)[:20])}"
        raise InvalidInputError(f"there is no group {quoted(group)} in inventory {inventory.name}", hint=hint)
    return _bounded(graph_lines(inventory, group, variables=variables), most)


def _bounded(lines: Iterator[str], most: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == most:
            message = f"the graph has more than {most:,} lines"
            raise InvalidInputError(message, hint="draw one of its groups: runbook inventory graph GROUP")
        yield line
