"""Which refused answers are recorded: the first ones each, then fewer and fewer, so that nobody fills the journal."""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.model.event import AnswerRefused, GateOpened, StoredEvent

MOST_EACH = 5  # of a person to a question, recorded one by one
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 3600.0  # seconds between two that are recorded after that; each time twice as long
SOME_ONLY = "again and again: of these, only some are recorded"


@dataclass(slots=True)
class Refusals:
    """The refused answers that the journal has: how many and when the last one, by question and person."""

    _known: dict[str, dict[str, tuple[int, datetime]]] = field(default_factory=dict)

    def take(self, stored: StoredEvent) -> None:
        """Take note of an event; a gate that opens is a new question."""
        event = stored.event
        if isinstance(event, AnswerRefused):
            people = self._known.setdefault(event.task, {})
            people[event.person] = (people.get(event.person, (0, stored.time))[0] + 1, stored.time)
        elif isinstance(event, GateOpened):
            self._known.pop(event.task, None)

    def recorded(self, task: str, person: str, team: Container[str]) -> int:
        """Give how many refused answers of a person to a question are recorded."""
        return self._of(task, person, team)[0]

    def to_record(self, task: str, person: str, team: Container[str], now: datetime) -> bool:
        """Tell whether one more is to be recorded.

        Args:
            team: the names that team.yml has; who is not in it may call themselves anything, and all of them together
                count as one.
        """
        count, last = self._of(task, person, team)
        if count < MOST_EACH or last is None:
            return True
        wait = min(_FIRST_WAIT * 2.0 ** min(count - MOST_EACH, 10), _LONGEST_WAIT)
        # (A clock that was set back is no reason to record nothing until it is there again.)
        return not 0 <= (now - last).total_seconds() < wait

    def _of(self, task: str, person: str, team: Container[str]) -> tuple[int, datetime | None]:
        known = self._known.get(task, {})
        if person in team:
            return known.get(person, (0, None))
        others = [one for name, one in known.items() if name not in team]
        return sum(count for count, _ in others), max((last for _, last in others), default=None)
