"""The fold of the messages that a run owes: what each audience was sent, what it is owed, what was said for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runbook_engine.model.event import Event, MessageDue, MessageFailed, MessageMissed, MessageSaid, MessageSent
from runbook_engine.model.json import JsonObject


@dataclass(slots=True)
class OwedMessage:
    """A message that was begun and is not sent in all its ways.

    Attributes:
        sent: its ways (by number) that are done; `spoken_at` is when the first of them was.
        errors: how the last try of each way failed.
        recorded: what earlier tries of each way did.
        doubtful: ways that an earlier try may have done all the same.
        missed: how many messages are recorded as missed in the silence that it ends.
    """

    due: MessageDue
    sent: set[int] = field(default_factory=set)
    spoken_at: datetime | None = None
    errors: dict[int, str] = field(default_factory=dict)
    recorded: dict[int, JsonObject] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    missed: int = 0

    @property
    def left(self) -> list[int]:
        """Number the ways that are still to be done."""
        return [call for call in range(self.due.calls) if call not in self.sent]


@dataclass(slots=True)
class AudienceState:
    """What an audience was told.

    Attributes:
        sequence: number of the newest message; 0 before the first.
        sent: how many messages went out; `spoken_at` is when the newest of them did.
        next_due: the end of the promised silence, for the message after the owed one.
        said: operators' words that no message carries yet.
        resolved: the last message is out; nothing more is owed.
        missed: how many messages were not sent in time; `foretold` of them before they were begun.
    """

    every: timedelta = timedelta()
    sequence: int = 0
    sent: int = 0
    spoken_at: datetime | None = None
    next_due: datetime | None = None
    owed: OwedMessage | None = None
    said: list[str] = field(default_factory=list)
    resolved: bool = False
    missed: int = 0
    foretold: int = 0

    @property
    def begun(self) -> bool:
        """Whether there was anything to tell yet."""
        return self.sequence > 0


class MessagesState:
    """What a run's events say of its messages, by audience."""

    def __init__(self) -> None:
        self.audiences: dict[str, AudienceState] = {}

    def of(self, audience: str) -> AudienceState:
        """Give an audience's state."""
        found = self.audiences.get(audience)
        if found is None:
            found = self.audiences[audience] = AudienceState()
        return found

    def open(self) -> Iterator[tuple[str, AudienceState]]:
        """Give the audiences that wait for another message."""
        return ((name, one) for name, one in self.audiences.items() if one.begun and not one.resolved)

    def another_process(self) -> None:
        """Take note that another process advances the run: what it finds begun may have been sent."""
        for audience in self.audiences.values():
            if audience.owed is not None:
                audience.owed.doubtful.update(audience.owed.left)

    def apply(self, event: Event, time: datetime) -> None:
        """Take note of an event."""
        match event:
            case MessageDue():
                _begin(self.of(event.audience), event)
            case MessageSent():
                _sent(self.of(event.audience), event, time)
            case MessageFailed():
                _failed(self.of(event.audience).owed, event)
            case MessageMissed():
                _missed(self.of(event.audience), event)
            case MessageSaid():
                for name in event.audiences:
                    self.of(name).said.append(event.text)
            case _:
                return  # the other kinds, what a dry run shows among them, are records for people


def _begin(audience: AudienceState, event: MessageDue) -> None:
    audience.owed = OwedMessage(event, missed=audience.foretold)
    audience.sequence, audience.foretold = event.sequence, 0
    audience.every = timedelta(seconds=event.every)
    audience.next_due = event.due_at + audience.every
    del audience.said[: event.said]
    if not event.calls:
        audience.owed, audience.resolved = None, event.what == "resolved"


def _failed(owed: OwedMessage | None, event: MessageFailed) -> None:
    if owed is None or owed.due.sequence != event.sequence:
        return
    owed.errors[event.call] = event.error
    if event.recorded:
        owed.recorded[event.call] = event.recorded
    if event.in_doubt:
        owed.doubtful.add(event.call)


def _missed(audience: AudienceState, event: MessageMissed) -> None:
    audience.missed += event.count
    owed = audience.owed
    if owed is None or owed.due.sequence != event.sequence:
        audience.foretold += event.count
        return
    owed.missed += event.count
    if owed.spoken_at is None:
        audience.next_due = owed.due.due_at + audience.every * owed.missed


def _sent(audience: AudienceState, event: MessageSent, time: datetime) -> None:
    owed = audience.owed
    if owed is None or owed.due.sequence != event.sequence:
        return
    owed.sent.add(event.call)
    owed.errors.pop(event.call, None)
    if owed.spoken_at is None:
        # The silence is counted from the first of them: whoever hears of the message in that way alone waits from then.
        owed.spoken_at = audience.spoken_at = time
        audience.next_due = time + audience.every
    if not owed.left:
        audience.sent += 1
        audience.owed = None
        audience.resolved = owed.due.what == "resolved"
