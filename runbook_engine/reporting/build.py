"""From a run's events to its report, in one pass; a run that is not over yet is told as far as it went."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.event import (
    Clocks,
    StepSummary,
    StoredEvent,
)
from runbook_engine.model.inventory import LOCALHOST
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Grade, Mode, Outcome
from runbook_engine.model.report import (
    Proof,
    RunReport,
    TimelineEntry,
)
from runbook_engine.model.report_people import Deviation
from runbook_engine.model.report_tasks import (
    StepReport,
    TaskReport,
)
from runbook_engine.reporting.run_fold import RunFold
from runbook_engine.reporting.tasks import ReadOutput, TaskFold
from runbook_engine.reporting.troubles import group_troubles
from runbook_engine.reporting.words import trouble

_MOST_EXCERPTS = 200  # tasks whose output is shown, those that failed first: a report is for reading
_GOOD = {Outcome.CHANGED, Outcome.UNCHANGED, Outcome.WOULD_CHANGE, Outcome.SKIPPED}
_WORST_FIRST = (
    Outcome.FAILED,
    Outcome.UNREACHABLE,
    Outcome.BLOCKED,
    Outcome.UNPROVEN,
    Outcome.WOULD_CHANGE,
    Outcome.CHANGED,
    Outcome.UNCHANGED,
    Outcome.SKIPPED,
)


def build_report(
    events: Iterable[StoredEvent],
    *,
    outputs: ReadOutput | None = None,
    verified: bool | None = None,
    well: Mapping[tuple[str, str], int] = MappingProxyType({}),
    targets: Mapping[tuple[str, str], int] = MappingProxyType({}),
    whole: bool = True,
    advanced: bool = True,
) -> RunReport:
    """Tell what became of a run.

    Args:
        well, targets: how many tasks ended well that the events tell nothing of, by step and outcome, and by target
            and outcome; see `ports.journal.Tally`.
        outputs: gives the captured output of a task's attempt, by stream; None leaves output out.
        verified: whether the journal's chain was checked and found whole; None when nobody looked.
        whole: these are all events of the run, and not only those of a tally.
        advanced: a process has the run, if it is not over; False when nobody has, as after a kill.
    """
    fold = RunFold(CountedAnswers(whole=whole))
    for stored in events:
        fold.follow(stored)
    return report_of(fold, outputs=outputs, verified=verified, well=well, targets=targets, advanced=advanced)


def report_of(
    fold: RunFold,
    *,
    outputs: ReadOutput | None = None,
    verified: bool | None = None,
    well: Mapping[tuple[str, str], int] = MappingProxyType({}),
    targets: Mapping[tuple[str, str], int] = MappingProxyType({}),
    advanced: bool = True,
) -> RunReport:
    """Tell what became of a run as far as its events were folded; see `build_report`."""
    steps = _steps(fold, outputs, _by_name(well))
    opened, last = fold.opened, fold.last
    tasks = sum(step.planned for step in steps)
    counts = _counts(steps)
    marks, rta, rpa = fold.achieved()
    return RunReport(
        **_identity(fold),
        status=_status(fold, steps, advanced=advanced),
        opened_at=fold.opened_at,
        closed_at=fold.closed_at,
        seconds=(last.time - fold.opened_at).total_seconds() if last and fold.opened_at else 0.0,
        clocks=marks,
        rto=_in_seconds(opened.objectives.rto) if opened else None,
        rpo=_in_seconds(opened.objectives.rpo) if opened else None,
        rta=rta,
        rpa=rpa,
        steps=steps,
        counts=counts,
        pending=tasks - sum(counts.values()),
        tasks=tasks,
        hosts=_hosts(steps, targets),
        troubles=group_troubles((task.id, *trouble(task)) for step in steps for task in step.tasks if _is_bad(task)),
        gates=fold.people.gates(),
        messages=fold.people.talk.messages(),
        shown_messages=tuple(fold.people.talk.shown),
        deviations=tuple(sorted([*fold.people.deviations, *_tolerated(fold, steps)], key=lambda one: one.at)),
        recovery_points=tuple(fold.people.recovery_points),
        holdings=tuple(fold.people.holdings),
        notes=tuple(fold.people.notes),
        rechecks=tuple(fold.rechecks.rechecks),
        timeline=_timeline(fold, steps, marks),
        proof=_proof(steps, tasks, _unsendable(fold)) if opened and opened.mode is Mode.DRY_RUN else None,
        readiness=fold.readiness,
        in_doubt=tuple(
            task.id
            for step in steps
            for task in step.tasks
            if _is_in_doubt(task, over=fold.closed is not None or not advanced)
        ),
        events=last.seq if last else 0,
        head_hash=last.hash if last else "",
        chain_verified=verified,
    )


def _identity(fold: RunFold) -> dict[str, object]:
    opened, opener = fold.opened, fold.opener
    if opened is None or opener is None:
        return {"run": fold.last.run if fold.last else ""}
    names = (
        "runbook", "title", "runbook_path", "mode", "inventory", "inventory_sources", "limit", "limit_hosts", "note",
        "inputs", "git_commit", "git_dirty", "engine_version", "plugins",
    )  # fmt: skip
    told: dict[str, object] = {name: getattr(opened, name) for name in names}
    actor = opener.actor
    return {**told, "run": opener.run, "operator": actor.name, "host": actor.host,
            "fingerprint": fold.fingerprint, "files": fold.files}  # fmt: skip


def _by_name(counted: Mapping[tuple[str, str], int]) -> dict[str, Counter[Outcome]]:
    found: dict[str, Counter[Outcome]] = {}
    for (name, outcome), count in counted.items():
        found.setdefault(name, Counter())[Outcome(outcome)] += count
    return found


def _steps(fold: RunFold, outputs: ReadOutput | None, well: Mapping[str, Counter[Outcome]]) -> tuple[StepReport, ...]:
    """Group the tasks by step in the plan's order; a step that the plan doesn't know any more comes last."""
    by_step: dict[str, list[TaskFold]] = {step: [] for step in (*(summary.id for summary in fold.steps), *well)}
    for task in fold.tasks.values():
        by_step.setdefault(step_of(task.id), []).append(task)
    failed_first = sorted(fold.tasks.values(), key=lambda task: task.outcome is None or task.outcome.ended_well)
    shown = {task.id for task in failed_first[:_MOST_EXCERPTS]} if outputs else set()
    known = {summary.id: summary for summary in fold.steps}
    return tuple(
        _step(
            step,
            known.get(step),
            [task.report(outputs if task.id in shown else None) for task in tasks],
            well.get(step, Counter()),
        )
        for step, tasks in by_step.items()
    )


def _step(step: str, summary: StepSummary | None, tasks: list[TaskReport], well: Counter[Outcome]) -> StepReport:
    planned = max(summary.tasks if summary else 0, len(tasks) + well.total())
    counts = Counter(task.outcome for task in tasks if task.outcome is not None) + well
    outcomes = [outcome for outcome in _WORST_FIRST if counts[outcome]]
    over = sum(counts.values()) == planned
    worst = outcomes[0] if outcomes else None
    grades = [task.grade for task in tasks]
    return StepReport(
        id=step,
        action=summary.action if summary else "",
        kind=summary.kind if summary else "",
        needs=summary.needs if summary else (),
        planned=planned,
        tasks=tuple(tasks),
        outcome=worst if over or (worst is not None and not worst.ended_well) else None,
        counts={outcome: counts[outcome] for outcome in outcomes},
        grade=next((g for g in (Grade.UNPROVEN, Grade.SIMULATED, Grade.PROVEN) if g in grades), None),
    )


def _counts(steps: Iterable[StepReport]) -> dict[Outcome, int]:
    total: Counter[Outcome] = Counter()
    for step in steps:
        total.update(step.counts)
    return {outcome: total[outcome] for outcome in _WORST_FIRST if total[outcome]}


def _hosts(steps: Iterable[StepReport], targets: Iterable[tuple[str, str]]) -> dict[Outcome, int]:
    """Count targets by the worst that became of them; this machine is no host that a person looks after."""
    told = ((task.target, task.outcome) for step in steps for task in step.tasks if task.outcome is not None)
    worst: dict[str, Outcome] = {}
    for target, outcome in (*told, *((target, Outcome(word)) for target, word in targets)):
        if target not in {"", LOCALHOST}:
            worst[target] = min(worst.get(target, outcome), outcome, key=_WORST_FIRST.index)
    total = Counter(worst.values())
    return {outcome: total[outcome] for outcome in _WORST_FIRST if total[outcome]}


def _is_bad(task: TaskReport) -> bool:
    return (
        task.state in {"in-doubt", "held"}
        or task.drift is not None
        or (task.outcome is not None and task.outcome not in _GOOD)
    )


def _status(fold: RunFold, steps: Iterable[StepReport], *, advanced: bool) -> str:
    if fold.closed is not None:
        return fold.closed.status
    states = {task.state for step in steps for task in step.tasks}
    if not advanced:
        return "waiting" if states & {"waiting", "held", "in-doubt"} else "stopped"
    return "waiting" if states & {"waiting", "held"} and "running" not in states else "running"


def _tolerated(fold: RunFold, steps: Iterable[StepReport]) -> list[Deviation]:
    """List the tasks that failed in a run that succeeded all the same."""
    if fold.closed is None or fold.closed.status != "succeeded" or fold.closed_at is None:
        return []
    return [
        Deviation(at=fold.closed_at, kind="tolerated", what=task.id, who="runbook", reason=task.error or task.reason)
        for step in steps
        for task in step.tasks
        if task.outcome in {Outcome.FAILED, Outcome.UNREACHABLE}
    ]


def _timeline(fold: RunFold, steps: Iterable[StepReport], marks: Clocks) -> tuple[TimelineEntry, ...]:
    entries = [
        TimelineEntry(at=mark, kind="mark", label=name)
        for name in ("declared", "decided", "recovered", "verified")
        if (mark := getattr(marks, name)) is not None
        and (name != "recovered" or fold.closed is not None)  # the last change so far is no recovery yet
    ]
    for step in steps:
        for task in step.tasks:
            for line in task.attempts:
                begin = line.started or (line.ended and line.ended - timedelta(seconds=line.seconds))
                if begin is not None:
                    outcome = line.outcome.value if line.outcome else ""
                    entries.append(
                        TimelineEntry(at=begin, ended=line.ended, kind="attempt", label=task.id, outcome=outcome)
                    )
    return tuple(sorted([*entries, *fold.people.moments()], key=lambda entry: entry.at))


def _unsendable(fold: RunFold) -> int:
    return sum(bool(shown.problem) for shown in fold.people.talk.shown)


def _proof(steps: Iterable[StepReport], tasks: int, unsendable: int) -> Proof:
    """Count what was proven; what nobody graded counts as unproven, so that nothing is overclaimed."""
    grades = Counter(task.grade for step in steps for task in step.tasks)
    proven, simulated = grades[Grade.PROVEN], grades[Grade.SIMULATED]
    total = tasks + unsendable  # a message that could not be sent counts as a task that is not proven
    return Proof(proven=proven, simulated=simulated, unproven=total - proven - simulated, total=total)


def _is_in_doubt(task: TaskReport, *, over: bool) -> bool:
    return task.state == "in-doubt" or (task.state == "running" and over)


def _in_seconds(duration: timedelta | None) -> float | None:
    return duration.total_seconds() if duration is not None else None
