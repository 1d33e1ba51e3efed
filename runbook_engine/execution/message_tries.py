"""The tries to send messages: which are on their way, how they ended, when they are made again."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from runbook_engine.execution.loop_tools import RunTools
from runbook_engine.execution.message_orders import message_order
from runbook_engine.execution.message_state import OwedMessage
from runbook_engine.execution.parameters import not_valid
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.expressions.errors import KnownAfterApplyError
from runbook_engine.expressions.render import KNOWN_AFTER_APPLY
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import MessageFailed, MessageSent, MessageShown
from runbook_engine.model.event_message import MessageKind
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding
from runbook_engine.model.plan import Channel, PlannedCommunication
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport

KINDS: tuple[MessageKind, ...] = ("first", "update", "resolved")
_FIRST_DELAY, _LONGEST_DELAY = 5.0, 60.0
_TRIES_OF_PART = 3  # where some have it and a server goes on to refuse others


@dataclass(slots=True)
class _Way:
    """What this process did about an audience's newest message in one of its ways."""

    tries: int = 0
    retry_at: float = 0.0


@dataclass(slots=True)
class _Tried:
    """What this process did about an audience's newest message; its ways by their numbers."""

    began: float | None = None
    ways: dict[int, _Way] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    """One way of one message that is being sent."""

    talk: PlannedCommunication
    what: MessageKind
    sequence: int
    call: int
    channel: Channel
    number: int = 1
    doubtful: bool = False

    @property
    def action(self) -> str:
        """Name the action that sends it."""
        return self.channel[0]


