"""Ends sessions of PostgreSQL whose client fell silent in the middle of a transaction, so that others wait for it.

The server itself ends those that are idle there (`idle_in_transaction_session_timeout`). It does not end one whose
client was frozen between the statements of a batch, which are sent without waiting for each other's answers: its state
is `active`, while all that it does is to read from a client that says nothing.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from runbook_engine.journals.sql_errors import explain
from runbook_engine.journals.sql_store import Store
from runbook_engine.model.errors import JournalHeldError

P = ParamSpec("P")
T = TypeVar("T")

SILENT_SECONDS = 20.0  # a client that lives goes on within a round trip
# (Of other roles neither the state is shown, nor may their sessions be ended.)
_END = """\
SELECT count(*) FROM (
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND wait_event = 'ClientRead' AND xact_start IS NOT NULL
  AND state_change < clock_timestamp() - make_interval(secs => :seconds)
) AS ended"""


def end_silent(store: Store, seconds: float) -> int:
    """End such sessions of this role, and tell how many there were.

    Raises:
        JournalError: the database can't be asked.
    """
    try:
        with store.aside.engine().connect() as connection:
            return int(connection.execute(text(_END), {"seconds": seconds}).scalar_one())
    except SQLAlchemyError as error:
        raise explain(error, store.where) from error


class Patient:
    """Whoever writes to a store and may meet others there.

    Attributes:
        _silent_seconds: after how long a session is ended that says nothing and keeps this one waiting.
    """

    _store: Store
    _silent_seconds: float

    def _ends_silent(self) -> bool:
        """End such sessions; tell whether there were any."""
        return not self._store.is_file and end_silent(self._store, self._silent_seconds) > 0


W = TypeVar("W", bound=Patient)


def unheld(method: Callable[Concatenate[W, P], T]) -> Callable[Concatenate[W, P], T]:
    """Have a journal do something once more when it waited in vain for a session that fell silent, and is ended now."""

    @wraps(method)
    def done(self: W, /, *values: P.args, **named: P.kwargs) -> T:
        try:
            return method(self, *values, **named)
        except JournalHeldError:
            if not self._ends_silent():
                raise
            return method(self, *values, **named)

    return done
