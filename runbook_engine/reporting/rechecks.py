"""What was found when a run that went on looked again at what had ended well, for reports in every format."""

from dataclasses import dataclass, field

from runbook_engine.model.event import (
    DriftFound,
    RecheckFailed,
    RecheckFinished,
    RecheckSkipped,
    RecheckStarted,
    StoredEvent,
)
from runbook_engine.model.report_tasks import (
    Drift,
    Recheck,
    Unchecked,
)


def drift_of(stored: StoredEvent, event: DriftFound) -> Drift:
    """Give what was found of a task."""
    seen = event.finding
    return Drift(at=stored.time, task=event.task, summary=seen.summary, changes=seen.changes, needed=event.needed)


@dataclass(slots=True)
class RecheckFold:
    """The re-checks while a run's events are read."""

    rechecks: list[Recheck] = field(default_factory=list)

    def follow(self, stored: StoredEvent) -> None:
        """Take one more event of the run."""
        match stored.event:
            case RecheckStarted() as event:
                self.rechecks.append(Recheck(at=stored.time, tasks=len(event.tasks), left_out=event.left_out))
            case RecheckSkipped() as event:
                self.rechecks.append(Recheck(at=stored.time, skipped=event.reason, finished=True))
            case DriftFound() as event:
                self._update(drifts=(*self._last(stored).drifts, drift_of(stored, event)))
            case RecheckFailed() as event:
                self._update(failed=(*self._last(stored).failed, Unchecked(task=event.task, reason=event.reason)))
            case RecheckFinished() as event:
                told = {"as_it_was": event.as_it_was, "cannot_tell": event.cannot_tell}
                self._last(stored)
                self._update(**told, finished=not event.interrupted)
            case _:
                # Nothing of a re-check.
                return

    def _last(self, stored: StoredEvent) -> Recheck:
        """Give the newest re-check; events of one whose beginning is not there stand in one of their own."""
        if not self.rechecks:
            self.rechecks.append(Recheck(at=stored.time))
        return self.rechecks[-1]

    def _update(self, **told: object) -> None:
        self.rechecks[-1] = self.rechecks[-1].model_copy(update=told)
