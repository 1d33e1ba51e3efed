"""The messages that a run owes: begins each in time, records those that were missed, and ends when all is said."""

from collections.abc import Callable
from datetime import datetime, timedelta

from runbook_engine.execution.loop_tools import RunOptions, RunTools
from runbook_engine.execution.message_state import AudienceState, OwedMessage
from runbook_engine.execution.message_tries import MessageTries
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import MessageDue, MessageMissed
from runbook_engine.model.event_message import MessageKind
from runbook_engine.model.local_time import local_deadline
from runbook_engine.model.outcome import Mode
from runbook_engine.model.plan import Plan, PlannedCommunication
from runbook_engine.ports.dispatcher import AttemptReport

EndedWell = Callable[[str], bool | None]
_LAST_TRIES = 60.0  # seconds for which the end of a run waits for a message that can't be sent
_MOST_AHEAD = timedelta(seconds=30)


class Messages:
    """Looks, in each turn of the loop, whether an audience is to be told something.

    A message is begun a little before the promised silence is over, and tried until the next one takes its place.
    Whatever the run waits for, they are sent: a pause, a hold and a gate keep tasks from starting, not people from
    being told. Its attempts have places of their own besides the run's forks.
    """

    def __init__(self, plan: Plan, state: RunState, tools: RunTools, options: RunOptions, recorder: Recorder) -> None:
        self._talks = plan.communications
        self._state = state
        self._clock = tools.clock
        self._interrupts = tools.interrupts
        self._recorder = recorder
        self._is_dry = options.mode is Mode.DRY_RUN
        self._tries = MessageTries(state, tools, recorder, is_dry=self._is_dry)
        self._shown = not self._talks
        # Of each audience the end of a silence, by the wall clock and by the one that nobody can set.
        self._ends: dict[str, tuple[datetime, float]] = {}
        # Audiences whose next message has to wait: each of its channels has something on its way.
        self._blocked: set[str] = set()
        self._over_since: float | None = None

    @property
    def in_flight(self) -> bool:
        """Whether a message is being sent."""
        return self._tries.in_flight

    @property
    def unsendable(self) -> int:
        """How many of the messages that a dry run showed could not be sent."""
        return self._tries.unsendable

    @property
    def pending(self) -> bool:
        """Whether the run's end, or its stop, is to wait: a message is being sent, or its time came just now."""
        if self._tries.in_flight:
            return True
        now = self._clock.monotonic()
        return not self._interrupts.count and any(
            owed is not None
            and now < self._tries.began(talk.name) + _LAST_TRIES
            and not self._tries.is_hopeless(talk.name, owed)
            for talk in self._talks
            for owed in [self._state.messages.of(talk.name).owed]
        )

    @property
    def next_at(self) -> float | None:
        """Give the monotonic time at which something is to be looked at; None when nothing waits for a time."""
        if self._interrupts.count or self._is_dry:
            return None
        return min((at for talk in self._talks if (at := self._next(talk)) is not None), default=None)

    def turn(self, ended_well: EndedWell = lambda _: None, *, over: bool = False) -> None:
        """Begin what is to be said now, and record what was not said in time; `submit` sends it.

        Args:
            ended_well: whether a step ended well; None while nobody knows.
            over: every task has ended; a dry run shows its messages then, and others wait for theirs for a minute.
        """
        if not over:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = self._clock.monotonic()
        if self._interrupts.count:
            return
        if self._is_dry:
            if over and not self._shown:
                self._shown = True
                self._tries.show(self._talks)
            return
        for talk in self._talks:
            self._look(talk, self._state.messages.of(talk.name), ended_well)

    def waiting(self) -> str:
        """Say who waits for a message that nobody sends while the run stands still; empty when nobody does."""
        told = [
            f"{name} by {local_deadline(one.next_due, self._clock.now(), seconds=True)}"
            for name, one in self._state.messages.open()
            if one.next_due is not None and not self._is_dry
        ]
        return f"; who is owed a message: {', '.join(told)}" if told else ""

    def submit(self) -> None:
        """Hand over what is to be sent, after the flush that says so."""
        self._tries.submit()

    def take(self, report: AttemptReport) -> bool:
        """Take note of how a try ended; false when the report is of a task."""
        talk = self._tries.talk_of(report)
        if talk is None:
            return False
        audience = self._state.messages.of(talk.name)
        if audience.owed is not None:
            self._record_missed(talk, audience, audience.owed)
        self._tries.take(report)
        return True

    def close(self, status: str) -> None:
        """Record what will not be said, for the run is over."""
        if self._is_dry:
            return
        for talk in self._talks:
            audience = self._state.messages.of(talk.name)
            if not audience.begun or audience.resolved:
                continue
            by = f", by {audience.next_due.isoformat(timespec='seconds')}" if audience.next_due else ""
            reason = f"the run ended ({status}) and they wait for another message{by}: nobody sends it"
            owed = audience.owed
            if owed is not None and owed.due.what == "resolved" and owed.spoken_at is not None:
                self._miss(talk, owed.due.sequence, f"the run ended ({status}): not sent in every way; {_error(owed)}")
            elif owed is None or owed.spoken_at is not None:
                self._miss(talk, audience.sequence + 1, reason)
            elif not owed.missed:
                self._miss(talk, owed.due.sequence, f"{reason}; {_error(owed)}")

    def _look(self, talk: PlannedCommunication, audience: AudienceState, ended_well: EndedWell) -> None:
        if audience.resolved:
            return
        owed = audience.owed
        if owed is not None:
            self._record_missed(talk, audience, owed)
        self._blocked.discard(talk.name)
        what: MessageKind | None = None
        if audience.begun:
            what = self._next_kind(talk, audience, ended_well)
        elif ended_well(talk.begins):
            what = "first"
        is_wanted = what != "update" or bool(audience.said) or self._goes_on(self._over_since)
        if what is not None and is_wanted and self._tries.has_place(talk, what):
            self._begin(talk, audience, what)
            return
        if what is not None:
            self._blocked.add(talk.name)
        if owed is None:
            return
        again = self._goes_on(self._tries.began(talk.name))
        at = self._tries.retry_at(talk, owed, again=again)
        if at is not None and self._clock.monotonic() >= at:
            self._tries.make(talk, owed, again=again)

    def _goes_on(self, since: float | None) -> bool:
        """Whether what began then is tried again: the end of a run waits for it only so long."""
        return self._over_since is None or since is None or self._clock.monotonic() < since + _LAST_TRIES

    def _next_kind(
        self, talk: PlannedCommunication, audience: AudienceState, ended_well: EndedWell
    ) -> MessageKind | None:
        """Tell which message is to be begun now, perhaps in place of one that could not be sent; None when none is."""
        owed = audience.owed
        is_last = owed is not None and owed.due.what == "resolved"
        if is_last or (
            owed is not None and owed.due.what == "first" and not owed.spoken_at and not self._is_near(talk)
        ):
            return None
        if ended_well(talk.until):
            return "resolved"
        return "update" if audience.said or self._is_near(talk) else None

    def _is_near(self, talk: PlannedCommunication) -> bool:
        """Whether the silence that is promised now is nearly over."""
        due = self._state.messages.of(talk.name).next_due
        return due is not None and self._seconds_left(talk, due) <= _ahead(talk).total_seconds()

    def _begin(self, talk: PlannedCommunication, audience: AudienceState, what: MessageKind) -> None:
        """Begin a message: in writing first."""
        owed, every = audience.owed, timedelta(seconds=talk.every)
        due = audience.next_due or self._clock.now() + every
        if owed is not None and owed.spoken_at is None and not owed.missed:
            due = owed.due.due_at  # it takes the place of one that was not sent, and ends the same silence
        unsent = [owed.due.text] if owed is not None and owed.due.text else []
        kind: MessageKind = "first" if what == "update" and not audience.sent and audience.spoken_at is None else what
        self._recorder.add(
            MessageDue(
                audience=talk.name,
                sequence=audience.sequence + 1,
                due_at=due,
                what=kind,
                calls=len(talk.calls(kind)),
                every=talk.every,
                text="\n\n".join([*unsent, *audience.said]),
                said=len(audience.said),
            )
        )
        if audience.owed is not None:
            self._record_missed(talk, audience, audience.owed)
            self._tries.begin(talk.name)
            self._tries.make(talk, audience.owed)

    def _record_missed(self, talk: PlannedCommunication, audience: AudienceState, owed: OwedMessage) -> None:
        """Record each message whose time is over: of the owed one, or where that was heard, of the one after it."""
        heard = owed.spoken_at is not None and audience.next_due is not None
        end = audience.next_due if heard and audience.next_due is not None else owed.due.due_at
        sequence, missed = (audience.sequence + 1, audience.foretold) if heard else (owed.due.sequence, owed.missed)
        late = -self._seconds_left(talk, end)
        if late <= 0:
            return
        due = 1 + int(late // talk.every)
        if due > missed:
            where = "nobody advanced the run" if not self._tries.tried(talk.name) else _error(owed)
            since = audience.spoken_at.isoformat(timespec="seconds") if audience.spoken_at else "the beginning"
            self._miss(talk, sequence, f"silence since {since}: {where}", count=due - missed)

    def _miss(self, talk: PlannedCommunication, sequence: int, reason: str, count: int = 1) -> None:
        self._recorder.add(MessageMissed(audience=talk.name, sequence=sequence, reason=reason, count=count))

    def _seconds_left(self, talk: PlannedCommunication, end: datetime) -> float:
        """Give the time to the end of a silence, by the clock that has less of it: one may be set, the other sleeps."""
        now, wall = self._clock.monotonic(), (end - self._clock.now()).total_seconds()
        known = self._ends.get(talk.name)
        if known is None or known[0] != end:
            # A journal from a machine whose clock ran ahead must not keep people waiting for longer than promised.
            known = self._ends[talk.name] = (end, now + min(wall, talk.every))
        return min(wall, known[1] - now)

    def _next(self, talk: PlannedCommunication) -> float | None:
        audience = self._state.messages.of(talk.name)
        owed = audience.owed
        if audience.resolved or audience.next_due is None:
            return None
        times = []
        if owed is not None:
            times.append(self._tries.retry_at(talk, owed, again=self._goes_on(self._tries.began(talk.name))))
        if talk.name not in self._blocked and (owed is None or owed.due.what != "resolved"):
            left = self._seconds_left(talk, audience.next_due)
            times.append(self._clock.monotonic() + left - _ahead(talk).total_seconds())
        return min((at for at in times if at is not None), default=None)


def _ahead(talk: PlannedCommunication) -> timedelta:
    """Give how long before the end of the silence a message is begun, so that it is there when that is over."""
    return min(timedelta(seconds=talk.every / 10), _MOST_AHEAD)


def _error(owed: OwedMessage) -> str:
    return "; ".join(dict.fromkeys(owed.errors.values())) or "it is still being sent"
