"""Writes down what a person decided only if nobody else decided since they looked; of many at once, one is first."""

from collections.abc import Callable, Sequence

from runbook_engine.execution.state import RunState
from runbook_engine.model.counted import DECISIVE
from runbook_engine.model.errors import InvalidInputError, OvertakenError
from runbook_engine.model.event import Actor, Event, StoredEvent
from runbook_engine.ports.journal import Journal

_TRIES = 50  # decisions of others in between, not events of the run: those get in nobody's way

Decide = Callable[[RunState], Sequence[Event]]


def append_decided(journal: Journal, run: str, speaker: Actor, decide: Decide) -> list[StoredEvent]:
    """Record what a person decides about a run as it stands at that very moment.

    Args:
        decide: gives the events to record, or raises what tells the person that there is nothing to decide (any more).
            It is asked anew, with the state as it is then, when somebody else was faster.

    Raises:
        OvertakenError: others decided again and again; nothing was recorded.
        RunbookError: what `decide` raises; where somebody else was faster, it says who.
    """
    state = RunState(run, journal.read(run))
    faster: StoredEvent | None = None
    tries = 0
    while True:
        tries += 1
        try:
            events = decide(state)
        except InvalidInputError as error:
            if faster is None:
                raise
            said = f"{faster.actor.name} was faster ({faster.event.kind})"
            raise InvalidInputError(f"{error.message}: {said}", hint=error.hint) from error
        try:
            return journal.append(run, events, speaker, since=state.seq)
        except OvertakenError:
            if tries == _TRIES:
                raise
        about = {getattr(event, "task", None) for event in events}
        for stored in journal.read(run, after=state.seq):
            state.apply(stored)
            # What was decided about another task in between has not kept this from being decided.
            mine = getattr(stored.event, "task", None) in {None, *about}
            faster = stored if mine and stored.event.kind in DECISIVE else faster
