"""Commands whose help keeps its examples as they are written."""

import re
from collections.abc import Callable
from typing import Any

import click

_EXAMPLES = re.compile(r"^([ \t]*)(Examples?:)$", re.MULTILINE)


class DocumentedCommand(click.Command):
    """A command that shows the block under `Examples:` line by line, not as a paragraph."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help = keep_examples(self.help or "")


class DocumentedGroup(click.Group):
    """A group of documented commands."""

    command_class = DocumentedCommand

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help = keep_examples(self.help or "")


def documented(function: Callable[..., object]) -> DocumentedCommand:
    """Make a command of a function; its docstring is the help."""
    return click.command(cls=DocumentedCommand)(function)


def keep_examples(text: str) -> str:
    """Put click's mark (a backspace character) for text that is not to be rewrapped before the examples."""
    return _EXAMPLES.sub("\\1\b\n\\1\\2", text)
