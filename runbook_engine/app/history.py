"""What earlier runs of a runbook took, by what the journal has of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.app.whole import refuse_damaged
from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.errors import NoJournalError
from runbook_engine.model.event import (
    AttemptFinished,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    ManualAnswered,
    StoredEvent,
)
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Mode
from runbook_engine.model.share import share_of
from runbook_engine.ports.journal import Journal

_MOST_EVENTS = 200_000
_FOR_REAL = frozenset({Mode.LIVE.value, Mode.DRILL.value})


@dataclass(slots=True)
class History:
    """What earlier runs took: by step the seconds of each task that ended well, waiting and retries included."""

    runs: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)


def read_history(journal: Journal, runbook: str, most: int, *, verify: bool = True) -> History:
    """Read the durations off the newest runs of a runbook that were done for real and came to an end.

    Args:
        most: greatest number of runs; fewer where they are long.
        verify: check each run's record first.

    Raises:
        JournalError: the record of a run is damaged.
    """
    found, events = History(), 0
    for head in journal.runs():
        if found.runs == most or events > _MOST_EVENTS:
            break
        if head.runbook == runbook and head.mode in _FOR_REAL and head.closed_at is not None and not head.pruned:
            if verify:
                refuse_damaged(journal, head.id)
            found.runs += 1
            events += head.events
            for step, seconds in durations(journal.read(head.id)):
                found.seconds.setdefault(step, []).append(seconds)
    return found


def open_history(journal_of: Callable[[], Journal], runbook: str, most: int, *, verify: bool = True) -> History:
    """Read the history of a runbook as `read_history` does; none when nothing was ever run."""
    try:
        journal = journal_of()
    except NoJournalError:
        return History()
    try:
        return read_history(journal, runbook, most, verify=verify)
    finally:
        journal.close()


def usual(history: History) -> dict[str, float]:
    """Give the seconds that a task of each step took in half of the cases."""
    return {step: share_of(seconds, 0.5) for step, seconds in history.seconds.items()}


def durations(events: Iterable[StoredEvent]) -> list[tuple[str, float]]:
    """Give the step and the seconds of each task that ended well.

    What was asked of people lasts from the first question to the answer that decided, whether or not the run was being
    advanced meanwhile; a window lasts until it opens. Anything else lasts as long as its attempts together: what lay
    between two of them is left out, for in a resumed run that may be a night. What was skipped took no time that
    anything could be learnt from. An answer that does not count took none either.
    """
    asked: dict[str, _Asked] = {}
    worked: dict[str, float] = {}
    ended: dict[str, float] = {}
    answers = CountedAnswers()
    for stored in map(answers.counted, events):
        event = stored.event
        match event:
            case GateOpened():
                before = asked.get(event.task)
                decided = ended.pop(event.task, None) is not None
                since = before.since if before is not None and not decided else stored.time
                asked[event.task] = _Asked(since, event.opens_at, event.quorum)
            case GateDeclined() | GateExpired() | ManualAnswered(passed=False):
                asked.pop(event.task, None)  # if it is asked again, that is another question
            case GateApproved() | ManualAnswered() if event.task in asked:
                gate = asked[event.task]
                gate.answered.add(event.person)
                if len(gate.answered) >= gate.quorum:
                    ended.setdefault(event.task, _seconds(gate.since, stored.time))
            case AttemptFinished() if event.task in asked:
                # The engine's own look at what was answered is no work; a window ends by nothing else.
                gate = asked[event.task]
                if gate.opens_at is not None and event.outcome.ended_well:
                    ended[event.task] = _seconds(gate.since, min(gate.opens_at, stored.time))
            case AttemptFinished():
                worked[event.task] = worked.get(event.task, 0.0) + event.seconds
                if event.outcome.ended_well and not event.in_doubt:
                    ended[event.task] = worked[event.task]
            case _:
                continue
    return [(step_of(task), seconds) for task, seconds in ended.items()]


@dataclass(slots=True)
class _Asked:
    """A question to people, or (`opens_at`) a wait for a time; `since` counts from the first time it was put."""

    since: datetime
    opens_at: datetime | None
    quorum: int
    answered: set[str] = field(default_factory=set)


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
