"""Finds whose token somebody shows; who guesses is slowed down, and keeps nobody out who has a right one."""

import anyio.to_thread

from runbook_engine.web.desk import Desk
from runbook_engine.web.security.tokens import Known
from runbook_engine.web.security.tries import Tries

_MOST_WAITING = 16  # at addresses with too many tries: less than a second of scrypt


class TooManyTriesError(Exception):
    """A wrong token after too many others from the same address.

    Attributes:
        wait: seconds after which one may try again.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


async def whose(desk: Desk, tries: Tries, address: str, token: str) -> Known | None:
    """Give whose token it is; None when it is nobody's.

    A right one is found whatever others at its address tried before: it is looked at also then, behind a limiter of
    its own, and only what is wrong is refused.

    Raises:
        TooManyTriesError: it is nobody's, or too many are being looked at already, after too many wrong ones there.
        InvalidInputError: the tokens can't be read.
    """
    # Counted before it is looked at: who sends many at once has no more of them looked at first.
    wait = tries.take(address)
    limiter = desk.doubted if wait else desk.hashing
    if wait and limiter.statistics().tasks_waiting >= _MOST_WAITING:
        raise TooManyTriesError(wait)
    known = await anyio.to_thread.run_sync(desk.login_by_token, token, limiter=limiter)
    if known is not None:
        tries.forgive(address)
    elif wait:
        raise TooManyTriesError(wait)
    return known
