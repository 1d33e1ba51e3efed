"""Commands of `runbook` as pages and `--help` write them: found in a line of a shell, and read without being done."""

import re
import shlex

import click

from runbook_engine.cli.main import cli


def commands_in(line):
    """Give the words of each command of `runbook` in a line of a shell, without the name itself."""
    lexer = shlex.shlex(line.replace("…", "x"), posix=True, punctuation_chars=";|&<>()")
    lexer.whitespace_split = True
    words, beginning = None, True
    for token in [*lexer, ";"]:
        if re.fullmatch("[;|&<>()]+", token):
            if (words is not None and not token.startswith(("<", ">"))) or words is not None:
                yield words
                words = None
            beginning = not token.startswith(("<", ">"))
        elif words is not None:
            words.append(token)
        elif beginning and re.fullmatch(r"(/opt/runbook/bin/)?runbook", token):
            words = []
        elif beginning:
            beginning = bool(re.match(r"[A-Z_]+=|\{$|timeout$|-s$|KILL$|\d+$", token))


def accepted(words):
    """Let the program read a command without doing it: what it can't read raises click's error."""
    context, command, words = click.Context(cli, info_name="runbook"), cli, list(words)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command, name = command.get_command(context, words[0]), words.pop(0)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=context)
    if words in (["--help"], ["--version"]) or isinstance(command, click.Group):
        return True
    context.resilient_parsing = False
    command.parse_args(context, words)
    return True
