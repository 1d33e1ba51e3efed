"""What is said when a run ends or stops: how it went, what it waits for, what comes next, and the exit code."""

import sys

from runbook_engine.app.again import failed_again
from runbook_engine.app.project import OpenProject
from runbook_engine.app.report import make_report, make_summary, report_text
from runbook_engine.app.run_requests import RunResult
from runbook_engine.app.status import RunStatus, run_status
from runbook_engine.cli.message_lines import audience_line
from runbook_engine.cli.terminal import result, result_json, say, width_of
from runbook_engine.model.errors import ExitCode
from runbook_engine.model.report import RunReport
from runbook_engine.ports.journal import Journal
from runbook_engine.reporting.inert import one_line

_EXIT = {
    "succeeded": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "aborted": ExitCode.FAILED,
    "waiting": ExitCode.WAITING,
    "interrupted": ExitCode.INTERRUPTED,
}


def tell_end(project: OpenProject, journal: Journal, ended: RunResult, *, output: str, quiet: bool = False) -> int:
    """Write the result, say what comes next, and give the exit code.

    Args:
        output: `text` (a summary), `json` (the report) or `ndjson` (nothing: each event was told).
        quiet: where there is nothing to do, say nothing besides the result.
    """
    report = _write_result(journal, ended, output)
    if ended.end == "waiting":
        head = journal.head(ended.run)
        if head is not None:
            say("\n".join(_what_is_awaited(run_status(journal, head))))
    elif ended.end == "interrupted":
        say(f"to go on: runbook resume {ended.run}")
    elif ended.end == "failed":
        say(f"to go on when the cause is mended: runbook resume {ended.run}")
    over = ended.end in {"succeeded", "failed", "aborted"}
    if ended.failed:
        how = "was taken back" if ended.end == "succeeded" else "was not taken back to the end"
        say(f"run {ended.failed} failed and {how}, by run {ended.run}")
    elif over and (again := failed_again(project, journal, ended.run, report.troubles)):
        say(f"anew, on the hosts that failed: {again}")
    if not quiet or ended.end != "succeeded":
        say(f"journal: {_shown_address(project.config.journal)}\nreport: {_report_command(ended.run)}")
    return ExitCode.FAILED if ended.failed and over else _EXIT[ended.end]


def _write_result(journal: Journal, ended: RunResult, output: str) -> RunReport:
    report = (make_report if output == "json" else make_summary)(journal, ended.failed or ended.run)
    if output == "json":
        result_json(report.model_dump(mode="json"))
    elif output == "text":
        result(report_text(report, width=width_of(sys.stdout)))
        if ended.failed:
            result(report_text(make_summary(journal, ended.run), width=width_of(sys.stdout)))
    return report


def _report_command(run: str) -> str:
    return f"runbook report {run} --format html -o report.html"


def _what_is_awaited(status: RunStatus) -> list[str]:
    """Give the commands that answer what the run waits for, and the one that goes on."""
    lines: list[str] = []
    for gate in status.gates:
        if gate.expired:
            lines.append(f"{gate.task} expired: nobody answered; going on asks anew")
            continue
        step = gate.task.partition("@")[0]
        who = " or ".join(gate.roles) or "anybody"
        sign = " --sign" if gate.signed else ""
        if gate.by_hand:
            lines.append(f"{step} is to be done by hand, by {who}: {one_line(gate.message.strip())}")
            lines.append(f"  runbook answer {status.id} {step} pass|fail{sign} --as PERSON --note TEXT")
            continue
        lines.append(f"{step} waits for {gate.quorum} of {who}: {one_line(gate.message.strip())}")
        lines.append(f"  runbook approve {status.id} {step}{sign} --as PERSON --reason TEXT")
        lines.append(f"  runbook decline {status.id} {step}{sign} --as PERSON --reason TEXT")
    for trouble in status.troubles:
        if trouble.state == "in doubt":
            why = one_line(trouble.reason.strip())
            lines.append(f"{trouble.task} is in doubt: {why}; look at the target, then say which it is")
            lines.append(f"  runbook resolve {status.id} {trouble.task} done --reason TEXT")
            lines.append(f"  runbook resolve {status.id} {trouble.task} retry --reason TEXT")
    for one in status.held:
        how = "drifted" if one.state == "drifted" else "failed"
        lines.append(f"{one.task} {how} and is held: {one_line(one.reason.strip())}")
        lines.append(f"  runbook retry|skip|ignore {status.id} {one.task} --reason TEXT")
    if status.paused is not None:
        lines.append(f"the run is paused\n  runbook continue {status.id}")
    owed = [audience_line(one) for one in status.audiences if not one.resolved]
    wait = " --wait   # stays, and keeps them told" if owed else ""
    return [*lines, *owed, f"then: runbook resume {status.id}{wait}"]


def _shown_address(url: str) -> str:
    """Show the journal's address without a password."""
    scheme, separator, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{account.partition(':')[0]}{at}{place}"
