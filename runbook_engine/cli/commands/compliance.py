"""runbook compliance: what the policy wants done every so often, and whether it was."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from runbook_engine.app.compliance import duties
from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import DurationType, NamedPath, output_option
from runbook_engine.cli.terminal import columns_of, result, result_json, say, table
from runbook_engine.model.compliance import DutyState
from runbook_engine.model.errors import ExitCode, UsageError


@documented
@click.option(
    "--within",
    type=DurationType(),
    default="30d",
    show_default=True,
    metavar="TIME",
    help="Tell what is due so soon (at most half of what lies between two).",
)
@click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="As it will be, or was, at the end of that day (UTC), by the files of now.",
)
@click.option("--strict", is_flag=True, help="End with 1 also for what was changed since its last drill.")
@click.option(
    "--ics",
    type=NamedPath(),
    metavar="FILE",
    help="Write the due dates as a calendar, too; with - the table goes to standard error.",
)
@output_option("text", "json")
def compliance(within: timedelta, day: datetime | None, strict: bool, ics: Path | None, output: str) -> int:
    """Say which drills, reviews and copies are due, or overdue.

    For each runbook: a drill (a run with --drill, or a live one, that succeeded) within `drill: every`; a review within
    `review: every` of its `last`; where a step makes a backup or an export, a run no longer ago than `objectives: rpo`.
    Ends with 1 when one is overdue or was never done, when the newest one failed, or when a runbook can't be read. What
    was changed since its last drill is told; a dry run is no drill. A run whose record is damaged counts for nothing:
    ends with 6.

    Examples:
      runbook compliance
      runbook compliance --output json
      runbook compliance --ics dr-calendar.ics --within 60d
    """
    from runbook_engine.reporting.compliance import calendar, duty_line

    now = datetime.now(UTC) if day is None else day.replace(tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    found = duties(open_project(), now, within)
    tell = result
    if ics is not None:
        from runbook_engine.cli.output_file import is_standard, write_bytes

        if is_standard(ics) and output == "json":
            raise UsageError("the calendar and JSON can't both go to the standard output", hint="name a file for --ics")
        write_bytes(calendar(found, now), ics)
        tell = say if is_standard(ics) else result
    if output == "json":
        result_json([duty.model_dump(mode="json") for duty in found])
    elif found:
        head = ("runbook", "what", "state", "owner", "")
        rows = [(one.runbook, one.kind, one.state.value, one.owner or "-", duty_line(one, now)) for one in found]
        tell(table(head, rows, columns=columns_of(sys.stderr if tell is say else sys.stdout)))
    else:
        say("no runbook has a drill, a review or a copy to be made every so often")
    bad = any(one.state.is_breach or (strict and one.state is DutyState.CHANGED) for one in found)
    return ExitCode.FAILED if bad else ExitCode.OK
