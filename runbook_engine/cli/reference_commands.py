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
    return "\n".join([_HEAD, *(f"## {name}\n\n```text\n{text}\n```\n" for name, text in helps(_WIDTH))])


def helps(width: int) -> Iterator[tuple[str, str]]:
    """Give each command as it is typed with its help, `width` columns wide, beginning with `runbook` itself."""
    main = click.Context(cli, info_name="runbook", terminal_width=width, max_content_width=width)
    yield "runbook", cli.get_help(main).rstrip()
    yield from _below(cli, main)


def _below(group: click.Group, parent: click.Context) -> Iterator[tuple[str, str]]:
    width = parent.terminal_width
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None:
            continue
        context = click.Context(command, info_name=name, parent=parent, terminal_width=width, max_content_width=width)
        yield context.command_path, command.get_help(context).rstrip()
        if isinstance(command, click.Group) and not isinstance(command, LazyGroup):
            yield from _below(command, context)
