"""The reference page of the command line, from the commands themselves."""

from collections.abc import Iterator

import click

from runbook_engine.cli.group import LazyGroup
from runbook_engine.cli.main import cli

_WIDTH = 100
_HEAD = """\
# The command line

Written from the commands themselves; `runbook COMMAND --help` shows the same.
"""


def commands_page() -> str:
    """Give the page: the main help, then every command with its own."""
    main = click.Context(cli, info_name="runbook", terminal_width=_WIDTH, max_content_width=_WIDTH)
    parts = [_HEAD, _section("runbook", cli, main, depth=2)]
    parts += [_section(name, command, context, depth=2) for name, command, context in _commands(cli, main)]
    return "\n".join(parts)


def _commands(group: click.Group, parent: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None:
            continue
        context = click.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH)
        yield f"{parent.command_path} {name}", command, context
        if isinstance(command, click.Group) and not isinstance(command, LazyGroup):
            yield from _commands(command, context)


def _section(name: str, command: click.Command, context: click.Context, *, depth: int) -> str:
    return f"{'#' * depth} {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
