"""runbook status: where a run stands."""

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.status import RunStatus, run_status
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import output_option, run_argument
from runbook_engine.cli.terminal import result, result_json


@documented
@run_argument(required=False)
@output_option("text", "json")
def status(run: str | None, output: str) -> None:
    """Show where a run stands.

    RUN is an id, the beginning of one, or `last` (the default).

    Examples:
      runbook status
      runbook status 20261123-1015 --output json
    """
    journal = open_project().journal()
    try:
        found = run_status(journal, find_run(journal, run or "last"))
    finally:
        journal.close()
    if output == "json":
        result_json(found.model_dump(mode="json"))
    else:
        result("\n".join(_lines(found)))


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
        who = " or ".join(gate.roles) or "anybody"
        until = f" until {gate.expires_at.astimezone():%H:%M:%S}" if gate.expires_at else ""
        lines.append(f"waits: {gate.task} for {who} ({len(gate.approved_by)} of {gate.quorum}){until}: {gate.message}")
    lines += [f"{trouble.state}: {trouble.task}: {trouble.reason}" for trouble in found.troubles]
    if found.resumable:
        lines.append(f"to go on: runbook resume {found.id}")
    return lines
