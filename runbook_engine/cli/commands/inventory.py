"""runbook inventory: which hosts and groups there are, and which variables they see."""

import sys

import click

from runbook_engine.app.project import OpenProject, open_project
from runbook_engine.app.show_inventory import chosen_hosts, draw_groups, list_hosts, load_shown, show_host
from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.findings import say_findings, say_notes
from runbook_engine.cli.options import inventory_option, limit_option, output_option
from runbook_engine.cli.terminal import columns_of, result, result_json, table
from runbook_engine.model.inventory import Inventory


@click.group(cls=DocumentedGroup)
def inventory() -> None:
    """Show hosts, groups and variables as Ansible would see them.

    Examples:
      runbook inventory list
      runbook inventory host app-a.example.com -i demo
      runbook inventory graph --vars
    """


@inventory.command("list")
@inventory_option
@limit_option
@output_option("json", "text", default="json")
def list_(inventories: tuple[str, ...], limit: str | None, output: str) -> None:
    """List groups, hosts and variables; the JSON is that of `ansible-inventory --list`.

    Examples:
      runbook inventory list -i demo --limit 'web:!eu'
      runbook inventory list --output text --limit @failed
    """
    project = open_project()
    loaded = _loaded(project, inventories)
    hosts, notes = chosen_hosts(project, loaded, limit)
    say_notes(notes)
    if output == "json":
        result_json(list_hosts(loaded, hosts))
        return
    rows = [(name, ", ".join(loaded.targets[name].groups)) for name in hosts]
    result(table(("host", "groups"), rows, columns=columns_of(sys.stdout)) if rows else "no hosts")


@inventory.command()
@click.argument("name")
@inventory_option
@output_option("json", default="json")
def host(name: str, inventories: tuple[str, ...], output: str) -> None:
    """Show the variables that a host sees; the JSON is that of `ansible-inventory --host`.

    Example:
      runbook inventory host app-a.example.com -i demo
    """
    del output
    result_json(show_host(_loaded(open_project(), inventories), name))


@inventory.command()
@click.argument("group", default="all")
@inventory_option
@click.option("--vars", "variables", is_flag=True, help="Show variables, too.")
def graph(group: str, inventories: tuple[str, ...], variables: bool) -> None:
    """Draw a group (all unless one is named) and everything below it, as `ansible-inventory --graph` does.

    Examples:
      runbook inventory graph
      runbook inventory graph web -i demo --vars
    """
    for line in draw_groups(_loaded(open_project(), inventories), group, variables=variables):
        result(line)


def _loaded(project: OpenProject, names: tuple[str, ...]) -> Inventory:
    loaded, findings = load_shown(project, names)
    say_findings(findings)
    return loaded
