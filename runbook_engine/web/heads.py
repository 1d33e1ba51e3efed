"""Lets nobody hold a connection who asks for nothing: a request's head has a deadline, and an address has a bound."""

import asyncio
import logging
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from runbook_engine.web.security.tries import network
from runbook_engine.web.settings import Settings

_log = logging.getLogger("runbook.web")


class Waiting:
    """The connections whose head is awaited, the oldest first; belongs to one event loop.

    Args:
        settings: how long a head may take, and how many an address may owe.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._by_address: dict[str, dict[HeadProtocol, None]] = {}
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def add(self, connection: "HeadProtocol") -> None:
        """Count a connection that owes a head."""
        self._by_address.setdefault(connection.address, {})[connection] = None
        self._number += 1

    def remove(self, connection: "HeadProtocol") -> None:
        """Count it no more; one that was not counted changes nothing."""
        there = self._by_address.get(connection.address, {})
        if connection not in there:
            return
        del there[connection]
        self._number -= 1
        if not there:
            del self._by_address[connection.address]

    def surplus(self, connection: "HeadProtocol") -> "HeadProtocol | None":
        """Give the oldest at a connection's address, when they are too many there.

        The oldest goes, not the newest: who holds connections on purpose loses them to who really asks.
        """
        there = self._by_address.get(connection.address, {})
        return next(iter(there)) if len(there) > self.settings.most_headless else None


class HeadProtocol(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for a head that doesn't come, or not to its end.

    Attributes:
        waiting: the server's; see `protocol_of`.
    """

    waiting: ClassVar[Waiting]
    address: str = ""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.address = network(self.client[0]) if self.client else ""
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on while there is no whole head; what is answered now has its own limits."""
        if self.config.limit_concurrency is not None:
            # Who has asked for nothing keeps nobody from being answered.
            self.limit_concurrency = self.config.limit_concurrency + len(self.waiting)
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._timer is None and not self.transport.is_closing():
            self._wait()

    def on_response_complete(self) -> None:
        """See uvicorn's: a head that waits behind the answered one may have been read by it."""
        super().on_response_complete()
        if not self.cycle.response_complete:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.waiting.add(self)
        self._timer = self.loop.call_later(self.waiting.settings.head_grace, self._looked_at)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.waiting.remove(self)

    def _looked_at(self) -> None:
        """After a grace: a burst of honest browsers has sent its heads by now."""
        settings = self.waiting.settings
        self._timer = self.loop.call_later(max(0.0, settings.head_seconds - settings.head_grace), self._late)
        if (surplus := self.waiting.surplus(self)) is not None:
            surplus.let_go("too many connections from there ask for nothing")

    def _late(self) -> None:
        self.let_go("it asked for nothing in time")

    def let_go(self, why: str) -> None:
        """Close the connection without a word: whoever holds it has not asked for any."""
        _log.info("a connection from %s is closed: %s", self.address, why)
        self._wait_no_more()
        self.transport.abort()


def protocol_of(settings: Settings) -> type[HeadProtocol]:
    """Make the protocol of a server, whose connections know of each other."""
    return type("_HeadProtocol", (HeadProtocol,), {"waiting": Waiting(settings)})
