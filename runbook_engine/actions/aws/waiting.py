"""Waits for what AWS works on: with a deadline, jitter and progress in words, and not for what can't end."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsError,
    Change,
    DeadlineError,
    Finding,
    ServiceUnreachableError,
    format_duration,
    unsatisfied,
)

GONE_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at what AWS works on.

    Attributes:
        state: AWS's own word, such as `creating`.
        percent: how far it is, where the service says so.
        detail: what the service says of it besides, such as why it failed.
        item: the description itself.
    """

    state: str
    percent: float | None = None
    detail: str = ""
    item: AwsAnswer = field(default_factory=dict)


def wait_until(
    params: PolledParams,
    context: ActionContext,
    look: Callable[[], Seen | None],
    *,
    what: str,
    ready: Collection[str],
    terminal: Collection[str] = (),
    hint: str = "",
) -> Seen:
    """Look until the state is one of `ready`; give the last look.

    What is not shown yet is waited for: AWS shows what it made a while later. What was shown and is gone three looks in
    a row has failed. No answer, throttling and errors of the service's own are looked past until the deadline, since a
    look changes nothing.

    Args:
        look: gives what is seen, None when there is nothing.
        what: in words: `copy of snapshot daily`.
        terminal: states that do not end by themselves.
        hint: what to do about a terminal state.

    Raises:
        ActionFailedError: a terminal state, or it is gone.
        DeadlineError: time is over; what was begun may go on.
    """
    patience = _Patience(params, context, what)
    gone, shown = 0, False
    while True:
        seen, words = patience.look(look)
        if seen is not None:
            gone, shown = 0, True
            if seen.state in ready:
                return seen
            refuse_terminal(what, seen, terminal, hint=hint)
        elif shown and words == "":
            gone += 1
            if gone >= GONE_LOOKS:
                raise ActionFailedError(f"{what} was there and is gone", hint=hint)
        patience.wait(words or (in_words(seen) if seen is not None else "not shown yet"))


def wait_gone(params: PolledParams, context: ActionContext, look: Callable[[], Seen | None], *, what: str) -> None:
    """Look until there is nothing.

    Raises:
        DeadlineError: time is over.
    """
    patience = _Patience(params, context, what)
    while True:
        seen, words = patience.look(look)
        if seen is None and words == "":
            return
        patience.wait(words or (in_words(seen) if seen is not None else ""))


def refuse_terminal(what: str, seen: Seen, terminal: Collection[str], *, hint: str = "") -> None:
    """Fail for a state that does not end by itself.

    Raises:
        ActionFailedError: it is one.
    """
    if seen.state in terminal:
        detail = f": {seen.detail}" if seen.detail else ""
        raise ActionFailedError(f"{what} is {seen.state}, which does not end by itself{detail}", hint=hint)


def unsettled(
    what: str,
    seen: Seen,
    *,
    ready: Collection[str],
    terminal: Collection[str],
    hint: str = "",
    point: datetime | None = None,
    doing: str = "",
) -> Finding | None:
    """Say that something is there and not yet as it must be; None when it is.

    Args:
        what: in words: `image ami-0a`.
        ready: states in which it is; the first in order of the alphabet is told as what is waited for.
        point: the time that its data is from.
        doing: what AWS does with it: `copied`.

    Raises:
        ActionFailedError: a terminal state.
    """
    refuse_terminal(what, seen, terminal, hint=hint)
    if seen.state in ready:
        return None
    words = f"{what} is being {doing} ({in_words(seen)})" if doing else f"{what} is {in_words(seen)}"
    change = Change(what=f"{what} state", before=seen.state, after=min(ready))
    return unsatisfied(words, changes=(change,), recovery_point=point)


def in_words(seen: Seen) -> str:
    """Say how far it is: `43 %, copying`."""
    percent = "" if seen.percent is None else f"{seen.percent:.0f} %, "
    detail = f" ({seen.detail})" if seen.detail else ""
    return f"{percent}{seen.state}{detail}"


class _Patience:
    """One wait: its beginning, and its end by the action's own timeout."""

    def __init__(self, params: PolledParams, context: ActionContext, what: str) -> None:
        self._params, self._context, self._what = params, context, what
        self._began = context.clock.monotonic()

    def look(self, look: Callable[[], Seen | None]) -> tuple[Seen | None, str]:
        """Look once; gives what was seen, or in words why nothing could be."""
        try:
            return look(), ""
        except ServiceUnreachableError:
            return None, "AWS does not answer, looking again"
        except AwsError as error:
            if trouble(error) is not Trouble.TRANSIENT:
                raise
            return None, f"AWS says {error.code}, looking again"

    def wait(self, last: str) -> None:
        """Say how far it is and wait for the next look.

        Raises:
            DeadlineError: time is over; says what was seen last.
        """
        waited = self._context.clock.monotonic() - self._began
        words = format_duration(timedelta(seconds=round(waited)))
        self._context.progress(f"{self._what}: {last}, {words}")
        pause = self._params.poll.total_seconds()
        if self._params.timeout is not None:
            left = self._params.timeout.total_seconds() - waited
            if left <= 0:
                raise DeadlineError(
                    f"{self._what}: not done after {words}, last seen: {last}",
                    hint="AWS may still be at it: run the step again to go on waiting, or give a longer timeout",
                )
            pause = min(pause, left)
        try:
            self._context.pause(pause)
        except DeadlineError as error:
            raise DeadlineError(f"{error.message}; {self._what}, last seen: {last}", hint=error.hint) from error
