"""The report as plain text for a terminal: what failed first, what was achieved, how it went."""

from collections import Counter
from collections.abc import Iterator, Sequence

from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Mode
from runbook_engine.model.report import RunReport
from runbook_engine.model.report_people import Deviation
from runbook_engine.model.report_tasks import (
    StepReport,
    TaskReport,
)
from runbook_engine.reporting import words
from runbook_engine.reporting.inert import one_line
from runbook_engine.reporting.troubles import trouble_lines
from runbook_engine.reporting.untold import untold

FOLD_ABOVE = 20  # tasks of a step; more of them are only counted, those that did not end well excepted
_MOST_NAMES = 10  # hosts that are named where many failed for one reason
_MOST_TOLERATED = 5  # tolerated failures that are told one by one; they stand at the top, too


def render_text(report: RunReport, *, width: int = 100) -> str:
    """Give the summary that ends a run on the terminal; it ends with a newline and holds no control characters.

    Args:
        width: columns to fill where hosts are listed; other lines are as long as what they say.
    """
    parts = [
        _head(report),
        _failed(report, width),
        _readiness(report),
        _steps(report),
        _people(report),
        _clocks(report),
    ]
    return "\n\n".join(text for lines in parts if (text := "\n".join(lines))) + "\n"


def _head(report: RunReport) -> Iterator[str]:
    title = f" ({one_line(report.title)})" if report.title else ""
    yield f"{one_line(report.runbook or report.run)}{title}: {report.status.upper()}"
    mode = report.mode.value if report.mode else "unknown mode"
    inventory, operator = one_line(report.inventory), one_line(report.operator)
    yield f"run {one_line(report.run)} · {mode} · inventory {inventory} · by {operator}"
    took = f"{words.moment(report.opened_at)}, {words.duration(report.seconds)}"
    yield f"{took} · {words.counts(report.counts, report.pending)}"
    if stopped := words.stopped(report):
        yield stopped
    if sum(report.hosts.values()) > FOLD_ABOVE:
        yield f"{sum(report.hosts.values())} hosts: {words.counts(report.hosts)}"


def _failed(report: RunReport, width: int) -> Iterator[str]:
    """List what did not end well before anything else, since that is what is read first."""
    people = list(untold(report))
    if not report.troubles and not people:
        return
    yield "Needs attention:"
    for audience, why in people:
        yield f"  {'not told':<12} {one_line(audience)}  {one_line(why, limit=400)}"
    yield from trouble_lines(report.troubles, most=FOLD_ABOVE, names=_MOST_NAMES, width=width)
    folded = any(len(one.targets) > _MOST_NAMES for one in report.troubles if one.state != "blocked")
    if folded or len(report.troubles) > FOLD_ABOVE:
        yield f"  (`runbook status {one_line(report.run)}` names them all)"


def _readiness(report: RunReport) -> Iterator[str]:
    if report.readiness is None:
        return
    yield f"Readiness: {words.READINESS[report.readiness.verdict]}"
    for one in report.readiness.findings:
        yield f"  {one.level.value:<8} {one.area.value}: {one_line(one.text, limit=400)}"


def _steps(report: RunReport) -> Iterator[str]:
    for step in report.steps:
        grade = f"  [{step.grade.value if step.grade else 'unproven'}]" if report.mode is Mode.DRY_RUN else ""
        yield f"{words.step_standing(step):<12} {one_line(step.id)}{_tally(step)}{grade}"
        if step.planned > FOLD_ABOVE:
            continue
        for task in step.tasks:
            told = one_line(words.why(task), limit=160)
            retries = f" ({len(task.attempts)} attempts)" if len(task.attempts) > 1 else ""
            yield f"  {words.standing(task):<12} {one_line(_place(task))}{retries}  {told}".rstrip()


def _place(task: TaskReport) -> str:
    """Name a task within its step: its target, and in a loop the item's index."""
    item = "".join(task.id.partition("@")[0].partition("[")[1:])
    return task.target + item if task.target else task.id


def _tally(step: StepReport) -> str:
    if step.planned == 1:
        return ""
    return f"  {words.counts(step.counts, step.planned - sum(step.counts.values()))}"


def _people(report: RunReport) -> Iterator[str]:
    for gate in report.gates:
        for answer in gate.answers:
            who = f"{one_line(answer.person)} as {one_line(answer.role)}" if answer.role else one_line(answer.person)
            yield f"{words.clock(answer.at)} {one_line(gate.task)} {answer.said} by {who}{_because(answer.reason)}"
    for one in _folded(report.deviations):
        yield f"{words.clock(one.at)} {one.kind} {one_line(one.what)} ({one_line(one.speaker)}){_because(one.reason)}"
    for recheck in report.rechecks:
        yield f"{words.clock(recheck.at)} {one_line(words.looked_again(recheck))}"
    for message in report.messages:
        if message.remarks:
            yield f"message {message.sequence} to {one_line(message.audience)}{_because(message.remarks)}"
    yield from _told(report)


def _told(report: RunReport) -> Iterator[str]:
    """Count what went out to whom, or say what would."""
    sent = Counter(one.audience for one in report.messages if one.sent_at is not None)
    for audience, count in sent.items():
        yield f"{one_line(audience)} got {count} message{'s' if count > 1 else ''}"
    for shown in report.shown_messages:
        would = shown.problem or shown.summary
        yield f"{one_line(shown.audience)}, {shown.what}, {one_line(shown.channel)}{_because(would)}"


def _folded(deviations: Sequence[Deviation]) -> Iterator[Deviation]:
    """Tell tolerated failures by step, where they are many."""
    tolerated = [one for one in deviations if one.kind == "tolerated"]
    if len(tolerated) <= _MOST_TOLERATED:
        yield from deviations
        return
    yield from (one for one in deviations if one.kind != "tolerated")
    for step, count in Counter(step_of(one.what) for one in tolerated).items():
        yield tolerated[0].model_copy(update={"what": f"{count} failures of {step}", "reason": ""})


def _because(reason: str) -> str:
    return f": {one_line(reason, limit=160)}" if reason else ""


def _clocks(report: RunReport) -> Iterator[str]:
    if report.in_doubt:
        yield f"In doubt (began, and nobody recorded the end): {', '.join(one_line(task) for task in report.in_doubt)}"
    yield f"Recovery time:  {words.recovery_time(report)}"
    yield f"Recovery point: {words.recovery_point(report)}"
    if report.proof is not None:
        yield words.proof(report.proof)
    yield f"Journal: {report.events} events, chain {words.verified(report)}"
