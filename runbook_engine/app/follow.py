"""The use case `watch`: follow a run that another process drives, until that process ends its part of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from runbook_engine.app.run_requests import RunResult
from runbook_engine.app.undo import taken_back_by
from runbook_engine.execution.live_board import last_line
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.event import (
    INTERRUPTED,
    AttemptFinished,
    AttemptStarted,
    LeaseLost,
    LeaseTaken,
    RevertDue,
    RunClosed,
    StoredEvent,
)
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptProgress
from runbook_engine.ports.journal import Journal

_LOOK_SECONDS = 0.25
_HEARD_SECONDS = 0.9  # where the store tells by itself, which can get lost; and of leases it tells nothing
_PATIENCE_SECONDS = 30.0
_FOLLOWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Followed:
    """How the part of a run ended that was followed.

    Attributes:
        abandoned: the process that drove it ended without a word, or nobody ever drove it.
        reverts: a step failed for which the whole run is taken back, by a run of its own.
    """

    result: RunResult
    abandoned: bool
    reverts: bool = False


Said = Callable[[AttemptProgress], None]


def follow(
    journal: Journal,
    run: str,
    clock: Clock,
    tell: Callable[[StoredEvent], None],
    warn: Callable[[str], None],
    said: Said | None = None,
) -> Followed:
    """Tell each event of a run, from its first one and as they come, until nobody advances it any more.

    Args:
        warn: is told once when the journal can't be read for the moment.
        said: is given what running attempts say, or put out last.

    Raises:
        JournalError: the journal can't be read, and that did not pass.
    """
    bell = _Bell()
    ears = journal.listen(run, bell.ring)
    try:
        talk = _Talk(journal, run, said)

        def heard(stored: StoredEvent) -> None:
            talk.take(stored)
            tell(stored)

        return _followed(journal, run, clock, bell if ears is not None else None, heard, warn, talk)
    finally:
        if ears is not None:
            ears.close()


class _Bell:
    """Rings when the store tells of something new; each turn has a signal of its own, made before it looks."""

    def __init__(self) -> None:
        self._signal = CancelSignal()

    def ring(self, _seq: int) -> None:
        """There is something new, or may be."""
        self._signal.set()

    def fresh(self) -> CancelSignal:
        """Give the signal of what comes from now on."""
        self._signal = CancelSignal()
        return self._signal


class _Talk:
    """What running attempts say, told when it is new."""

    def __init__(self, journal: Journal, run: str, said: Said | None) -> None:
        self._journal, self._run, self._said = journal, run, said
        self._running: dict[str, int] = {}
        self._mark = 0

    def take(self, stored: StoredEvent) -> None:
        """Take note of which attempts run."""
        match stored.event:
            case AttemptStarted(task=task, number=number):
                self._running[task] = number
            case AttemptFinished(task=task):
                self._running.pop(task, None)

    def look(self) -> None:
        """Tell what is new; of attempts that run, and not of what a process that was killed has left."""
        if self._said is None or not self._running or (mark := self._journal.shown_mark(self._run)) == self._mark:
            return
        self._mark = mark
        tails = self._journal.shown(self._run)
        for task, number in self._running.items():
            if line := last_line(one for one in tails if (one.task, one.number) == (task, number)):
                self._said(AttemptProgress(task, number, line))


def _followed(
    journal: Journal,
    run: str,
    clock: Clock,
    bell: _Bell | None,
    tell: Callable[[StoredEvent], None],
    warn: Callable[[str], None],
    talk: _Talk,
) -> Followed:
    seq, last, away_since, reverts = 0, None, None, False
    while True:
        signal = bell.fresh() if bell is not None else None
        try:
            # In this order: what the holder wrote before it gave the lease back is read then.
            held = journal.lease(f"run:{run}") is not None
            for stored in journal.read(run, after=seq) if journal.version(run) != seq else ():
                seq = stored.seq
                if isinstance(stored.event, LeaseTaken | LeaseLost | RunClosed):
                    last = stored.event
                reverts = reverts or isinstance(stored.event, RevertDue)
                tell(stored)
            talk.look()
        except JournalUnavailableError as error:
            if away_since is None:
                away_since = clock.monotonic()
                warn(f"the run can't be seen for the moment: {error.message}")
            elif clock.monotonic() - away_since > _PATIENCE_SECONDS:
                raise
            held = True
        else:
            away_since = None
        if isinstance(last, RunClosed) or not held:
            return replace(_ended(run, last), reverts=reverts)
        if signal is None:
            clock.sleep(_LOOK_SECONDS)
        else:
            clock.wait(signal, _HEARD_SECONDS)


def follower(journal: Journal, run: str, clock: Clock) -> str:
    """Give the run that takes a failed one back, and which the same process opens at once; empty when none comes.

    Raises:
        JournalError: the journal can't be read.
    """
    until = clock.monotonic() + _FOLLOWER_SECONDS
    while not (found := taken_back_by(journal, run)) and clock.monotonic() < until:
        clock.sleep(_LOOK_SECONDS)
    return found


def _ended(run: str, last: LeaseTaken | LeaseLost | RunClosed | None) -> Followed:
    match last:
        case RunClosed(status=status):
            return Followed(RunResult(run, status), abandoned=False)
        case LeaseLost(reason=reason):
            return Followed(RunResult(run, "interrupted" if reason == INTERRUPTED else "waiting"), abandoned=False)
        case _:
            return Followed(RunResult(run, "interrupted"), abandoned=True)
