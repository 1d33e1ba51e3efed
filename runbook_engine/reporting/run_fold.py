"""Following a run through its events: all that a report of it is made from."""

from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.model.clocks import Marks
from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.event import (
    Clocks,
    PlanAccepted,
    ReadinessAssessed,
    RunClosed,
    RunOpened,
    StepSummary,
    StoredEvent,
)
from runbook_engine.reporting.people import PeopleFold
from runbook_engine.reporting.rechecks import RecheckFold
from runbook_engine.reporting.tasks import TaskFold


@dataclass(slots=True)
class RunFold:
    """The run while its events are read; more of them may follow when some were told already."""

    answers: CountedAnswers = field(default_factory=CountedAnswers)
    opened: RunOpened | None = None
    opened_at: datetime | None = None
    opener: StoredEvent | None = None
    steps: tuple[StepSummary, ...] = ()
    fingerprint: str = ""
    files: dict[str, str] = field(default_factory=dict)
    closed: RunClosed | None = None
    closed_at: datetime | None = None
    readiness: ReadinessAssessed | None = None
    last: StoredEvent | None = None
    tasks: dict[str, TaskFold] = field(default_factory=dict)
    people: PeopleFold = field(default_factory=PeopleFold)
    rechecks: RecheckFold = field(default_factory=RecheckFold)
    marks: Marks = field(default_factory=Marks)

    def follow(self, stored: StoredEvent) -> None:
        """Take one more event of the run; an answer that does not count is the refusal that it amounts to."""
        stored = self.answers.counted(stored)
        event = stored.event
        self.last = stored
        self.marks.take(stored)
        if isinstance(event, RunOpened):
            self.opened, self.opened_at, self.opener = event, stored.time, stored
            self.steps, self.fingerprint, self.files = event.steps, event.fingerprint, event.files
        elif isinstance(event, PlanAccepted):
            self.steps, self.fingerprint = event.steps or self.steps, event.fingerprint
            self.files = event.files or self.files
        elif isinstance(event, RunClosed):
            self.closed, self.closed_at = event, stored.time
        elif isinstance(event, ReadinessAssessed):
            self.readiness = event
        elif event.kind == "lease.taken":
            self.closed = self.closed_at = None  # taking the lease is how a closed run is resumed
        self.people.follow(stored)
        self.rechecks.follow(stored)
        task = getattr(event, "task", None)
        if isinstance(task, str):
            self.tasks.setdefault(task, TaskFold(task)).follow(stored)

    def achieved(self) -> tuple[Clocks, float | None, float | None]:
        """Give the clocks as they were recorded when the run closed, or as they stand."""
        if self.closed is not None and self.closed.clocks.declared is not None:
            return self.closed.clocks, self.closed.rta, self.closed.rpa
        return self.marks.achieved(self.closed.status if self.closed else "open")
