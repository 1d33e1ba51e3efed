"""runbook audit: the journal as text, and the proof that nobody changed it."""

import click

from runbook_engine.app.audit import Verification, read_log
from runbook_engine.app.audit import verify as verify_journal
from runbook_engine.app.find_run import find_record
from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.listeners import event_line
from runbook_engine.cli.options import output_option, run_argument
from runbook_engine.cli.terminal import result, result_json
from runbook_engine.model.errors import ExitCode, NoJournalError


@click.group(cls=DocumentedGroup)
def audit() -> None:
    """Read the journal, and prove that nobody changed it.

    Examples:
      runbook audit log last
      runbook audit verify
    """


@audit.command()
@run_argument()
@output_option("text", "json", "ndjson")
def log(run: str, output: str) -> None:
    """List everything that happened to a run, in order; `monitor` in place of a run: to the monitor's newest record.

    Examples:
      runbook audit log last
      runbook audit log monitor
      runbook audit log 20261123-1015 --output ndjson | jq .event.kind
    """
    from runbook_engine.reporting.audit_log import audit_lines

    journal = open_project().journal()
    try:
        events = read_log(journal, find_record(journal, run).id)
        if output == "json":
            result_json([stored.as_json() for stored in events])
            return
        lines = map(event_line, events) if output == "ndjson" else audit_lines(events)
        for line in lines:
            result(line)
    finally:
        journal.close()


@audit.command()
@run_argument(required=False)
@output_option("text", "json")
def verify(run: str | None, output: str) -> int:
    """Check that no event was changed, removed, inserted or reordered.

    Without RUN the whole journal is checked. Ends with 6, and names the event, when something is wrong.

    Examples:
      runbook audit verify
      runbook audit verify last --output json
    """
    project = open_project()
    try:
        journal = project.journal()
    except NoJournalError as error:
        if run is not None:
            raise
        _say_nothing_there(output, error.message)
        return ExitCode.OK
    try:
        found = verify_journal(journal, find_record(journal, run).id if run is not None else None)
    finally:
        journal.close()
    if output == "json":
        result_json({"intact": found.intact, **found.model_dump(mode="json")})
    elif found.intact:
        result(f"intact: {found.runs} runs, {found.events} events" + (f", head {found.head}" if found.head else ""))
    else:
        result("\n".join(_damage_line(damage) for damage in found.damages))
    for one in found.pruned if output == "text" else ():
        why = f" ({one.reason})" if one.reason else ""
        result(f"note: {one.run} was pruned by {one.by} on {one.at:%Y-%m-%d}{why}: its {one.events} events are gone")
    return ExitCode.OK if found.intact else ExitCode.JOURNAL


def _say_nothing_there(output: str, why: str) -> None:
    if output == "json":
        nothing = Verification(runs=0, events=0)
        result_json({"intact": nothing.intact, **nothing.model_dump(mode="json")})
    else:
        result(f"{why}: nothing to verify")


def _damage_line(damage: dict[str, str | int]) -> str:
    where = f"event {damage['seq']} of {damage['run']}" if damage["seq"] else f"run {damage['run']}"
    if not damage["run"]:
        where = "the journal"
    return f"damaged: {where}: {damage['kind']}: {damage['problem']}"
