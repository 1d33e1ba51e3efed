"""Shows an inventory the way `ansible-inventory --list` and `--host` do."""

import re

from runbook_engine.loading.inventory.draft import ALL
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject

_INTERNAL = re.compile(
    r"ansible_(?:async_path|collection_name|config_file|dependent_role_names|diff_mode|facts|forks|inventory_sources"
    r"|limit|play_batch|play_hosts|play_hosts_all|play_role_names|playbook_python|role_names?|run_tags|skip_tags"
    r"|verbosity|version)"
    r"|groups|group_names|hostvars|inventory_(?:dir|file|hostname|hostname_short)|playbook_dir|play_hosts"
    r"|role_(?:names?|path|uuid)"
)


def ansible_inventory_json(inventory: Inventory) -> dict[str, JsonObject]:
    """Give groups with their hosts and children, and every host's variables below `_meta`.

    As Ansible does: empty groups and empty lists are left out, hosts directly in `all` are shown in `ungrouped`.
    """
    shown: dict[str, JsonObject] = {}
    for group in inventory.groups.values():
        parts = {"hosts": list(group.hosts) if group.name != ALL else [], "children": list(group.children)}
        if entry := {key: names for key, names in parts.items() if names}:
            shown[group.name] = entry
    hostvars = {name: variables for name in inventory.targets if (variables := ansible_host_json(inventory, name))}
    return {**shown, "_meta": {"hostvars": hostvars, "profile": "inventory_legacy"}}


def ansible_host_json(inventory: Inventory, name: str) -> JsonObject:
    """Give the variables that a host sees, without those that Ansible keeps to itself.

    Raises:
        KeyError: no such target.
    """
    return {key: value for key, value in inventory.target(name).variables.items() if not _INTERNAL.fullmatch(key)}
