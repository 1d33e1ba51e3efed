"""Following each task through its events: attempts, where it stands, how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    DriftFound,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    ManualAnswered,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.names import target_of
from runbook_engine.model.outcome import Change, Grade, Outcome
from runbook_engine.model.report_tasks import (
    AttemptLine,
    Drift,
    TaskReport,
    TaskState,
)
from runbook_engine.reporting.rechecks import drift_of

ReadOutput = Callable[[str, int], Mapping[str, bytes]]
_EXCERPT = 2000  # characters of the head and of the tail of captured output that a report shows


@dataclass(slots=True)
class TaskFold:
    """A task while its events are read."""

    id: str
    state: TaskState = "pending"
    outcome: Outcome | None = None
    attempts: dict[int, AttemptLine] = field(default_factory=dict)
    last: AttemptFinished | None = None
    reason: str = ""
    approvals: int = 0
    quorum: int = 1
    held: Outcome | None = None
    drift: Drift | None = None

    def follow(self, stored: StoredEvent) -> None:
        """Take one more event of this task."""
        match stored.event:
            case AttemptStarted() as event:
                self.attempts[event.number] = AttemptLine(
                    number=event.number, started=stored.time, settles=event.settles
                )
                self.state, self.drift = "running", None
            case AttemptFinished() as event:
                self._finish(stored, event)
            case TaskSkipped() as event:
                self._end(Outcome.SKIPPED, event.reason)
            case TaskBlocked() as event:
                self._end(Outcome.BLOCKED, event.because)
            case TaskResolved() as event:
                self._resolve(event)
            case DriftFound() as event:
                self._drift(stored, event)
            case HoldOpened() as event:
                self.state, self.outcome, self.reason, self.held = "held", None, event.reason, event.outcome
            case HoldResolved() as event:
                self._decide(event)
            case _:
                self._answer(stored)

    def report(self, outputs: ReadOutput | None) -> TaskReport:
        """Give the task as the report tells it."""
        last = self.last
        finding = last.finding if last else None
        changes: tuple[Change, ...] = finding.changes if finding else ()
        grade: Grade | None = last.grade if last else None
        return TaskReport(
            id=self.id,
            target=target_of(self.id),
            state=self.state,
            outcome=self.outcome,
            attempts=tuple(self.attempts[number] for number in sorted(self.attempts)),
            seconds=sum(line.seconds for line in self.attempts.values()),
            summary=finding.summary if finding else "",
            reason=self.reason,
            error=last.error if last else "",
            changes=changes,
            outputs=last.outputs if last else {},
            grade=grade,
            drift=self.drift,
            captured=excerpts(outputs(self.id, last.number)) if outputs and last and last.output_digest else {},
        )

    def _finish(self, stored: StoredEvent, event: AttemptFinished) -> None:
        begun = self.attempts.get(event.number)
        self.attempts[event.number] = AttemptLine(
            number=event.number,
            started=begun.started if begun else None,
            ended=stored.time,
            outcome=event.outcome,
            seconds=event.seconds,
            error=event.error,
            in_doubt=event.in_doubt,
            settles=begun.settles if begun else False,
        )
        self.last, self.drift = event, None
        self._end(event.outcome, "")
        if event.in_doubt:
            self.state = "in-doubt"
        elif event.was_none:
            self.state, self.outcome, self.reason = "pending", None, event.error

    def _drift(self, stored: StoredEvent, event: DriftFound) -> None:
        self.state, self.outcome = "ended", event.outcome
        self.drift = drift_of(stored, event)

    def _end(self, outcome: Outcome, reason: str) -> None:
        self.state, self.outcome, self.reason = "ended", outcome, reason

    def _resolve(self, event: TaskResolved) -> None:
        if event.truth == "done":
            self._end(Outcome.CHANGED, event.reason)
        else:
            self.state, self.outcome, self.reason = "pending", None, event.reason

    def _decide(self, event: HoldResolved) -> None:
        if event.decision == "skip":
            self._end(Outcome.SKIPPED, event.reason)
        elif event.decision == "retry":
            self.state, self.outcome, self.reason = "pending", None, event.reason
        else:
            self._end(self.held or self.outcome or Outcome.FAILED, event.reason)

    def _answer(self, stored: StoredEvent) -> None:
        """Follow a gate or manual step; the engine may record its end as an attempt, too, and that counts more."""
        match stored.event:
            case GateOpened() as event:
                self.state, self.quorum, self.approvals = "waiting", event.quorum, 0
            case GateApproved():
                self.approvals += 1
                if self.approvals >= self.quorum and self.state == "waiting":
                    self._end(Outcome.UNCHANGED, "")
            case GateDeclined() as event:
                self._end(Outcome.FAILED, event.reason)
            case GateExpired():
                self._end(Outcome.FAILED, "nobody answered in time")
            case ManualAnswered() as event:
                self._end(Outcome.CHANGED if event.passed else Outcome.FAILED, event.note)


def excerpts(streams: Mapping[str, bytes]) -> dict[str, str]:
    """Give of each stream that has anything its head and tail as text."""
    return {stream: _excerpt(data) for stream, data in sorted(streams.items()) if data}


def _excerpt(data: bytes) -> str:
    """Decode no more than is shown: a stream may be a megabyte of anything."""
    if len(data) <= 2 * _EXCERPT:
        return data.decode("utf-8", "replace")
    head, tail = data[:_EXCERPT].decode("utf-8", "replace"), data[-_EXCERPT:].decode("utf-8", "replace")
    return f"{head}\n… {len(data) - 2 * _EXCERPT} bytes left out …\n{tail}"
