"""Holds what came of a case against what was expected of it: all that differs is told at once."""

from collections import Counter
from collections.abc import Iterator, Mapping

from runbook_engine.app.cases.play import Played
from runbook_engine.model.case import Case
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    GateApproved,
    GateDeclined,
    GateOpened,
    ManualAnswered,
    TaskBlocked,
    TaskSkipped,
)
from runbook_engine.model.event_message import MessageDue, MessageMissed, MessageSent, MessageShown
from runbook_engine.model.names import step_of
from runbook_engine.model.plan import Plan

_BEGINS = (AttemptStarted, GateOpened, TaskSkipped, TaskBlocked)
_ENDS = (AttemptFinished, GateApproved, GateDeclined, ManualAnswered, TaskSkipped, TaskBlocked)


def differences(case: Case, played: Played, plan: Plan) -> list[str]:
    """Say in sentences what is not as expected."""
    return [
        *_of_status(case, played),
        *_of_outcomes(case, played, plan),
        *_of_attempts(case, played, plan),
        *_of_order(case, played),
        *_of_messages(case, played),
    ]


def _of_status(case: Case, played: Played) -> Iterator[str]:
    wanted = case.expect.status
    if wanted is not None and wanted != played.status:
        why = f", at {', '.join(played.waiting)}" if played.waiting and played.status == "waiting" else ""
        yield f"status: {played.status}{why}, and not {wanted}"


def _of_outcomes(case: Case, played: Played, plan: Plan) -> Iterator[str]:
    for name, wanted in case.expect.outcomes.items():
        for task in _tasks(name, plan):
            state = played.state.task(task)
            found = str(state.outcome) if state.outcome is not None else "not begun"
            if found != wanted:
                yield f"outcomes: {task} is {found}{f' ({state.reason})' if state.reason else ''}, and not {wanted}"


def _of_attempts(case: Case, played: Played, plan: Plan) -> Iterator[str]:
    made = Counter(stored.event.task for stored in played.events if isinstance(stored.event, AttemptStarted))
    wanted: Mapping[str, int] = {**case.expect.attempts, **dict.fromkeys(case.expect.not_begun, 0)}
    for name, count in wanted.items():
        for task in _tasks(name, plan):
            if made[task] != count:
                yield f"attempts: {task} was attempted {_times(made[task])}, and not {_times(count)}"


def _of_order(case: Case, played: Played) -> Iterator[str]:
    begins: dict[str, int] = {}
    ends: dict[str, int] = {}
    for stored in played.events:
        if isinstance(stored.event, _BEGINS):
            begins.setdefault(step_of(stored.event.task), stored.seq)
        if isinstance(stored.event, _ENDS):
            ends[step_of(stored.event.task)] = stored.seq
    for before, after in zip(case.expect.order, case.expect.order[1:], strict=False):
        if before not in ends or after not in begins:
            yield f"order: {before if before not in ends else after} never came to its turn"
        # One that is skipped begins and ends by the same event.
        elif begins[after] < ends[before]:
            yield f"order: {after} began before {before} had ended"


def _of_messages(case: Case, played: Played) -> Iterator[str]:
    for audience, wanted in case.expect.messages.items():
        told = tuple(_told(audience, played))
        if told != wanted:
            found, expected = (", ".join(kinds) or "nothing" for kinds in (told, wanted))
            yield f"messages: {audience} was told {found}, and not {expected}"


def _told(audience: str, played: Played) -> Iterator[str]:
    """Give the kinds of the messages that went out (or in a dry run: would), each once however many ways it went."""
    due: dict[int, str] = {}
    sent: set[int] = set()
    for stored in played.events:
        event = stored.event
        if isinstance(event, MessageDue) and event.audience == audience:
            due[event.sequence] = event.what
        elif isinstance(event, MessageSent) and event.audience == audience and event.sequence not in sent:
            sent.add(event.sequence)
            yield due.get(event.sequence, "update")
        elif isinstance(event, MessageMissed) and event.audience == audience:
            sent.add(event.sequence)
        elif isinstance(event, MessageShown) and event.audience == audience and not event.problem:
            yield event.what


def _tasks(name: str, plan: Plan) -> list[str]:
    """Give the tasks that a step's or a task's name means."""
    return [task.id for task in plan.tasks if task.id == name or step_of(task.id) == name]


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")
