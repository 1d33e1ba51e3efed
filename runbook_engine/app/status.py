"""The use cases `runs` and `status`: what the journal holds, and where a run stands."""

from collections import Counter
from datetime import UTC, datetime
from typing import Literal

from runbook_engine.app.workers import WaitingOrder
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.base import Frozen
from runbook_engine.model.errors import UsageError
from runbook_engine.model.outcome import Mode
from runbook_engine.model.report_tasks import Trouble
from runbook_engine.ports.journal import Glance, Journal, RunHead
from runbook_engine.reporting.troubles import group_troubles

Standing = Literal["running", "waiting", "stopped", "succeeded", "failed", "aborted"]


class RunLine(Frozen):
    """One run in the list of runs; `status` is `open` until it is closed, and a pruned one has no events to read."""

    id: str
    runbook: str
    inventory: str
    mode: str
    status: str
    started_at: datetime
    closed_at: datetime | None
    operator: str
    events: int
    pruned: bool = False


class WaitingGate(Frozen):
    """A gate that waits for people, and who approved so far; an expired one waits for `runbook resume` to ask anew.

    Attributes:
        requester: who asked for the run, where they may not approve; None where they may.
    """

    task: str
    roles: tuple[str, ...]
    quorum: int
    message: str
    expires_at: datetime | None
    approved_by: tuple[str, ...]
    signed: bool = False
    expired: bool = False
    by_hand: bool = False
    opens_at: datetime | None = None
    answered: bool = False
    requester: str | None = None


class TaskLine(Frozen):
    """A task that needs attention: its state and why."""

    task: str
    state: str
    reason: str = ""


class AudienceLine(Frozen):
    """What an audience of the run was told, and what it is owed.

    Attributes:
        sent, missed: how many messages went out, and how many were not sent in time.
        next_by: the end of the silence that was promised; None when nothing more is owed.
        problem: how the last try failed to send what is owed now.
        said: how many operators' texts are still to be sent.
    """

    audience: str
    sent: int
    missed: int
    last_at: datetime | None
    next_by: datetime | None
    resolved: bool
    overdue: bool
    problem: str = ""
    said: int = 0


class RunStatus(Frozen):
    """Where a run stands.

    Attributes:
        status: `running` (a process advances it), `waiting` (for a person, and nobody advances it), `stopped` (can be
            resumed), or how it was closed.
        holder: the process that advances it.
        tasks: number of tasks in the plan it was opened with.
        counts: how many tasks ended how, the worst first.
        troubles: tasks that failed, are in doubt, or drifted since they ended well.
        queued: tasks of `running` that wait for a worker of their queue, as far as the journal's database tells.
        held: tasks that failed (or drifted, and something stands on them) and wait for a decision.
        paused, aborting: why the operator paused the run, or wants it to end; None otherwise.
        taken_back: the step whose failure takes the run back (`on_failure: revert`); empty otherwise.
        grouped: the same, those with the same reason together.
        limit_hosts: the hosts that a limit with `@` stood for.
    """

    id: str
    runbook: str
    title: str
    inventory: str
    mode: Mode
    status: Standing
    operator: str
    started_at: datetime
    closed_at: datetime | None
    holder: str | None
    tasks: int
    ended: int
    counts: dict[str, int]
    running: tuple[str, ...]
    gates: tuple[WaitingGate, ...]
    troubles: tuple[TaskLine, ...]
    resumable: bool
    note: str = ""
    limit: str | None = None
    limit_hosts: tuple[str, ...] = ()
    grouped: tuple[Trouble, ...] = ()
    queued: tuple[WaitingOrder, ...] = ()
    held: tuple[TaskLine, ...] = ()
    paused: str | None = None
    aborting: str | None = None
    taken_back: str = ""
    audiences: tuple[AudienceLine, ...] = ()


def list_runs(journal: Glance, *, limit: int = 0, before: str = "") -> list[RunLine]:
    """List runs, newest first; 0 lists all.

    Args:
        before: id of a run; only runs that were opened before it.

    Raises:
        UsageError: there is no such run.
    """
    after = journal.head(before) if before else None
    if before and after is None:
        raise UsageError(f"there is no run {before!r}", hint="`runbook runs` lists them")
    return [
        RunLine(
            id=run.id,
            runbook=run.runbook,
            inventory=run.inventory,
            mode=run.mode,
            status=run.status,
            started_at=run.opened_at,
            closed_at=run.closed_at,
            operator=run.operator,
            events=run.events,
            pruned=run.pruned,
        )
        for run in journal.runs(limit=limit, before=after.number if after else 0)
    ]


