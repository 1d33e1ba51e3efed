"""The pages of the documentation: their fenced blocks, and a shell that does what they say.

What a fenced block is for stands behind its language: `console run` holds commands and lines that they must print,
`yaml runbook` a whole runbook, `file=PATH` is written to that path. `docs_blocks.py` lists all that is not run.
"""

import contextlib
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from support.forked_command import forked_command
from support.own_path import own_path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "runbook_engine" / "app").rglob("README.md")),
]
FENCE = re.compile(r"^(?P<by> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=by)```$", re.MULTILINE | re.DOTALL)
SECONDS = 270  # for all commands of a page
# What a reader's shell has not, and would change what is printed.
_UNWANTED = {"RUNBOOK_JOURNAL", "RUNBOOK_OPERATOR", "RUNBOOK_DEBUG", "NO_COLOR", "CI", "TERM"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    info: tuple[str, ...]
    text: str

    @property
    def file(self) -> str | None:
        """The path that it is written to, if any."""
        return next((word.removeprefix("file=") for word in self.info if word.startswith("file=")), None)

    @property
    def first(self) -> str:
        """Its first line, which names it."""
        return self.text.strip().partition("\n")[0]


def blocks(page):
    return [
        Block(tuple(found["info"].split()), textwrap.dedent(found["text"]))
        for found in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def prose(page):
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@contextlib.contextmanager
def shell_in(folder):
    """Give what runs a script as a person would, with `runbook` on the path and a home of its own, both in `folder`."""
    tools, home = folder / "bin", folder / "home"
    tools.mkdir()
    home.mkdir()
    (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python3").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    environment |= {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(home), "PYTHONPATH": own_path()}

    def run(script, cwd, **more):
        done = subprocess.run(
            ["bash", "-s"],
            input=script,
            cwd=cwd,
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return done

    with forked_command(tools / "runbook"):
        yield run
