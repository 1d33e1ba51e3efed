"""Compares two runs, and writes that down."""

from collections.abc import Iterable, Iterator, Mapping

from runbook_engine.model.comparison import Comparison, Difference, StepComparison
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import StepReport
from runbook_engine.reporting import words
from runbook_engine.reporting.inert import markdown as inert

_GOOD = frozenset({"changed", "unchanged", "would-change"})
_NEITHER = frozenset({"", "skipped", "unproven", "held", "waiting", "running", "pending"})
"""Nothing was found out of the step, or nobody wanted it done, or it is not over."""
_SHORT = 12  # characters of a digest that a person compares


def compare(first: RunReport, second: RunReport) -> Comparison:
    """Set two runs against each other; of what was given to them only what differs is told."""
    return Comparison(
        first=first.run,
        second=second.run,
        given=tuple(_differing(_given(first), _given(second))),
        result=tuple(
            Difference(what=name, first=one, second=_result(second)[name]) for name, one in _result(first).items()
        ),
        steps=tuple(_steps(first, second)),
        counts={
            outcome: (first.counts.get(outcome, 0), second.counts.get(outcome, 0))
            for outcome in Outcome
            if outcome in first.counts or outcome in second.counts
        },
    )


def comparison_markdown(made: Comparison) -> str:
    """Write a comparison as GitHub-flavoured Markdown in which nobody's text is markup."""
    lines = [f"# {inert(made.first)} and {inert(made.second)}", ""]
    rows: list[tuple[str, ...]] = [(one.what, one.first, one.second) for one in made.result]
    rows += [(outcome.value, str(one), str(other)) for outcome, (one, other) in made.counts.items()]
    lines += _table(("", made.first, made.second), rows)
    if made.given:
        lines += ["", "## Given to them", ""]
        lines += _table(("", made.first, made.second), [(one.what, one.first, one.second) for one in made.given])
    lines += ["", "## Steps", ""]
    head = ("step", made.first, "took", made.second, "took", "")
    lines += _table(head, map(_step_row, made.steps))
    return "\n".join(lines) + "\n"


def _step_row(one: StepComparison) -> tuple[str, ...]:
    verdict = "worse" if one.worse else "better" if one.better else ""
    return one.id, one.first, _time(one.first_seconds), one.second, _time(one.second_seconds), verdict


def _given(report: RunReport) -> Mapping[str, str]:
    """Give all that decided a run, by what it is called."""
    inputs = {f"input {name}": str(value) for name, value in words.inputs(report).items()}
    files = {f"file {name}": digest[:_SHORT] for name, digest in report.files.items()}
    plugins = {f"plugin {name}": version for name, version in report.plugins.items()}
    return {
        "runbook": report.runbook,
        "mode": report.mode.value if report.mode else "",
        "inventory": report.inventory,
        "limit": words.limited(report),
        "commit": (report.git_commit or "")[:_SHORT],
        "plan": report.fingerprint[:_SHORT],
        "engine": report.engine_version,
        **inputs,
        **files,
        **plugins,
    }


def _result(report: RunReport) -> Mapping[str, str]:
    return {
        "status": report.status,
        "began": words.moment(report.opened_at),
        "took": words.duration(report.seconds),
        "recovery time": words.recovery_time(report),
        "recovery point": words.recovery_point(report),
        "people decided after": _between(report),
        "deviations": str(len(report.deviations)),
        "in doubt": str(len(report.in_doubt)),
        "messages missed": str(sum(bool(one.missed) for one in report.messages)),
    }


def _between(report: RunReport) -> str:
    declared, decided = report.clocks.declared, report.clocks.decided
    return words.duration((decided - declared).total_seconds()) if declared and decided else words.NOTHING


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    for name in [*first, *(name for name in second if name not in first)]:
        one, other = first.get(name, ""), second.get(name, "")
        if one != other:
            yield Difference(what=name, first=one, second=other)


def _steps(first: RunReport, second: RunReport) -> Iterator[StepComparison]:
    alike = first.mode is second.mode  # what a dry run would do is neither better nor worse than what was done
    one = {step.id: step for step in first.steps}
    other = {step.id: step for step in second.steps}
    for name in [*one, *(name for name in other if name not in one)]:
        before, after = _standing(one.get(name)), _standing(other.get(name))
        judged = alike and not _NEITHER & {before, after}
        yield StepComparison(
            id=name,
            first=before,
            second=after,
            first_seconds=_seconds(one.get(name)),
            second_seconds=_seconds(other.get(name)),
            worse=judged and before in _GOOD and after not in _GOOD,
            better=judged and after in _GOOD and before not in _GOOD,
        )


def _standing(step: StepReport | None) -> str:
    return words.step_standing(step) if step is not None else ""


def _seconds(step: StepReport | None) -> float | None:
    return sum(task.seconds for task in step.tasks) if step is not None and step.tasks else None


def _time(seconds: float | None) -> str:
    return words.duration(seconds) if seconds is not None else ""


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    cells = [inert(cell) for cell in header]
    yield f"| {' | '.join(cells)} |"
    yield f"|{' --- |' * len(cells)}"
    for row in rows:
        yield f"| {' | '.join(inert(cell) for cell in row)} |"
