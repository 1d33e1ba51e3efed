"""Hears, by PostgreSQL's LISTEN, that a run has new events, in a thread and over a connection of its own."""

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from runbook_engine.journals.sql_store import Store
from runbook_engine.journals.sql_triggers import CHANNEL, SHOWN

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_PATIENCE = 1.0


class SqlEars:
    """Listens until it is closed (`ports.journal.Ears`).

    A connection that is lost is opened again; what was said meanwhile is missed, which is told, too.

    Args:
        told: is given the newest `seq` that was heard of, 0 when something may have been missed.
    """

    def __init__(self, store: Store, run: str, told: Callable[[int], None]) -> None:
        self._store = store
        self._run = run[:SHOWN]
        self._told = told
        self._ends, self._end = socket.socketpair()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="journal ears", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        self._end.close()
        self._thread.join(_PATIENCE)  # it may be waiting for a server that does not answer, which nobody has to

    def _listen(self) -> None:
        pause = _FIRST_PAUSE
        driver_error: type[Exception] = self._store.reader.dialect.loaded_dbapi.Error
        while not self._closed.is_set():
            try:
                with self._store.reader.connect() as connection:
                    driver: Any = connection.connection.driver_connection
                    connection.detach()
                    try:
                        driver.autocommit = True
                        driver.execute(f"LISTEN {CHANNEL}")
                        self._told(0)
                        pause = _FIRST_PAUSE
                        self._hear(driver)
                    finally:
                        # It is nobody else's; and one that is lost is not to be rolled back, which only fails loudly.
                        connection.invalidate()
                        with suppress(driver_error, OSError):
                            driver.close()
            except (SQLAlchemyError, driver_error, OSError):
                # Whoever asks the journal for something says what is wrong with the database; here it is tried again.
                self._closed.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        self._ends.close()

    def _hear(self, driver: Any) -> None:
        """Tell what is heard until the connection is lost, or nobody wants to hear any more."""
        with selectors.DefaultSelector() as ready:
            ready.register(driver.fileno(), selectors.EVENT_READ)
            ready.register(self._ends, selectors.EVENT_READ)
            while True:
                ready.select()
                if self._closed.is_set():
                    return
                for note in driver.notifies(timeout=0):
                    run, _, seq = str(note.payload).rpartition(" ")
                    if run == self._run:
                        self._told(int(seq) if seq.isascii() and seq.isdigit() else 0)
