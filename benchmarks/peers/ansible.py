"""ansible-core: a playbook of ten tasks with the linear strategy, pipelining on."""

import json
from pathlib import Path

from hosts import Hosts


def ansible_files(folder: Path, hosts: Hosts, commands: int, module: str) -> dict[str, str]:
    """Write the playbook, the inventory and the configuration; gives the environment that makes Ansible use them.

    Args:
        module: `command` (the tick through a shell's argv) or `raw`.
    """
    call: object = hosts.tick if module == "raw" else {"argv": ["/bin/sh", "-c", hosts.tick]}
    tasks = [{"name": f"command {number}", f"ansible.builtin.{module}": call} for number in range(commands)]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    (folder / "play.yml").write_text(json.dumps([play], indent=1))
    variables = {
        "ansible_port": hosts.port,
        "ansible_user": hosts.user,
        "ansible_ssh_private_key_file": str(hosts.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={hosts.known_hosts} -o IdentitiesOnly=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inventory = {"all": {"hosts": {address: {} for address in hosts.addresses}, "vars": variables}}
    (folder / "hosts.json").write_text(json.dumps(inventory))
    (folder / "ansible.cfg").write_text(
        "[defaults]\ninventory = hosts.json\nforks = 50\nretry_files_enabled = false\n"
        "[inventory]\nenable_plugins = yaml\n[connection]\npipelining = true\n"
    )
    return {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "HOME": str(hosts.home), "ANSIBLE_HOME": str(folder / "a")}
