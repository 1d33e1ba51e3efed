"""runbook status: where a run stands."""

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.status import RunStatus, run_status
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import output_option, run_argument
from runbook_engine.cli.terminal import result, result_json, say
from runbook_engine.model.errors import NoJournalError
from runbook_engine.reporting.inert import one_line


@documented
@run_argument(required=False)
@output_option("text", "json")
def status(run: str | None, output: str) -> None:
    """Show where a run stands.

    RUN is an id, the beginning of one, or `last` (the default). Before the first run there is nothing to show.

    Examples:
      runbook status
      runbook status 20261123-1015 --output json
    """
    found = _found(run)
    if output == "json":
        result_json(found.model_dump(mode="json") if found else None)
    elif found is not None:
        result("\n".join(_lines(found)))


def _found(run: str | None) -> RunStatus | None:
    """Look at the run; None when none was asked for and there is none yet."""
    try:
        journal = open_project().journal()
    except NoJournalError as error:
        if run is not None:
            raise
        say(f"no runs yet: {error.message}")
        return None
    try:
        if run is None and not journal.runs(limit=1):
            say("no runs yet")
            return None
        return run_status(journal, find_run(journal, run or "last"))
    finally:
        journal.close()


def _lines(found: RunStatus) -> list[str]:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.counts.items())
    since = f"{found.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
    lines = [
        f"{found.id}: {found.status}",
        f"{found.title or found.runbook} · {found.mode.value} on {found.inventory} · by {found.operator}, {since}",
        f"{found.ended} of {found.tasks} tasks ended" + (f": {counts}" if counts else ""),
    ]
    if found.holder:
        lines.append(f"advanced by {found.holder}")
    lines += [f"running: {task}" for task in found.running if found.holder]
    for gate in found.gates:
        if gate.expired:
            lines.append(f"expired: {gate.task}: nobody answered; `runbook resume {found.id}` asks anew")
            continue
        who = " or ".join(gate.roles) or "anybody"
        until = f" until {gate.expires_at.astimezone():%H:%M:%S}" if gate.expires_at else ""
        asked = one_line(gate.message.strip())
        lines.append(f"waits: {gate.task} for {who} ({len(gate.approved_by)} of {gate.quorum}){until}: {asked}")
    lines += [f"{trouble.state}: {trouble.task}: {one_line(trouble.reason.strip())}" for trouble in found.troubles]
    if found.resumable:
        lines.append(f"to go on: runbook resume {found.id}")
    return lines