class MessageTries:
    """Makes the tries; a try that failed is made again after 5 s, 10 s, … at most every minute.

    Each way has its own tries: none waits for another one. Of one channel only one message is on its way, so that what
    was said first arrives first; the newer one follows when the older has arrived, failed or run out of time.
    """

    def __init__(self, state: RunState, tools: RunTools, recorder: Recorder, *, is_dry: bool) -> None:
        self._state = state
        self._is_dry = is_dry
        self._tools = tools
        self._recorder = recorder
        self._tried: dict[str, _Tried] = {}
        self._flights: dict[str, _Flight] = {}
        self._orders: list[AttemptOrder] = []
        self._shown: dict[_Flight, MessageShown | None] = {}
        self._vague: set[_Flight] = set()
        self.unsendable = 0

    @property
    def in_flight(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._flights)

    def has_place(self, talk: PlannedCommunication, what: MessageKind) -> bool:
        """Whether a message of a kind could begin in one of its ways: not all channels have something on its way."""
        channels = talk.channels(what)
        return not channels or not self._busy(talk.name).issuperset(channels)

    def tried(self, audience: str) -> bool:
        """Whether this process tried to send the audience's newest message."""
        return any(way.tries for way in self._of(audience).ways.values())

    def began(self, audience: str) -> float:
        """Give the monotonic time at which this process began the audience's message; now, if it did not."""
        began = self._of(audience).began
        return self._tools.clock.monotonic() if began is None else began

    def retry_at(self, talk: PlannedCommunication, owed: OwedMessage, *, again: bool = True) -> float | None:
        """Give the monotonic time of the next try in any way; None while all that is left is on its way.

        Args:
            again: whether ways that were tried are tried again.
        """
        ways, busy, channels = self._of(talk.name).ways, self._busy(talk.name), talk.channels(owed.due.what)
        free = (ways.get(call, _Way()) for call in owed.left if channels[call] not in busy)
        return min((way.retry_at for way in free if again or not way.tries), default=None)

    def is_hopeless(self, audience: str, owed: OwedMessage) -> bool:
        """Whether every way that is left was refused for good."""
        ways = self._of(audience).ways
        return all(call in ways and ways[call].retry_at == math.inf for call in owed.left)

    def begin(self, audience: str) -> None:
        """Begin a message."""
        self._tried[audience] = _Tried(began=self._tools.clock.monotonic())

    def make(self, talk: PlannedCommunication, owed: OwedMessage, *, again: bool = True) -> None:
        """Order a try in each way in which the message is not sent yet, and whose time has come."""
        tried, busy, channels = self._of(talk.name), self._busy(talk.name), talk.channels(owed.due.what)
        tried.began, now = self.began(talk.name), self._tools.clock.monotonic()
        for call in owed.left:
            way = tried.ways.setdefault(call, _Way())
            if channels[call] in busy or now < way.retry_at or (way.tries and not again):
                continue
            way.tries += 1
            way.retry_at = now + min(_FIRST_DELAY * 2.0 ** min(way.tries - 1, 10), _LONGEST_DELAY)
            doubtful = call in owed.doubtful
            flight = _Flight(talk, owed.due.what, owed.due.sequence, call, channels[call], way.tries, doubtful)
            try:
                order = self._order(flight, owed.due.text, owed.recorded.get(call, {}))
            except RunbookError as error:
                self._failed(flight, f"{error.message} ({error.hint})" if error.hint else error.message, owed=owed)
                continue
            self._flights[order.task] = flight
            self._orders.append(order)

    def show(self, talks: Sequence[PlannedCommunication]) -> None:
        """Order that each message is shown, in each of its ways."""
        for talk in talks:
            for sequence, what in enumerate(KINDS, 1):
                for call, channel in enumerate(talk.channels(what)):
                    self._order_to_show(_Flight(talk, what, sequence, call, channel))
        self._tell_shown()

    def _order_to_show(self, flight: _Flight) -> None:
        self._shown[flight] = None
        try:
            order = self._order(flight, "", {})
        except KnownAfterApplyError as unknown:
            self._show(flight, None, "", summary=f"depends on {unknown.reference}, known after apply")
        except RunbookError as error:
            self._show(flight, None, f"{error.message} ({error.hint})" if error.hint else error.message)
        else:
            self._flights[order.task] = flight
            self._orders.append(order)
            if KNOWN_AFTER_APPLY in json.dumps(order.parameters, ensure_ascii=False):
                self._vague.add(flight)

    def submit(self) -> None:
        """Hand the orders over."""
        for order in self._orders:
            self._tools.dispatcher.submit(order)
        self._orders.clear()

    def talk_of(self, report: AttemptReport) -> PlannedCommunication | None:
        """Tell whose message a report is about; None when it is about a task."""
        flight = self._flights.get(report.task)
        return flight.talk if flight is not None else None

    def take(self, report: AttemptReport) -> None:
        """Write down how a try ended."""
        flight = self._flights.pop(report.task)
        if self._is_dry:
            # Parameters that only a run knows may not look like what they will be; all else that fails is a problem.
            if flight in self._vague and report.error.startswith(not_valid(flight.action)):
                self._show(flight, None, "", summary=f"depends on what is known after apply: {report.error}")
            else:
                self._show(flight, report.finding, report.error)
            self._tell_shown()
            return
        owed = self._state.messages.of(flight.talk.name).owed
        if owed is not None and owed.due.sequence != flight.sequence:
            owed = None  # another one took its place meanwhile; how this one ended is written down all the same
        accepted = report.outputs.get("accepted")
        some = isinstance(accepted, list) and bool(accepted)
        # Those that a server refuses are given up in the end; those that nobody tried are not.
        is_refused = some and not report.in_doubt and not report.outputs.get("left")
        if report.outcome.ended_well or (is_refused and (flight.number >= _TRIES_OF_PART or report.for_good)):
            self._sent(flight, report)
            return
        error = report.error
        if report.for_good:
            error = f"{error}; refused for good, and not tried again before the next message"
            if owed is not None:
                self._of(flight.talk.name).ways.setdefault(flight.call, _Way()).retry_at = math.inf
        self._failed(flight, error, owed=owed, report=report)

    def _order(self, flight: _Flight, text: str, recorded: JsonObject) -> AttemptOrder:
        # The silence that it promises counts from when it is there, which is no earlier than now.
        next_by = self._tools.clock.now() + timedelta(seconds=flight.talk.every)
        return message_order(
            self._tools.orders,
            flight.talk,
            flight.call,
            what=flight.what,
            sequence=flight.sequence,
            number=flight.number,
            text=text,
            next_by=next_by if flight.what != "resolved" else None,
            recorded=recorded,
        )

    def _busy(self, audience: str) -> set[Channel]:
        return {flight.channel for flight in self._flights.values() if flight.talk.name == audience}

    def _sent(self, flight: _Flight, report: AttemptReport) -> None:
        accepted, refused = report.outputs.get("accepted"), report.outputs.get("refused")
        self._recorder.add(
            MessageSent(
                audience=flight.talk.name,
                sequence=flight.sequence,
                channel=flight.action,
                recipients=tuple(map(str, accepted)) if isinstance(accepted, list | tuple) else (),
                call=flight.call,
                refused={who: str(why) for who, why in refused.items()} if isinstance(refused, dict) else {},
                doubtful=flight.doubtful,
            )
        )

    def _failed(
        self, flight: _Flight, error: str, *, owed: OwedMessage | None, report: AttemptReport | None = None
    ) -> None:
        """Write a failure down, once for as long as it is the same: a server may be away for hours."""
        in_doubt = report is not None and report.in_doubt
        recorded = report.outputs if report is not None and report.outputs else {}
        if owed is not None:
            same = owed.errors.get(flight.call) == error and owed.recorded.get(flight.call, {}) == recorded
            if same and (not in_doubt or flight.call in owed.doubtful):
                return
        self._recorder.add(
            MessageFailed(
                audience=flight.talk.name,
                sequence=flight.sequence,
                channel=flight.action,
                call=flight.call,
                error=error,
                in_doubt=in_doubt,
                recorded=recorded,
            )
        )

    def _show(self, flight: _Flight, finding: Finding | None, problem: str, summary: str = "") -> None:
        self.unsendable += bool(problem)
        self._shown[flight] = MessageShown(
            audience=flight.talk.name,
            what=flight.what,
            channel=flight.action,
            summary=finding.summary if finding else summary,
            changes=finding.changes if finding else (),
            problem=problem,
        )

    def _tell_shown(self) -> None:
        """Write down what is shown when all of it is there, in the order in which it would be sent."""
        if not self._flights:
            for shown in self._shown.values():
                if shown is not None:
                    self._recorder.add(shown)
            self._shown.clear()

    def _of(self, audience: str) -> _Tried:
        found = self._tried.get(audience)
        if found is None:
            found = self._tried[audience] = _Tried()
        return found
