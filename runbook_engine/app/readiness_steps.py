"""What the dry run of a readiness run says: the steps that would fail today, and what the files alone tell."""

from collections.abc import Iterator

from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.inventory import LOCALHOST
from runbook_engine.model.plan import Plan
from runbook_engine.model.readiness import Area, Level, ReadinessFinding
from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import Trouble
from runbook_engine.model.runbook import OnFailure

_BAD = frozenset({"failed", "unreachable", "held", "in doubt"})


def step_findings(plan: Plan, report: RunReport) -> Iterator[ReadinessFinding]:
    """Give what did not end well in the dry run; what waits behind it, or could not be proven, is no finding.

    What the run tolerates (`on_failure: continue`, `max_failures`) is noted: it goes on without it. A dry run that
    somebody ended says nothing of what it did not come to.
    """
    stops = any(shown.problem for shown in report.shown_messages)
    for trouble in report.troubles:
        if trouble.state not in _BAD:
            continue
        index = plan.step_index.get(trouble.step)
        tolerated = index is not None and plan.steps[index].step.on_failure is OnFailure.CONTINUE
        goes_on = tolerated or report.status == "succeeded"
        stops = stops or not goes_on
        yield ReadinessFinding(
            level=Level.NOTE if goes_on else Level.MISSING,
            area=Area.STEP,
            what=f"step {trouble.step}{_where(trouble)}: {trouble.state}",
            text=f"{trouble.step}{_where(trouble)} {trouble.state}: {trouble.reason or 'no reason given'}",
            hint="a run would go on without it" if goes_on else "",
            steps=(trouble.step,),
        )
    if report.status != "succeeded" and not stops:
        yield ReadinessFinding(
            level=Level.UNKNOWN,
            area=Area.STEP,
            what="the dry run did not come to its end",
            text=f"the dry run ended as {report.status}: what it did not look at is not known",
            hint="let it come to its end: call it again",
        )


def message_findings(report: RunReport) -> Iterator[ReadinessFinding]:
    """Give the messages that the run would owe and could not send."""
    for shown in report.shown_messages:
        if shown.problem:
            what = f"message to {shown.audience} by {shown.channel}, {shown.what}"
            yield ReadinessFinding(
                level=Level.MISSING,
                area=Area.MESSAGE,
                what=what,
                text=f"the {what}, could not be sent: {shown.problem}",
                hint="mend what it names, then look again",
            )


def file_findings(found: list[Diagnostic]) -> Iterator[ReadinessFinding]:
    """Give what the plan needs of the region that it escapes."""
    for one in found:
        yield ReadinessFinding(
            level=Level.MISSING,
            area=Area.SURVIVABILITY,
            what=f"{one.rule} {one.message}",
            text=f"{one.message} ({one.rule}, {one.location.file}:{one.location.line})",
            hint=one.hint,
        )


def _where(trouble: Trouble) -> str:
    names = sorted(set(trouble.targets) - {LOCALHOST, ""})
    return f" on {', '.join(names)}" if names else ""
