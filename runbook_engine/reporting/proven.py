"""What a run for real has proven of the recovered state, and what not: a plan that ended is no proof by itself."""

from collections.abc import Iterator

from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import (
    StepReport,
    TaskReport,
)
from runbook_engine.reporting.words import step_standing, why


def proven(report: RunReport) -> list[tuple[str, str]]:
    """Give the verifications that ended well on all their targets, each with what it saw; none of a dry run."""
    if report.mode is Mode.DRY_RUN:
        return []
    return [
        (step.id, _seen(step.tasks))
        for step in report.steps
        if step.kind == "verification" and step.outcome is Outcome.UNCHANGED
    ]


def not_proven(report: RunReport) -> list[tuple[str, str]]:
    """Give what a reader must not take for proven, each with the reason; none of a dry run, which has its grades."""
    return [] if report.mode is Mode.DRY_RUN else list(_open_ends(report))


def _open_ends(report: RunReport) -> Iterator[tuple[str, str]]:
    verifies = False
    for step in report.steps:
        verifies = verifies or step.kind == "verification"
        if step.kind in {"verification", "change"} and (said := _doubt(step)):
            yield step.id, said
    if not verifies:
        yield "the whole", "no step verifies anything: each change was looked at once, by its own action"
    for task in report.in_doubt:
        yield task, "nobody recorded how it ended"
    for one in report.rechecks:
        for drift in one.drifts:
            yield drift.task, f"was found otherwise later: {drift.summary}"


def _doubt(step: StepReport) -> str:
    match step.outcome:
        case Outcome.SKIPPED:
            return f"skipped: {_reasons(step)}"
        case Outcome.FAILED | Outcome.UNREACHABLE | Outcome.BLOCKED:
            return f"{step.outcome.value}: {_reasons(step)}"
        case None:
            return f"not over: {step_standing(step)}"
        case _:
            skipped = step.counts.get(Outcome.SKIPPED, 0)
            return f"skipped on {skipped} of {step.planned}" if skipped else ""


def _reasons(step: StepReport) -> str:
    return next((said for task in step.tasks if (said := why(task))), "no reason was given")


def _seen(tasks: tuple[TaskReport, ...]) -> str:
    first = next((task.summary for task in tasks if task.summary), "")
    return f"{first} (and on {len(tasks) - 1} more)" if first and len(tasks) > 1 else first
