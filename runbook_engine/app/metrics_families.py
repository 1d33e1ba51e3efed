"""Metrics in Prometheus' own terms: names, units, help texts (the list of them is docs/reference/metrics.md)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from platform import python_version
from typing import TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from runbook_engine import version
from runbook_engine.app.metrics_tally import BUCKETS, MOST_NAMES, OpenRun, RunsTally, bounded, count_heads
from runbook_engine.execution.alarm_board import AlarmBoard
from runbook_engine.execution.message_state import AudienceState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.compliance import Duty
from runbook_engine.ports.journal import Damage, RunHead

_MOST_RUNS = 50  # open runs with series of their own, the newest
_WHO = ["run", "runbook", "mode"]
_RUNBOOK = ["runbook"]
Labels = TypeVar("Labels", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Verified:
    """The last time that this process checked the journal's chain, how long that took in seconds, what it found."""

    at: datetime
    seconds: float
    damage: Sequence[Damage]


def build_families() -> Iterator[Metric]:
    """Say which program this is."""
    yield InfoMetricFamily("runbook_build", "This program.", {"version": version(), "python": python_version()})


def journal_families(heads: Sequence[RunHead], tally: RunsTally, verified: Verified | None) -> Iterator[Metric]:
    """Tell of the journal as a whole, and of the runs that it lists."""
    runs = count_heads(heads, lambda head: (head.runbook, head.mode, head.status))
    yield _gauge("runbook_runs", "Runs in the journal.", ["runbook", "mode", "status"], runs)
    events = sum(head.events for head in heads)
    yield _gauge("runbook_journal_events", "Events of all runs in the journal.", [], {(): events})
    newest: dict[tuple[str, ...], float] = {}
    for head in heads:
        if head.closed_at is not None and head.status == "succeeded":
            key = (bounded(head.runbook, {name for name, _ in newest}), head.mode)
            newest[key] = max(newest.get(key, 0.0), head.closed_at.timestamp())
    text = "When a run of the runbook last succeeded."
    yield _gauge("runbook_last_success_timestamp_seconds", text, ["runbook", "mode"], newest)
    yield _gauge("runbook_journal_unreadable_runs", "Runs that could not be read.", [], {(): len(tally.unreadable)})
    if verified is not None:
        text = "When this process last checked the journal's chain."
        yield _gauge("runbook_journal_verified_timestamp_seconds", text, [], {(): verified.at.timestamp()})
        text = "How long the last check of the chain took."
        yield _gauge("runbook_journal_verification_seconds", text, [], {(): verified.seconds})
        text = "What the last check of the chain found to be damaged."
        yield _gauge("runbook_journal_damage", text, [], {(): len(verified.damage)})


def count_families(tally: RunsTally) -> Iterator[Metric]:
    """Tell what was counted over the events of runs."""
    ended = CounterMetricFamily(
        "runbook_tasks_ended", "Ends of tasks; one that is attempted again counts again.", labels=["runbook", "outcome"]
    )
    for (runbook, outcome), number in sorted(tally.ended.items()):
        ended.add_metric([runbook, outcome], number)
    yield ended
    lasted = HistogramMetricFamily(
        "runbook_attempt_duration_seconds", "How long attempts took, by action.", labels=["action"]
    )
    for action, one in sorted(tally.durations.items()):
        bounds = [*(str(bucket) for bucket in BUCKETS), "+Inf"]
        lasted.add_metric([action], list(zip(bounds, accumulate(one.counts), strict=True)), one.seconds)
    yield lasted
    told = CounterMetricFamily(
        "runbook_messages", "What became of tries to tell an audience what it was promised.", labels=["result"]
    )
    for result in ("sent", "failed", "missed"):
        told.add_metric([result], tally.messages[result])
    yield told
    looks = tally.readiness
    text = "When readiness was last looked at."
    times = {key: look.at.timestamp() for key, look in looks.items()}
    yield _gauge("runbook_readiness_timestamp_seconds", text, ["runbook", "inventory"], times)
    text = "Whether the last look found the runbook ready."
    ready = {key: look.verdict == "ready" for key, look in looks.items()}
    yield _gauge("runbook_readiness_ready", text, ["runbook", "inventory"], ready)
    text = "How much the last look found missing."
    yield _gauge(
        "runbook_readiness_missing", text, ["runbook", "inventory"], {key: look.missing for key, look in looks.items()}
    )


def open_run_families(runs: Sequence[OpenRun], held: Mapping[str, bool], now: datetime) -> Iterator[Metric]:
    """Tell of the runs that are not over: clocks, tasks, who is waited for, what is owed.

    Args:
        held: whether a process advances the run, by id.
    """
    shown = runs[:_MOST_RUNS]  # (newest first, as they are listed)
    clocks: dict[tuple[str, ...], float] = {}
    objectives: dict[tuple[str, ...], float] = {}
    tasks: dict[tuple[str, ...], float] = {}
    for one in shown:
        who = _who(one)
        passed = one.state.marks.achieved().clocks
        marks = {"opened": one.head.opened_at, **{name: getattr(passed, name) for name in type(passed).model_fields}}
        clocks.update({(*who, name): mark.timestamp() for name, mark in marks.items() if mark is not None})
        opened = one.state.opened
        for name in ("rto", "rpo") if opened is not None else ():
            goal = getattr(opened.objectives, name) if opened is not None else None
            if goal is not None:
                objectives[*who, name] = goal.total_seconds()
        tasks.update({(*who, word): number for word, number in _tasks(one).items()})
    yield _gauge("runbook_run_clock_timestamp_seconds", "When an open run passed its marks.", [*_WHO, "clock"], clocks)
    yield _gauge("runbook_run_objective_seconds", "Objectives of an open run.", [*_WHO, "objective"], objectives)
    yield _gauge("runbook_run_tasks", "Tasks of an open run by where they stand.", [*_WHO, "state"], tasks)
    newest = {_who(one): one.newest.timestamp() for one in shown}
    yield _gauge("runbook_run_last_event_timestamp_seconds", "When an open run last recorded something.", _WHO, newest)
    driven = {_who(one): held.get(one.head.id, False) for one in shown}
    yield _gauge("runbook_run_driven", "Whether a process advances the open run now.", _WHO, driven)
    yield from _waiting(runs, now)


