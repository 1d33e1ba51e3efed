"""Writes the manual page from the commands themselves: `python -m runbook_engine.cli.reference_man docs/man`."""

import re
import sys
from pathlib import Path

from runbook_engine.cli.reference_commands import helps

_WIDTH = 76  # of a terminal's 80, less man's indent
_HEAD = r""".\" Written from the commands themselves; see `make docs`.
.TH RUNBOOK 1 "" "runbook\-engine" "User Commands"
.SH NAME
runbook \- run disaster\-recovery runbooks, and resume them where they stopped
"""
_TAIL = r""".SH FILES
.TP
runbook.toml
marks a project, and configures it.
.TP
\&.runbook/journal.db
the journal of a project, unless runbook.toml or RUNBOOK_JOURNAL names another.
.SH SEE ALSO
.BR ssh (1),
.BR ansible\-inventory (1)
"""


def man_page() -> str:
    """Give the page in roff (man macros): the main help, then every command with its own."""
    (_name, main), *commands = helps(_WIDTH)
    parts = [_HEAD, ".SH DESCRIPTION\n", _as_it_is(main), ".SH COMMANDS\n"]
    for name, text in commands:
        parts += [f".SS {_escaped(name)}\n", _as_it_is(text)]
    return "".join([*parts, _TAIL])


def _as_it_is(text: str) -> str:
    return f".nf\n{_escaped(text)}\n.fi\n"


def _escaped(text: str) -> str:
    """Keep roff from reading a line's first character as a command, a backslash as an escape, a hyphen as a dash."""
    shown = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", shown, flags=re.MULTILINE)


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.exit("usage: python -m runbook_engine.cli.reference_man FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runbook.1").write_text(man_page(), encoding="utf-8")
