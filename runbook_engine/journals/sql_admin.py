"""A journal's database for those who keep it: made, brought up to date, looked at, copied; of whatever version."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from runbook_engine.journals import leases as rules
from runbook_engine.journals.file import no_journal
from runbook_engine.journals.holder import is_dead
from runbook_engine.journals.ledger import SCHEMA_VERSION
from runbook_engine.journals.sql_copy import Copied, contents, copy_rows, first_row
from runbook_engine.journals.sql_driver import within
from runbook_engine.journals.sql_errors import explain
from runbook_engine.journals.sql_migrate import differences, migrate
from runbook_engine.journals.sql_rights import (
    Roles,
    grant,
    granted,
    has_workers_tables,
    rights_on_events,
    unknown_roles,
)
from runbook_engine.journals.sql_schema import leases, make_tables, prepare, version_of
from runbook_engine.journals.sql_store import Store, alone, take_time
from runbook_engine.journals.sql_triggers import missing_triggers
from runbook_engine.model.errors import InvalidInputError, LeaseError, UsageError
from runbook_engine.ports.journal import Lease

Beside = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at: `ok`, `note` (worth knowing), or `wrong`, and what to do about it."""

    name: str
    level: Literal["ok", "note", "wrong"]
    text: str
    hint: str = ""