def monitor_families(boards: Mapping[str, AlarmBoard], looks: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """Tell of triggers and alarms.

    Args:
        boards: where they stand by the journal, by inventory.
        looks: looks of this process, by trigger and verdict.
    """
    counted = CounterMetricFamily(
        "runbook_monitor_looks", "Looks of this process at triggers.", labels=["trigger", "verdict"]
    )
    for (trigger, verdict), number in sorted(looks.items()):
        counted.add_metric([trigger, verdict], number)
    yield counted
    alarms: Counter[tuple[str, ...]] = Counter()
    seen: dict[tuple[str, ...], float] = {}
    untold = 0
    for inventory, board in boards.items():
        for trigger, sighting in list(board.triggers.items())[:MOST_NAMES]:
            seen[inventory, trigger, sighting.verdict] = 1
        for alarm in board.all_standing():
            alarms[inventory, bounded(alarm.runbook, {name for _, name, _ in alarms}), alarm.about] += 1
        tellings = [telling for one in board.alarms.values() for telling in one.tellings.values()]
        untold += sum(not telling.told and telling.attempts > 0 for telling in tellings)
    text = "How a trigger was last seen; always 1."
    yield _gauge("runbook_monitor_trigger_state", text, ["inventory", "trigger", "verdict"], seen)
    text = "Alarms that stand."
    yield _gauge("runbook_monitor_alarms", text, ["inventory", "runbook", "about"], alarms)
    text = "Alarms and channels by which telling people failed and is tried again."
    yield _gauge("runbook_monitor_untold", text, [], {(): untold})


def compliance_families(duties: Iterable[Duty], at: datetime) -> Iterator[Metric]:
    """Tell what is due when, and whether the policy is kept."""
    some = list(duties)[: MOST_NAMES * 3]
    due = {(one.runbook, one.kind): one.due_at.timestamp() for one in some if one.due_at is not None}
    text = "When a drill, a review or a copy must be done again; none where it never was done."
    yield _gauge("runbook_compliance_due_timestamp_seconds", text, ["runbook", "duty"], due)
    breaches = {(one.runbook, one.kind): one.state.is_breach for one in some}
    text = "Whether the policy is not kept: overdue, never done, failed, or a runbook that can't be read."
    yield _gauge("runbook_compliance_breach", text, ["runbook", "duty"], breaches)
    states = {(one.runbook, one.kind, one.state.value): 1 for one in some}
    text = "How a duty stands, as `runbook compliance` says; always 1."
    yield _gauge("runbook_compliance_state", text, ["runbook", "duty", "state"], states)
    text = "When compliance was last worked out."
    yield _gauge("runbook_compliance_timestamp_seconds", text, [], {(): at.timestamp()})


def up_family(name: str, documentation: str, *, up: bool) -> Metric:
    """Say whether something could be read."""
    return _gauge(name, documentation, [], {(): up})


def _waiting(runs: Sequence[OpenRun], now: datetime) -> Iterator[Metric]:
    gates: dict[tuple[str, ...], float] = {}
    oldest: dict[tuple[str, ...], float] = {}
    owed: Counter[tuple[str, ...]] = Counter()
    overdue: Counter[tuple[str, ...]] = Counter()
    for one in runs:
        name = (bounded(one.head.runbook, {key[0] for key in gates}),)
        waiting = [task for task in one.state.tasks.values() if task.phase is Phase.GATE]
        gates[name] = gates.get(name, 0) + len(waiting)
        since = [task.opened_at.timestamp() for task in waiting if task.opened_at is not None]
        if since:
            oldest[name] = min([*since, *([oldest[name]] if name in oldest else [])])
        for _, audience in one.state.messages.open():
            owed[name] += 1
            overdue[name] += _overdue(audience, now)
    yield _gauge("runbook_gates_open", "Gates and manual tasks that wait for people.", _RUNBOOK, gates)
    yield _gauge(
        "runbook_gate_oldest_timestamp_seconds", "When the gate that waits longest was opened.", _RUNBOOK, oldest
    )
    yield _gauge("runbook_messages_owed", "Audiences of open runs that another message is owed to.", _RUNBOOK, owed)
    yield _gauge("runbook_messages_overdue", "Those whose promised silence is over.", _RUNBOOK, overdue)


def _overdue(audience: AudienceState, now: datetime) -> bool:
    return audience.next_due is not None and audience.next_due < now


def _tasks(one: OpenRun) -> Counter[str]:
    found: Counter[str] = Counter()
    for task in one.state.tasks.values():
        ended = task.phase is Phase.ENDED and task.outcome is not None
        found[task.outcome.value if ended and task.outcome is not None else task.phase.value.replace(" ", "-")] += 1
    opened = one.state.opened
    if opened is not None:
        found["waiting"] = max(0, opened.tasks - sum(number for word, number in found.items() if word != "waiting"))
    return found


def _who(one: OpenRun) -> tuple[str, ...]:
    return (one.head.id, one.head.runbook, one.head.mode)


def _gauge(name: str, documentation: str, labels: Sequence[str], values: Mapping[Labels, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for key, value in values.items():
        family.add_metric(list(key), float(value))
    return family
