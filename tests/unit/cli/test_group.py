"""The table of commands agrees with the commands."""

import click
import pytest

from runbook_engine.cli.group import COMMANDS, LazyGroup
from runbook_engine.cli.main import cli

COMMAND_NAMES = list(COMMANDS)


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_the_tables_line_is_the_commands_own_first_line(name):
    command = cli.get_command(click.Context(cli), name)
    assert command.name == name
    assert command.help.splitlines()[0] == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_every_command_shows_an_example_line_by_line(name):
    command = cli.get_command(click.Context(cli), name)
    context = click.Context(command, info_name=f"runbook {name}")
    lines = [line.strip() for line in command.get_help(context).splitlines()]
    assert any(line.startswith(f"runbook {name}") for line in lines)


def test_an_unknown_command_is_met_with_the_nearest_one():
    group = LazyGroup("runbook")
    with pytest.raises(click.UsageError, match="did you mean 'validate'"):
        group.resolve_command(click.Context(group), ["valdate"])
