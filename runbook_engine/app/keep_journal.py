"""The use cases of who keeps a journal: make it, bring it up to date, look at it, copy it somewhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from runbook_engine.app.project import OpenProject
from runbook_engine.journals.address import open_database, sqlite_path
from runbook_engine.journals.new_file import new_file
from runbook_engine.journals.sql_admin import JournalDatabase, Look
from runbook_engine.journals.sql_copy import Copied
from runbook_engine.journals.sql_errors import os_refused
from runbook_engine.journals.sql_rights import Roles, grants


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` did: whether the tables are new, and where."""

    where: str
    new: bool


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What `upgrade` did: the version of the tables before and after."""

    where: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """What `copy` did."""

    source: str
    target: str
    copied: Copied


def init_journal(project: OpenProject, roles: Roles) -> Made:
    """Make the project's journal where there is none, and give roles of its database their rights.

    Raises:
        JournalError: it can't be made, or the one that is there is of another version.
        InvalidInputError: the database knows no such role.
    """
    with _database(project, project.config.journal, create=True) as database:
        new = database.make(roles, _workers())
        return Made(database.where, new)


def rights_of(roles: Roles) -> list[str]:
    """Give the statements that give roles their rights, for an administrator to apply."""
    return grants(roles)


def upgrade_journal(project: OpenProject) -> Upgraded:
    """Bring the project's journal up to date.

    Raises:
        JournalError: there is none, it is newer than this program, or it is damaged; it is as it was.
        LeaseError: somebody is at work with it.
    """
    with _database(project, project.config.journal) as database:
        return Upgraded(database.where, *database.upgrade(_workers()))


def check_journal(project: OpenProject) -> tuple[str, list[Look]]:
    """Look at the project's journal: its version, its tables, what keeps it append-only, who is at work.

    Raises:
        JournalError: there is none, it is of another version, or it can't be reached.
    """
    with _database(project, project.config.journal) as database:
        return database.where, database.examine()


def copy_journal(project: OpenProject, to: str, *, source: str | None = None) -> Transfer:
    """Copy a journal (the project's, or the one at `source`) to where there is none, and prove the copy.

    Raises:
        UsageError: something is there already; nothing is overwritten.
        JournalError: the journal does not verify, or one of both can't be used.
        LeaseError: somebody is at work with it.
    """
    with _database(project, source or project.config.journal) as origin:
        path = sqlite_path(to, project=project.root)
        if path is None:
            with _database(project, to) as target:
                return Transfer(origin.where, target.where, origin.copy_to(target))
        try:
            with new_file(path) as unnamed:
                copied = _copied(project, origin, f"sqlite:///{unnamed.absolute()}")
        except OSError as error:
            raise os_refused(error, path) from error
        return Transfer(origin.where, str(path), copied)


def _copied(project: OpenProject, origin: JournalDatabase, to: str) -> Copied:
    """Copy into a new file, and close that, so that nothing of it is in a log any more."""
    with _database(project, to, create=True) as target:
        return origin.copy_to(target)


def _workers() -> Callable[[Any], None] | None:
    """Give what makes the tables that orders for workers travel by, None where the extra `workers` is not installed."""
    if find_spec("procrastinate") is None:
        return None
    from runbook_engine.dispatchers.queue_schema import apply_schema

    return apply_schema


@contextmanager
def _database(project: OpenProject, address: str, *, create: bool = False) -> Iterator[JournalDatabase]:
    database = open_database(address, project=project.root, create=create)
    try:
        yield database
    finally:
        database.close()
