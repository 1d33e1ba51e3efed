"""A connection to the orders' database that is opened again when it is lost, and that can be waited on."""

import os
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from runbook_engine.ports.clock import Clock

LOST = (psycopg.OperationalError, psycopg.InterfaceError)
# A server that vanished is noticed within half a minute instead of after the kernel's quarter of an hour.
PATIENCE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 15.0


class Link:
    """One thread's connection; `wake` is for all others.

    Args:
        url: of the database.
        channel: what is listened to.
        lost: is told once, in words, when the database can't be reached.
    """

    def __init__(self, url: str, channel: str, name: str, *, clock: Clock, lost: Callable[[str], None]) -> None:
        self._url = url
        self._channel = channel
        self._name = name
        self._clock = clock
        self._tell_lost = lost
        self._connection: psycopg.Connection[Any] | None = None
        self._delay = _FIRST_DELAY
        self._told = False
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def connection(self) -> psycopg.Connection[Any]:
        """Give the connection, each of whose statements is a transaction of its own; open it if need be.

        Raises:
            psycopg.OperationalError: the database can't be reached.
        """
        if self._connection is None:
            made = psycopg.connect(self._url, autocommit=True, application_name=self._name, **PATIENCE)
            made.execute("SET statement_timeout = '120s'")
            made.execute("SET lock_timeout = '30s'")
            made.execute("SET idle_in_transaction_session_timeout = '20s'")
            made.execute(f"LISTEN {self._channel}")
            self._connection, self._told, self._delay = made, False, _FIRST_DELAY
        return self._connection

    def wait(self, seconds: float) -> set[str]:
        """Wait for a notification or a `wake`, at most that long; give what the notifications said."""
        connection = self.connection()
        came = {note.payload for note in connection.notifies(timeout=0)}  # perhaps with the answer to a statement
        select.select([connection.fileno(), self._reader], [], [], 0 if came else seconds)
        self._drain()
        return came | {note.payload for note in connection.notifies(timeout=0)}

    def wake(self) -> None:
        """Make a `wait` return; safe in any thread and in a signal handler."""
        with suppress(BlockingIOError):  # full, so that it wakes anyhow
            os.write(self._writer, b"x")

    def pause(self, error: Exception) -> None:
        """Let go of a connection that was lost, tell that once, and wait a little longer each time."""
        self.let_go()
        if not self._told:
            self._told = True
            self._tell_lost(str(error).strip().partition("\n")[0])
        select.select([self._reader], [], [], self._delay)
        self._drain()
        self._delay = min(self._delay * 2, _LONGEST_DELAY)

    def close(self) -> None:
        """Give everything back; nobody may use it any more."""
        self.let_go()
        os.close(self._reader)
        os.close(self._writer)

    def let_go(self) -> None:
        """Give the connection back; the next one who asks for it has a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                continue
