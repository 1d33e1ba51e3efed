"""runbook fmt: one layout for everybody's YAML, comments and all."""

import difflib
import sys

import click

from runbook_engine.app.format_files import Layout, lay_out_files, lay_out_text, write_layout
from runbook_engine.app.named_project import named_project
from runbook_engine.app.project import open_project, together
from runbook_engine.cli.documented import documented
from runbook_engine.cli.terminal import result, say
from runbook_engine.model.errors import ExitCode, InvalidInputError, UsageError


@documented
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing; end with 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Print what changes. With --check, what would.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Lay runbooks and team.yml out in one way.

    Two spaces a level, list items set in, one blank line at most; lists and mappings in brackets stay on their line
    while it has no more than 120 characters. Words, order, quotes and comments stay as they are: what a file says is
    compared before it is written. Without PATH, and with the folder of a project, all runbooks and team.yml are laid
    out; `-` reads the standard input and writes the standard output. A file that is not valid YAML is told of, and left
    alone; the others are laid out, and it ends with 3.

    Examples:
      runbook fmt
      runbook fmt --check --diff
      runbook fmt ops/dr --check
      runbook fmt runbooks/region-failover.yml
      runbook fmt - < draft.yml
    """
    if "-" in paths:
        if len(paths) > 1 or check or diff:
            raise UsageError("`-` stands alone", hint="name files, or give one text by the standard input")
        limits = open_project().config.limits
        sys.stdout.write(lay_out_text(sys.stdin.buffer.read(limits.file_bytes + 1), limits).after)
        return ExitCode.OK
    start, names = named_project(paths)
    # All are looked at before the first is written.
    looked_at = list(lay_out_files(open_project(start), names))
    refused = [each for each in looked_at if isinstance(each, InvalidInputError)]
    layouts = [each for each in looked_at if isinstance(each, Layout)]
    changed = [layout for layout in layouts if layout.changes]
    for layout in changed:
        if diff:
            result(_difference(layout))
        if not check:
            write_layout(layout)
        say(f"{'would lay out' if check else 'laid out'} {layout.shown_as}")
    say(f"{len(layouts)} {'file' if len(layouts) == 1 else 'files'}: {_told(len(changed), check=check)}")
    if refused:
        raise together(refused, f"{len(refused)} files are left as they are")
    return ExitCode.FAILED if check and changed else ExitCode.OK


def _told(changed: int, *, check: bool) -> str:
    if not changed:
        return "all as they should be"
    return f"{changed} would change" if check else f"{changed} changed"


def _difference(layout: Layout) -> str:
    lines = difflib.unified_diff(
        layout.before.splitlines(), layout.after.splitlines(), layout.shown_as, layout.shown_as, lineterm=""
    )
    return "\n".join(lines)
