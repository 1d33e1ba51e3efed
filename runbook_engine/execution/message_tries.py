"""The tries to send messages: which are on their way, how they ended, when they are made again."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runbook_engine.execution.loop_tools import RunTools
from runbook_engine.execution.message_orders import message_order
from runbook_engine.execution.message_state import OwedMessage
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.expressions.errors import KnownAfterApplyError
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import MessageFailed, MessageSent, MessageShown
from runbook_engine.model.event_message import MessageKind
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding
from runbook_engine.model.plan import PlannedCommunication
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport

KINDS: tuple[MessageKind, ...] = ("first", "update", "resolved")
_FIRST_DELAY, _LONGEST_DELAY = 5.0, 60.0
_TRIES_OF_PART = 3  # where some have it and a server goes on to refuse others


@dataclass(slots=True)
class _Tried:
    """What this process did about an audience's newest message."""

    began: float | None = None
    tries: int = 0
    retry_at: float = 0.0
    sending: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    """One way of one message that is being sent."""

    talk: PlannedCommunication
    what: MessageKind
    sequence: int
    call: int
    action: str


class MessageTries:
    """Makes the tries; a try that failed is made again after 5 s, 10 s, … at most every minute."""

    def __init__(self, state: RunState, tools: RunTools, recorder: Recorder, *, is_dry: bool) -> None:
        self._state = state
        self._is_dry = is_dry
        self._tools = tools
        self._recorder = recorder
        self._tried: dict[str, _Tried] = {}
        self._flights: dict[str, _Flight] = {}
        self._orders: list[AttemptOrder] = []
        self._shown: dict[_Flight, MessageShown | None] = {}

    @property
    def in_flight(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._flights)

    def is_sending(self, audience: str) -> bool:
        """Whether a message to an audience is on its way."""
        return bool(self._of(audience).sending)

    def tried(self, audience: str) -> bool:
        """Whether this process tried to send the audience's newest message."""
        return self._of(audience).tries > 0

    def began(self, audience: str) -> float:
        """Give the monotonic time at which this process began the audience's message; now, if it did not."""
        began = self._of(audience).began
        return self._tools.clock.monotonic() if began is None else began

    def is_due(self, audience: str) -> bool:
        """Whether it is time for another try."""
        return self._tools.clock.monotonic() >= self._of(audience).retry_at

    def retry_at(self, audience: str) -> float:
        """Give the monotonic time of the next try."""
        return self._of(audience).retry_at

    def begin(self, audience: str) -> None:
        """Begin a message."""
        self._tried[audience] = _Tried(began=self._tools.clock.monotonic())

    def make(self, talk: PlannedCommunication, owed: OwedMessage) -> None:
        """Order a try in each way in which the message is not sent yet."""
        tried = self._of(talk.name)
        tried.tries += 1
        tried.began = self.began(talk.name)
        delay = min(_FIRST_DELAY * 2.0 ** min(tried.tries - 1, 10), _LONGEST_DELAY)
        tried.retry_at = self._tools.clock.monotonic() + delay
        for call in owed.left:
            flight = _Flight(talk, owed.due.what, owed.due.sequence, call, talk.calls(owed.due.what)[call].name)
            try:
                order = self._order(flight, owed.due.text, owed.recorded.get(call, {}), number=tried.tries)
            except RunbookError as error:
                self._failed(flight, f"{error.message} ({error.hint})" if error.hint else error.message, owed=owed)
                continue
            tried.sending.add(call)
            self._flights[order.task] = flight
            self._orders.append(order)

    def show(self, talks: Sequence[PlannedCommunication]) -> None:
        """Order that each message is shown, in each of its ways."""
        for talk in talks:
            for sequence, what in enumerate(KINDS, 1):
                for call, written in enumerate(talk.calls(what)):
                    self._order_to_show(_Flight(talk, what, sequence, call, written.name))
        self._tell_shown()

    def _order_to_show(self, flight: _Flight) -> None:
        self._shown[flight] = None
        try:
            order = self._order(flight, "", {}, number=1)
        except KnownAfterApplyError as unknown:
            self._show(flight, None, f"depends on {unknown.reference}, known after apply")
        except RunbookError as error:
            self._show(flight, None, error.message)
        else:
            self._flights[order.task] = flight
            self._orders.append(order)

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
        tried = self._of(flight.talk.name)
        tried.sending.discard(flight.call)
        if self._is_dry:
            self._show(flight, report.finding, report.error)
            self._tell_shown()
            return
        owed = self._state.messages.of(flight.talk.name).owed
        if owed is None or owed.due.sequence != flight.sequence:
            return
        accepted = report.outputs.get("accepted")
        some = isinstance(accepted, list) and bool(accepted)
        # Those that a server refuses are given up in the end; those that nobody tried are not.
        is_refused = some and not report.in_doubt and not report.outputs.get("left")
        if report.outcome.ended_well or (is_refused and tried.tries >= _TRIES_OF_PART):
            self._sent(flight, report, owed)
        else:
            self._failed(flight, report.error, owed=owed, report=report)

    def _order(self, flight: _Flight, text: str, recorded: JsonObject, *, number: int) -> AttemptOrder:
        audience = self._state.messages.of(flight.talk.name)
        return message_order(
            self._tools.orders,
            flight.talk,
            flight.call,
            what=flight.what,
            sequence=flight.sequence,
            number=number,
            text=text,
            next_by=audience.next_due if flight.what != "resolved" else None,
            recorded=recorded,
        )

    def _sent(self, flight: _Flight, report: AttemptReport, owed: OwedMessage) -> None:
        accepted, refused = report.outputs.get("accepted"), report.outputs.get("refused")
        self._recorder.add(
            MessageSent(
                audience=flight.talk.name,
                sequence=flight.sequence,
                channel=flight.action,
                recipients=tuple(map(str, accepted)) if isinstance(accepted, list | tuple) else (),
                call=flight.call,
                refused={who: str(why) for who, why in refused.items()} if isinstance(refused, dict) else {},
                doubtful=flight.call in owed.doubtful,
            )
        )

    def _failed(self, flight: _Flight, error: str, *, owed: OwedMessage, report: AttemptReport | None = None) -> None:
        """Write a failure down, once for as long as it is the same: a server may be away for hours."""
        in_doubt = report is not None and report.in_doubt
        recorded = report.outputs if report is not None and report.outputs else {}
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

    def _show(self, flight: _Flight, finding: Finding | None, problem: str) -> None:
        self._shown[flight] = MessageShown(
            audience=flight.talk.name,
            what=flight.what,
            channel=flight.action,
            summary=finding.summary if finding else "",
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
