"""How a report says times, durations and verdicts, the same in every format."""

from datetime import UTC, datetime, timedelta

from runbook_engine.model.earlier_run import input_in_short
from runbook_engine.model.json import JsonObject
from runbook_engine.model.names import format_duration
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.readiness import Verdict
from runbook_engine.model.report import (
    Proof,
    RunReport,
)
from runbook_engine.model.report_tasks import (
    Recheck,
    StepReport,
    TaskReport,
)

READINESS = {
    Verdict.READY: "nothing is missing",
    Verdict.UNKNOWN: "nothing is known to be missing",
    Verdict.NOT_READY: "NOT READY",
}
NOTHING = "-"


def moment(time: datetime | None) -> str:
    """Write a time of day, UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else NOTHING


def clock(time: datetime | None) -> str:
    """Write a time without its date."""
    return time.astimezone(UTC).strftime("%H:%M:%S") if time else NOTHING


def duration(seconds: float | None) -> str:
    """Write a duration; whole seconds from ten on."""
    if seconds is None:
        return NOTHING
    return format_duration(timedelta(seconds=round(seconds, 1) if abs(seconds) < 10 else round(seconds)))  # noqa: PLR2004


def verdict(achieved: float | None, objective: float | None, *, missing: str) -> str:
    """Compare what was achieved with its objective."""
    if achieved is None:
        return missing if objective is None else f"{missing} (objective {duration(objective)})"
    if objective is None:
        return f"{duration(achieved)}, no objective"
    against = f"{duration(achieved)} against {duration(objective)}"
    return f"{against}: met" if achieved <= objective else f"{against}: missed by {duration(achieved - objective)}"


def recovery_time(report: RunReport) -> str:
    """Say the recovery time achieved against its objective; of a run that is not over, that there is none yet."""
    missing = "not yet" if report.closed_at is None else "not achieved"
    return verdict(report.rta, report.rto, missing=missing if report.mode is not Mode.DRY_RUN else "not measured")


def marks(report: RunReport) -> list[tuple[str, str]]:
    """Name the marks with their times; before a run is over, the last change so far is no recovery."""
    passed = report.clocks
    return [
        ("declared", moment(passed.declared)),
        ("decided", moment(passed.decided)),
        ("recovered" if report.closed_at or passed.recovered is None else "last change", moment(passed.recovered)),
        ("verified", moment(passed.verified)),
    ]


def recovery_point(report: RunReport) -> str:
    """Say the recovery point achieved against its objective."""
    return verdict(report.rpa, report.rpo, missing="no recovery point used")


def proof(share: Proof) -> str:
    """Say how much of the plan a dry run proved."""
    return f"{share.percent} % of the plan proven ({share.simulated} simulated, {share.unproven} unproven)"


def counts(outcomes: dict[Outcome, int], pending: int = 0) -> str:
    """Say how many tasks ended how."""
    parts = [f"{number} {outcome.value}" for outcome, number in outcomes.items()]
    return ", ".join([*parts, f"{pending} not ended"] if pending else parts) or "no tasks"


def stopped(report: RunReport) -> str:
    """Say that a run was interrupted, and how it goes on; empty for any other."""
    if report.status != "stopped":
        return ""
    return f"Interrupted: no process has this run any more. To go on: runbook resume {report.run}"


def limited(report: RunReport) -> str:
    """Say what the run was limited to, and which hosts that were when a file or an earlier run named them."""
    if report.limit is None or not report.limit_hosts:
        return report.limit or ""
    return f"{report.limit} ({len(report.limit_hosts)} hosts: {' '.join(report.limit_hosts)})"


def inputs(report: RunReport) -> JsonObject:
    """Give the inputs as people read them: in place of what is known of an earlier run, its id."""
    return {name: input_in_short(value) for name, value in report.inputs.items()}


def standing(task: TaskReport) -> str:
    """Say how a task ended, or where it stands."""
    return task.outcome.value if task.state == "ended" and task.outcome else task.state


def step_standing(step: StepReport) -> str:
    """Say how a step ended, or how far it is."""
    if step.outcome is not None:
        return step.outcome.value
    states = {task.state for task in step.tasks}
    return next((state for state in ("in-doubt", "held", "waiting", "running") if state in states), "pending")


def why(task: TaskReport) -> str:
    """Say why a task ended as it did: the error, the reason, or what the check saw."""
    return task.error or task.reason or task.summary


def trouble(task: TaskReport) -> tuple[str, str]:
    """Say in which state a task is that needs attention, and why."""
    if task.drift is not None and task.state == "ended":
        return "drifted", task.drift.summary
    return standing(task), why(task)


def looked_again(recheck: Recheck) -> str:
    """Say in one line how what had ended well was found when the run went on."""
    if recheck.skipped:
        return f"nothing was looked at again: {recheck.skipped}"
    parts = [
        (recheck.as_it_was, "as they were"),
        (len(recheck.drifts), "drifted"),
        (recheck.cannot_tell, "that no check can tell of"),
        (len(recheck.failed), "could not be looked at"),
    ]
    found = ", ".join(f"{number} {words}" for number, words in parts if number) or "nothing"
    broken_off = "" if recheck.finished else "; broken off"
    left = sum(recheck.left_out.values())
    return f"{recheck.tasks} looked at again: {found}{broken_off}" + (f"; {left} not looked at" if left else "")


def verified(report: RunReport) -> str:
    """Say whether the journal's chain was checked."""
    if report.chain_verified is None:
        return "not checked for this report"
    return "verified" if report.chain_verified else "DOES NOT VERIFY"