class JournalDatabase:
    """The database that a journal is in, or is to be in.

    Every method may raise `JournalError`: it can't be reached, the role may not do that, it is somebody else's.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def where(self) -> str:
        """How to name it to people, without a password."""
        return self._store.where

    @property
    def is_file(self) -> bool:
        """Whether it is an SQLite file."""
        return self._store.is_file

    def version(self) -> int | None:
        """Give the version of the tables, None when there are none."""
        with self._reading() as connection:
            return version_of(connection, self.where)

    def make(self, roles: Roles, beside: Beside | None = None) -> bool:
        """Make the tables where there are none, and give roles their rights; tell whether they were made.

        Args:
            beside: makes what else is to be in a database of PostgreSQL's, given its driver's connection.

        Raises:
            InvalidInputError: the database knows no such role.
        """
        with self.writing() as connection:
            alone(connection)
            made = version_of(connection, self.where) is None
            if made:
                migrate(connection, None)
            prepare(connection, create=False, where=self.where)
            self._make_beside(connection, beside)
            self._grant(connection, roles)
        return made

    def upgrade(self, beside: Beside | None = None) -> tuple[int, int]:
        """Bring the tables up to date, all or nothing; give the version before and after. See `make` for `beside`.

        Raises:
            LeaseError: a run (or the monitor) is at work with it.
        """
        with self.writing() as connection:
            alone(connection)
            version = version_of(connection, self.where)
            if version is None:
                raise no_journal(self.where, is_file=self.is_file)
            if version < SCHEMA_VERSION:
                self._refuse_live(connection)
                migrate(connection, version)
            prepare(connection, create=False, where=self.where)
            self._make_beside(connection, beside)
            if not self.is_file:
                grant(connection, granted(connection))
        return version, SCHEMA_VERSION

    def examine(self) -> list[Look]:
        """Look at the tables, what keeps them append-only, and who is at work.

        Raises:
            JournalError: there is no journal, or it is of another version.
        """
        with self._reading() as connection:
            prepare(connection, create=False, where=self.where)
            looks = [Look("version", "ok", f"schema {SCHEMA_VERSION}, as this program writes it")]
            found = differences(connection)
            looks += [
                Look("tables", "wrong", line, "somebody changed the tables; compare with a new journal")
                for line in found
            ]
            looks += [Look("tables", "ok", "as this program makes them")] if not found else []
            looks += self._protection(connection)
            live = [f"{lease.name} by {lease.holder}" for lease in self._live(connection)]
            looks.append(Look("leases", "note" if live else "ok", "; ".join(live) or "nobody is at work with it"))
        return looks

    def copy_to(self, target: "JournalDatabase") -> Copied:
        """Copy everything into a database without a journal, or with an empty one; all or nothing.

        Raises:
            UsageError: there is something in the target already; nothing is ever overwritten.
            LeaseError: a run (or the monitor) is at work, or wrote while it was copied.
        """
        with self._reading() as source:
            prepare(source, create=False, where=self.where)
            self._refuse_live(source)
            with target.writing() as copy:
                alone(copy)
                if version_of(copy, target.where) is None:
                    make_tables(copy)
                prepare(copy, create=False, where=target.where)
                if held := first_row(copy):
                    raise UsageError(
                        f"{target.where} holds a journal already (its table {held} is not empty), and is left as it is",
                        hint="copy into a database, or to a file, that holds none",
                    )
                copied = copy_rows(source, copy, source_is_file=self.is_file, target_is_file=target.is_file)
                before = contents(source)
                with self._reading() as now:
                    self._refuse_live(now)
                    if contents(now) != before:
                        raise LeaseError(
                            f"{self.where} was written to while it was copied; nothing was kept of the copy",
                            hint="copy it when nothing runs",
                        )
        return copied

    def close(self) -> None:
        """Give every connection back."""
        self._store.close()

    def _protection(self, connection: Connection) -> Iterator[Look]:
        if self.is_file:
            yield Look("rights", "ok", "an SQLite file, readable and writable by its owner alone")
            return
        missing = missing_triggers(connection)
        again = "`runbook journal upgrade` made them; somebody removed them or switched them off"
        yield (
            Look("triggers", "wrong", f"missing or off: {', '.join(missing)}", again)
            if missing
            else Look("triggers", "ok", "refuse changes of what was recorded, the owner's too")
        )
        role = connection.execute(text("SELECT current_user")).scalar_one()
        more = [right for right in rights_on_events(connection) if right != "INSERT"]
        if more:
            hint = "give runs a role that can only add: `runbook journal init --app-role ROLE`"
            yield Look("rights", "note", f"the role {role} may {', '.join(more)} events", hint)
        else:
            yield Look("rights", "ok", f"the role {role} can neither change nor remove events")
        others = granted(connection)
        works = f"; work: {_listed(others.workers)}" if others.workers else ""
        yield Look("roles", "ok", f"add: {_listed(others.applications)}; read: {_listed(others.readers)}{works}")

    def _make_beside(self, connection: Connection, beside: Beside | None) -> None:
        if beside is not None and not self.is_file:
            within(connection, beside)

    def _grant(self, connection: Connection, roles: Roles) -> None:
        if not roles:
            return
        if self.is_file:
            raise UsageError("an SQLite file has no roles", hint="its owner alone can read it, by the file's mode")
        if unknown := unknown_roles(connection, roles):
            hint = f"make it first, as an administrator of the server: CREATE ROLE {unknown[0]} LOGIN"
            raise InvalidInputError(f"the database knows no role {', '.join(unknown)}", hint=hint)
        if roles.workers and not has_workers_tables(connection):
            hint = "install the extra that makes them, here too: pip install 'runbook-engine[workers]'"
            raise UsageError("the database has no tables that orders for workers travel by", hint=hint)
        grant(connection, roles)

    def _live(self, connection: Connection) -> list[Lease]:
        now = self._store.store_time(connection)
        rows = (rules.lease_row(*row) for row in connection.execute(select(leases)))
        held = (rules.current(row, now=now, is_dead=is_dead) for row in rows)
        return [lease for lease in held if lease is not None]

    def _refuse_live(self, connection: Connection) -> None:
        if live := self._live(connection):
            names = ", ".join(f"{lease.name} is held by {lease.holder}" for lease in live)
            raise LeaseError(f"somebody is at work with {self.where}: {names}", hint="wait until that is over")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that changes the database when the block ends well."""
        with self._explained(), self._store.writer.begin() as connection:
            take_time(connection)
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._store.reader.begin() as connection:
            take_time(connection)
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise explain(error, self.where) from error


def _listed(roles: tuple[str, ...]) -> str:
    return ", ".join(roles) or "nobody but the owner"
