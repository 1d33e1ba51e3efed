"""The report as Markdown, for a ticket or a repository."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from runbook_engine.model.report import RunReport
from runbook_engine.model.report_people import Answer
from runbook_engine.reporting import words
from runbook_engine.reporting.inert import markdown as inert
from runbook_engine.reporting.proven import not_proven, proven
from runbook_engine.reporting.troubles import hosts_in_words
from runbook_engine.reporting.untold import untold

_MOST_NAMES = 20  # hosts of one trouble; the table of tasks has them all

Rows: TypeAlias = list[tuple[str, ...]]


def render_markdown(report: RunReport) -> str:
    """Give the report as GitHub-flavoured Markdown in which nobody's text is markup."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: RunReport) -> Iterator[str]:
    yield f"# {inert(report.title or report.runbook or report.run)}: {report.status}"
    yield ""
    if stopped := words.stopped(report):
        yield f"**{inert(stopped)}**\n"
    yield from _table(("", ""), _facts(report))
    people = [("not told", "", "0", who, why) for who, why in untold(report)]
    if report.troubles or people:
        yield "\n## Needs attention\n"
        yield from _table(("outcome", "step", "hosts", "which", "why"), (*(
            (one.state, one.step, str(len(one.targets)), hosts_in_words(one.targets, _MOST_NAMES), one.reason)
            for one in report.troubles
        ), *people))  # fmt: skip
    if report.readiness is not None:
        yield "\n## Readiness\n"
        yield f"**{words.READINESS[report.readiness.verdict]}**\n"
        yield from _table(("", "what", "found", "to do", "steps"), (
            (one.level.value, one.area.value, one.text, one.hint, " ".join(one.steps))
            for one in report.readiness.findings
        ))  # fmt: skip
    yield "\n## Recovery\n"
    rows = words.marks(report)
    rows += [("recovery time", words.recovery_time(report)), ("recovery point", words.recovery_point(report))]
    yield from _table(("mark", "when"), rows)
    if report.proof is not None:
        yield f"\n**{words.proof(report.proof)}**"
    if rows_proven := [("proven", *one) for one in proven(report)] + [("unproven", *one) for one in not_proven(report)]:
        yield "\n## What was proven, and what not\n"
        yield from _table(("", "step", "why"), rows_proven)
    yield "\n## Steps\n"
    yield from _table(("step", "outcome", "tasks", "grade"), (
        (step.id, words.step_standing(step), words.counts(step.counts, step.planned - sum(step.counts.values())),
         step.grade.value if step.grade else "") for step in report.steps
    ))  # fmt: skip
    yield "\n## Tasks\n"
    yield from _table(("task", "outcome", "attempts", "took", "what was seen", "changes"), (
        (task.id, words.standing(task), str(len(task.attempts)), words.duration(task.seconds), words.why(task),
         "; ".join(change.what for change in task.changes)) for step in report.steps for task in step.tasks
    ))  # fmt: skip
    for title, header, rows_of in _sections(report):
        if rows_of:
            yield f"\n## {title}\n"
            yield from _table(header, rows_of)


def _facts(report: RunReport) -> list[tuple[str, str]]:
    commit = f"{report.git_commit or words.NOTHING}{' (with uncommitted changes)' if report.git_dirty else ''}"
    return [
        ("run", report.run),
        ("runbook", f"{report.runbook} {report.runbook_path}".strip()),
        ("mode", report.mode.value if report.mode else words.NOTHING),
        ("inventory", " ".join([report.inventory, *report.inventory_sources])),
        ("limited to", words.limited(report) or words.NOTHING),
        ("operator", f"{report.operator} on {report.host}"),
        ("began", words.moment(report.opened_at)),
        ("ended", words.moment(report.closed_at)),
        ("took", words.duration(report.seconds)),
        ("tasks", words.counts(report.counts, report.pending)),
        ("hosts", words.counts(report.hosts) if report.hosts else words.NOTHING),
        ("inputs", ", ".join(f"{name}={value}" for name, value in words.inputs(report).items()) or words.NOTHING),
        ("plan", report.fingerprint),
        ("commit", commit),
        ("engine", " ".join([report.engine_version, *(f"{name} {v}" for name, v in report.plugins.items())])),
        ("journal", f"{report.events} events, chain {words.verified(report)}, head {report.head_hash}"),
    ]


def _sections(report: RunReport) -> list[tuple[str, Sequence[str], Rows]]:
    answers: Rows = [
        (words.moment(one.at), gate.task, one.said, one.person, one.role, _from(one), one.reason, one.fingerprint[:12])
        for gate in report.gates
        for one in gate.answers
    ]
    deviations: Rows = [
        (words.moment(one.at), one.kind, one.what, one.speaker, one.reason) for one in report.deviations
    ]
    messages: Rows = [
        (one.audience, str(one.sequence), one.what, words.moment(one.due_at), words.moment(one.sent_at), one.channel,
         ", ".join(one.recipients), one.remarks)
        for one in report.messages
    ]  # fmt: skip
    shown: Rows = [
        (one.audience, one.what, one.channel, one.problem or one.summary, one.text) for one in report.shown_messages
    ]
    holdings: Rows = [
        (words.moment(one.at), one.holder, str(one.fence), "yes" if one.took_over else "") for one in report.holdings
    ]
    points: Rows = [(one.task, words.moment(one.point)) for one in report.recovery_points]
    rechecks: Rows = [
        (
            words.moment(one.at),
            words.looked_again(one),
            "; ".join(f"{many}: {why}" for why, many in one.left_out.items()),
        )
        for one in report.rechecks
    ]
    drifts: Rows = [
        (words.moment(one.at), one.task, one.summary, "; ".join(change.what for change in one.changes),
         "yes" if one.needed else "")
        for recheck in report.rechecks for one in recheck.drifts
    ]  # fmt: skip
    unchecked: Rows = [(one.task, one.reason) for recheck in report.rechecks for one in recheck.failed]
    notes: Rows = [(words.moment(one.at), one.who, one.text) for one in report.notes]
    return [
        ("Approvals and answers", ("when", "gate", "said", "who", "role", "from", "reason", "for plan"), answers),
        ("Deviations", ("when", "what", "on", "who", "reason"), deviations),
        ("Messages", ("audience", "number", "what", "due", "sent", "channel", "recipients", "remarks"), messages),
        ("Messages that would be sent", ("audience", "what", "channel", "how", "text"), shown),
        ("Looked at again when the run went on", ("when", "found", "not looked at"), rechecks),
        ("Drift", ("when", "task", "what was seen", "difference", "something stood on it"), drifts),
        ("Could not be looked at again", ("task", "why"), unchecked),
        ("Recovery points", ("task", "point"), points),
        ("Who advanced the run", ("when", "holder", "lease", "taken over"), holdings),
        ("In doubt", ("task",), [(task,) for task in report.in_doubt]),
        ("Notes", ("when", "who", "text"), notes),
    ]


def _from(answer: Answer) -> str:
    return f"{answer.by.os_user or answer.by.name} on {answer.by.host}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(inert(cell) for cell in row)} |"
