"""Shows an inventory the way `ansible-inventory --list` and `--host` do."""

import re
from collections.abc import Collection

from runbook_engine.loading.inventory.draft import ALL
from runbook_engine.loading.inventory.hidden import hidden
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject

_INTERNAL = re.compile(
    r"ansible_(?:async_path|collection_name|config_file|dependent_role_names|diff_mode|facts|forks|inventory_sources"
    r"|limit|play_batch|play_hosts|play_hosts_all|play_role_names|playbook_python|role_names?|run_tags|skip_tags"
    r"|verbosity|version)"
    r"|groups|group_names|hostvars|inventory_(?:dir|file|hostname|hostname_short)|playbook_dir|play_hosts"
    r"|role_(?:names?|path|uuid)"
)


def ansible_inventory_json(inventory: Inventory, *, only: Collection[str] | None = None) -> dict[str, JsonObject]:
    """Give groups with their hosts and children, and every host's variables below `_meta`.

    As Ansible does: empty groups and empty lists are left out, hosts directly in `all` are shown in `ungrouped`.

    Args:
        only: names of the hosts to show; all of them unless given.
    """
    wanted = inventory.targets.keys() if only is None else set(only)
    shown: dict[str, JsonObject] = {}
    for group in inventory.groups.values():
        hosts = [name for name in group.hosts if name in wanted] if group.name != ALL else []
        parts = {"hosts": hosts, "children": list(group.children)}
        if entry := {key: names for key, names in parts.items() if names}:
            shown[group.name] = entry
    chosen = (name for name in inventory.targets if name in wanted)
    hostvars = {name: variables for name in chosen if (variables := ansible_host_json(inventory, name))}
    return {**shown, "_meta": {"hostvars": hostvars, "profile": "inventory_legacy"}}


def ansible_host_json(inventory: Inventory, name: str) -> JsonObject:
    """Give the variables that a host sees, without those that Ansible keeps to itself; nothing in them is decrypted.

    Raises:
        KeyError: no such target.
    """
    return to_show(inventory, inventory.target(name).variables)


def to_show(inventory: Inventory, variables: JsonObject) -> JsonObject:
    """Leave out the variables that Ansible keeps to itself, and hide what was decrypted."""
    shown = {key: value for key, value in variables.items() if not _INTERNAL.fullmatch(key)}
    return hidden(shown, inventory.secrets)
