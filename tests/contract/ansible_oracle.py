"""Asks the real ansible-core about inventories: one JSON request a line in, one JSON answer a line out.

Run by a Python that has ansible-core. A request: {"sources": [...], "project": "...",
"patterns": [[pattern, limit], …], "limit": "..."}.
The answer: {"list": what `ansible-inventory --list` prints, "graph" and "graph_vars": the lines of `--graph` and
`--graph --vars`, "chosen": [[host, …] or null, …]}, or {"error": "..."}.
"""

import contextlib
import io
import json
import os
import sys

os.environ.update(
    ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1",
    ANSIBLE_DEVEL_WARNING="0",
    ANSIBLE_LOCALHOST_WARNING="0",
)

from ansible import context
from ansible.cli.inventory import InventoryCLI
from ansible.errors import AnsibleError
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.vault import VaultSecretsContext
from ansible.plugins.loader import init_plugin_loader
from ansible.utils.context_objects import GlobalCLIArgs

init_plugin_loader()


def answer(request):
    argv = ["ansible-inventory", "--list", "--playbook-dir", request["project"]]
    for source in request["sources"]:
        argv += ["-i", source]
    GlobalCLIArgs._Singleton__instance = None  # the command line is a singleton of the process
    VaultSecretsContext._current = None  # and so is this one
    cli = InventoryCLI(argv)
    cli.parse()
    try:
        cli.loader, cli.inventory, cli.vm = cli._play_prereqs()
        cli.inventory.subset(request.get("limit"))
        listed = json.loads(cli.dump(cli.json_inventory(cli._get_group("all"))))
        graphs = {name: graph(cli, show_vars=name == "graph_vars") for name in ("graph", "graph_vars")}
        chosen = [choose(cli.inventory, pattern, limit) for pattern, limit in request.get("patterns", ())]
    except Exception as error:  # noqa: BLE001 # whatever ansible-core raises is its answer
        return {"error": f"{type(error).__name__}: {error}"}
    return {"list": listed, **graphs, "chosen": chosen}


def graph(cli, *, show_vars):
    context.CLIARGS = ImmutableDict({**context.CLIARGS, "show_vars": show_vars, "pattern": "all"})
    return cli.inventory_graph().splitlines()


def choose(inventory, pattern, limit):
    try:
        inventory.subset(limit)
        return [host.name for host in inventory.get_hosts(pattern)]
    except (AnsibleError, IndexError):
        return None
    finally:
        inventory.subset(None)
        inventory.clear_caches()


for line in sys.stdin:
    noise = io.StringIO()
    with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
        result = answer(json.loads(line))
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
