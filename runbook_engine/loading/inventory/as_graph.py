"""Shows an inventory the way `ansible-inventory --graph` does."""

from collections.abc import Iterator

from runbook_engine.loading.inventory.as_json import ansible_host_json, to_show
from runbook_engine.loading.inventory.draft import ALL, PRIORITY
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject


def graph_lines(inventory: Inventory, group: str = ALL, *, variables: bool = False) -> Iterator[str]:
    """Give a group and all below it as lines: child groups first, then hosts, each with its variables if wanted.

    A group that is below several others is shown below each of them.

    Raises:
        KeyError: no such group.
    """
    yield from _group_lines(inventory, group, 0, variables=variables)


def _group_lines(inventory: Inventory, name: str, depth: int, *, variables: bool) -> Iterator[str]:
    group = inventory.groups[name]
    yield _line(f"@{name}:", depth)
    for child in group.children:
        yield from _group_lines(inventory, child, depth + 1, variables=variables)
    for host in group.hosts if name != ALL else ():
        yield _line(host, depth + 1)
        if variables:
            yield from _variable_lines(ansible_host_json(inventory, host), depth + 2)
    if variables:
        own = to_show(inventory, group.variables)
        yield from _variable_lines({**own, PRIORITY: group.priority} if group.priority != 1 else own, depth + 1)


def _variable_lines(variables: JsonObject, depth: int) -> Iterator[str]:
    for name, value in sorted(variables.items()):
        yield _line(f"{{{name} = {value}}}", depth)


def _line(text: str, depth: int) -> str:
    return f"{'  |' * depth}--{text}" if depth else text
