"""The use case `inventory`: what an inventory says about its hosts and groups, in Ansible's words."""

from collections.abc import Iterator

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


def list_hosts(inventory: Inventory, limit: str | None = None) -> dict[str, JsonObject]:
    """Give groups and variables as `ansible-inventory --list` does.

    Raises:
        TargetPatternError: the limit names what is not in the inventory.
    """
    return ansible_inventory_json(inventory, only=chosen_hosts(inventory, limit))


def chosen_hosts(inventory: Inventory, limit: str | None = None) -> tuple[str, ...]:
    """Give the names of the inventory's hosts, in its order; with a limit only those.

    Raises:
        TargetPatternError: the limit names what is not in the inventory.
    """
    if limit is None:
        return tuple(inventory.targets)
    return tuple(name for name in choose_targets(inventory, limit) if name in inventory.targets)


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


def draw_groups(inventory: Inventory, group: str, *, variables: bool) -> Iterator[str]:
    """Give the lines that `ansible-inventory --graph` prints.

    Raises:
        InvalidInputError: there is no such group.
    """
    if group not in inventory.groups:
        hint = did_you_mean(group, inventory.groups) or f"there are: {', '.join(list(inventory.groups)[:20])}"
        raise InvalidInputError(f"there is no group {quoted(group)} in inventory {inventory.name}", hint=hint)
    return graph_lines(inventory, group, variables=variables)