def run_status(journal: Glance, head: RunHead, *, now: datetime | None = None) -> RunStatus:
    """Tell where a run stands now."""
    tally = journal.tally(head.id)
    state = RunState(head.id, tally.events, whole=False)
    opened = state.opened
    lease = journal.lease(f"run:{head.id}")
    standing = _standing(state, held=lease is not None)
    counts = Counter(
        task.outcome.value for task in state.tasks.values() if task.phase is Phase.ENDED and task.outcome is not None
    )
    for (_, outcome), number in tally.well.items():
        counts[outcome] += number
    troubles = _troubles(state, held=lease is not None)
    return RunStatus(
        id=head.id,
        runbook=head.runbook,
        title=opened.title if opened else "",
        inventory=head.inventory,
        mode=Mode(head.mode),
        status=standing,
        operator=head.operator,
        started_at=head.opened_at,
        closed_at=head.closed_at,
        holder=str(lease.holder) if lease else None,
        tasks=opened.tasks if opened else 0,
        ended=counts.total(),
        counts=dict(sorted(counts.items(), key=lambda item: -_weight(item[0]))),
        running=tuple(name for name, task in state.tasks.items() if task.phase is Phase.RUNNING),
        gates=_gates(state, now or datetime.now(UTC)),
        troubles=troubles,
        resumable=standing in {"waiting", "stopped", "failed"},
        note=opened.note if opened else "",
        limit=opened.limit if opened else None,
        limit_hosts=opened.limit_hosts if opened else (),
        grouped=group_troubles((one.task, one.state, one.reason) for one in troubles),
        held=tuple(
            TaskLine(task=name, state="drifted" if task.drift is not None else "held", reason=task.reason)
            for name, task in state.tasks.items()
            if task.phase is Phase.HELD
        ),
        paused=state.paused if state.closed is None and state.abort is None else None,
        aborting=state.abort if state.closed is None else None,
        taken_back=state.revert_due.step if state.revert_due else "",
        audiences=_audiences(state, now or datetime.now(UTC)),
    )


def outcomes_by_step(journal: Journal, run: str) -> dict[str, str]:
    """Give the most telling outcome of each step in a run, for drawings: a failure before a change before the rest."""
    state = RunState(run, journal.read(run))
    found: dict[str, str] = {step.id: "not started" for step in state.opened.steps} if state.opened else {}
    for name, task in state.tasks.items():
        step = name.partition("@")[0].partition("[")[0]
        word = task.outcome.value if task.phase is Phase.ENDED and task.outcome else task.phase.value
        if word == Phase.GATE.value:
            word = "waits for a person"
        if _weight(word) > _weight(found.get(step, "not started")):
            found[step] = word
    return found


def _standing(state: RunState, *, held: bool) -> Standing:
    if state.closed is not None:
        return state.closed.status
    if held:
        return "running"
    waits = any(task.phase in {Phase.GATE, Phase.HELD, Phase.DOUBT} for task in state.tasks.values())
    return "waiting" if waits else "stopped"


def _gates(state: RunState, now: datetime) -> tuple[WaitingGate, ...]:
    return tuple(
        WaitingGate(
            task=name,
            roles=task.opened.roles,
            quorum=task.opened.quorum,
            message=task.opened.message,
            signed=task.opened.signed,
            expires_at=task.opened.expires_at,
            by_hand=task.opened.by_hand,
            opens_at=task.opened.opens_at,
            answered=task.answered is not None,
            requester=task.opened.requester,
            approved_by=tuple(approval.person for approval in task.approvals),
            expired=task.opened.expires_at is not None and task.opened.expires_at <= now,
        )
        for name, task in state.tasks.items()
        if task.phase is Phase.GATE and task.opened is not None
    )


def _audiences(state: RunState, now: datetime) -> tuple[AudienceLine, ...]:
    return tuple(
        AudienceLine(
            audience=name,
            sent=one.sent,
            missed=one.missed,
            last_at=one.spoken_at,
            next_by=None if one.resolved else one.next_due,
            resolved=one.resolved,
            overdue=not one.resolved and one.next_due is not None and one.next_due < now,
            problem="; ".join(dict.fromkeys(one.owed.errors.values())) if one.owed else "",
            said=len(one.said),
        )
        for name, one in state.messages.audiences.items()
        if one.begun
    )


def _troubles(state: RunState, *, held: bool) -> tuple[TaskLine, ...]:
    """Name failed tasks, those in doubt (also what ran when nobody advances the run any more), and what drifted."""
    found: list[TaskLine] = []
    for name, task in state.tasks.items():
        if task.phase is Phase.DOUBT:
            found.append(TaskLine(task=name, state="in doubt", reason=task.reason))
        elif task.phase is Phase.RUNNING and not held:
            found.append(TaskLine(task=name, state="in doubt", reason="began, and its end was not recorded"))
        elif task.phase is Phase.ENDED and task.outcome is not None and task.outcome.value in {"failed", "unreachable"}:
            found.append(TaskLine(task=name, state=task.outcome.value, reason=task.reason))
        elif task.phase is Phase.ENDED and task.drift is not None:
            found.append(TaskLine(task=name, state="drifted", reason=task.drift.finding.summary))
    return tuple(found)


_ORDER = (
    "not started", "waiting", "skipped", "unchanged", "changed", "would-change", "unproven", "blocked", "running",
    "waits for a person", "held", "in doubt", "unreachable", "failed",
)  # fmt: skip


def _weight(word: str) -> int:
    return _ORDER.index(word) if word in _ORDER else 0
