"""A run's events as spans: the run, its steps, their attempts, and the messages that people were sent."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    GateOpened,
    MessageDue,
    MessageMissed,
    MessageSent,
    PlanAccepted,
    RunClosed,
    RunOpened,
    StepSummary,
    StoredEvent,
    TaskBlocked,
    TaskSkipped,
)
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome

_WITHOUT_ATTEMPT: dict[type, str] = {TaskSkipped: Outcome.SKIPPED.value, TaskBlocked: Outcome.BLOCKED.value}
_BAD = frozenset({Outcome.FAILED, Outcome.UNREACHABLE, Outcome.BLOCKED})


@dataclass(frozen=True, slots=True)
class Span:
    """Something that began and ended.

    Attributes:
        trace: 16 bytes, the same for all of a run, whoever drives it.
        id, parent: 8 bytes; no parent for the run itself.
        attributes: names and facts, never what came from a target, a file or a person: no errors, outputs, inputs.
        failed: it did not end well, or nobody knows how it ended.
    """

    trace: bytes
    id: bytes
    parent: bytes | None
    name: str
    begin: datetime
    end: datetime
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)
    failed: bool = False


@dataclass(slots=True)
class _Step:
    begin: datetime
    end: datetime
    outcomes: dict[str, str] = field(default_factory=dict)
    touched: bool = True


class RunSpans:
    """Follows the events of one run, and gives each span as it ends.

    Attempts and messages end as they do; the run, and those of its steps that something happened to, end when it is
    closed. A run that goes on after that is closed again, and gives them again under the same ids.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._trace = _digest(run, "run")[:16]
        self._root = _digest(run, "root")[:8]
        self._opened: RunOpened | None = None
        self._opened_at: datetime | None = None
        self._plan: dict[str, StepSummary] = {}
        self._steps: dict[str, _Step] = {}
        self._begun: dict[tuple[str, int], datetime] = {}
        self._due: dict[tuple[str, int], datetime] = {}

    def take(self, stored: StoredEvent) -> Iterator[Span]:
        """Take note of an event, and give the spans that it ends; all must be taken before the next event is told."""
        event, time = stored.event, stored.time
        match event:
            case RunOpened():
                self._opened, self._opened_at = event, time
                self._plan = {step.id: step for step in event.steps}
            case PlanAccepted() if event.steps:
                self._plan = {step.id: step for step in event.steps}
            case AttemptStarted():
                self._begun[event.task, event.number] = time
                self._touch(event.task, time)
            case AttemptFinished():
                self._touch(event.task, time, "in-doubt" if event.in_doubt else event.outcome.value)
                yield self._attempt(event, self._begun.pop((event.task, event.number), time), time)
            case TaskSkipped() | TaskBlocked() | GateOpened():
                self._touch(event.task, time, _WITHOUT_ATTEMPT.get(type(event), ""))
            case MessageDue():
                self._due[event.audience, event.sequence] = time
            case MessageSent() | MessageMissed():
                yield self._message(event, time)
            case RunClosed():
                yield from self._close(event, time)
            case _:
                return  # the other kinds begin and end nothing

    def _touch(self, task: str, time: datetime, outcome: str = "") -> None:
        step = self._steps.setdefault(step_of(task), _Step(time, time))
        step.end, step.touched = max(step.end, time), True
        if outcome:
            step.outcomes[task] = outcome

    def _attempt(self, event: AttemptFinished, begin: datetime, end: datetime) -> Span:
        step = step_of(event.task)
        outcome = "in-doubt" if event.in_doubt else event.outcome.value
        attributes: dict[str, str | int | bool] = {
            **self._who(),
            "runbook.step": step,
            "runbook.task": event.task,
            "runbook.target": event.task.partition("@")[2],
            "runbook.action": self._action(step),
            "runbook.attempt": event.number,
            "runbook.outcome": outcome,
        }
        span = _digest(self._run, "attempt", event.task, str(event.number))[:8]
        failed = event.in_doubt or event.outcome in _BAD
        return Span(self._trace, span, self._step_id(step), f"attempt {step}", begin, end, attributes, failed)

    def _message(self, event: MessageSent | MessageMissed, time: datetime) -> Span:
        sent = isinstance(event, MessageSent)
        way = f"{event.channel}/{event.call}" if isinstance(event, MessageSent) else "missed"
        attributes: dict[str, str | int | bool] = {
            **self._who(),
            "runbook.audience": event.audience,
            "runbook.message": event.sequence,
            "runbook.channel": event.channel if isinstance(event, MessageSent) else "",
            "runbook.outcome": "sent" if sent else "missed",
        }
        begin = self._due.get((event.audience, event.sequence), time)
        span = _digest(self._run, "message", event.audience, str(event.sequence), way)[:8]
        name = f"message {event.audience}"
        return Span(self._trace, span, self._root, name, begin, time, attributes, not sent)

    def _close(self, event: RunClosed, time: datetime) -> Iterator[Span]:
        bad = {outcome.value for outcome in _BAD} | {"in-doubt"}
        for name, step in self._steps.items():
            if not step.touched:
                continue
            step.touched = False
            attributes: dict[str, str | int | bool] = {
                **self._who(),
                "runbook.step": name,
                "runbook.action": self._action(name),
                "runbook.tasks": self._plan[name].tasks if name in self._plan else len(step.outcomes),
            }
            failed = any(outcome in bad for outcome in step.outcomes.values())
            span = self._step_id(name)
            yield Span(self._trace, span, self._root, f"step {name}", step.begin, step.end, attributes, failed)
        attributes = {**self._who(), "runbook.status": event.status}
        begin, failed = self._opened_at or time, event.status != "succeeded"
        runbook = self._opened.runbook if self._opened is not None else self._run
        yield Span(self._trace, self._root, None, f"run {runbook}", begin, time, attributes, failed)

    def _who(self) -> dict[str, str | int | bool]:
        opened = self._opened
        if opened is None:
            return {"runbook.run": self._run}
        return {
            "runbook.run": self._run,
            "runbook.name": opened.runbook,
            "runbook.inventory": opened.inventory,
            "runbook.mode": opened.mode.value,
        }

    def _action(self, step: str) -> str:
        return self._plan[step].action if step in self._plan else ""

    def _step_id(self, step: str) -> bytes:
        return _digest(self._run, "step", step)[:8]


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
