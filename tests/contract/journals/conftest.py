"""One journal of each kind: in memory, in an SQLite file, in a real PostgreSQL server."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

from runbook_engine.journals.address import open_database, open_journal
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.journals.sql_rights import Roles
from runbook_engine.model.event import Actor, RunOpened

BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class PostgresServer:
    """A PostgreSQL server of our own, on a Unix socket in a folder of its own."""

    binaries = BINARIES

    def __init__(self, folder, user):
        self.folder, self.user = folder, user
        self._run(str(BINARIES / "initdb"), "-D", f"{folder}/data", "-U", "runbook", "--auth=trust", "-E", "UTF8")
        self.start()
        # The documented roles: who owns the journal, who runs, who looks.
        for role in ("journal_owner", "journal_app", "journal_reader", "journal_worker"):
            self.sql("postgres", f"CREATE ROLE {role} LOGIN")

    def start(self):
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self._run(
            str(BINARIES / "pg_ctl"),
            "-D",
            f"{self.folder}/data",
            "-w",
            "-o",
            options,
            "-l",
            f"{self.folder}/log",
            "start",
        )

    def stop(self):
        self._run(str(BINARIES / "pg_ctl"), "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")

    def new_database(self):
        name = f"j{uuid.uuid4().hex}"
        self.sql("postgres", f"CREATE DATABASE {name} OWNER journal_owner")
        return name

    def new_journal(self):
        """Make a database with a journal, whose roles have their rights; give the database's name."""
        name = self.new_database()
        database = open_database(self.url(name, "journal_owner"), project=Path(self.folder))
        database.make(Roles(("journal_app",), ("journal_reader",)))
        database.close()
        return name

    def url(self, database, role="runbook"):
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def sql(self, database, statement, role="runbook"):
        import psycopg

        with psycopg.connect(f"host={self.folder} user={role} dbname={database}", autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def _run(self, *argv):
        subprocess.run(argv, check=True, user=self.user, stdout=subprocess.DEVNULL, cwd="/", timeout=60)


def start_postgres():
    """Start a server; as an unprivileged user, since PostgreSQL refuses to run as root."""
    if BINARIES is None:
        pytest.skip("no PostgreSQL server here (Debian: postgresql)")
    folder = tempfile.mkdtemp(prefix="rbpg")
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, user, -1)
    return PostgresServer(folder, user)


@pytest.fixture(scope="session")
def postgres():
    server = start_postgres()
    yield server
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opener(request, tmp_path):
    """Open the same journal again and again, as several processes would."""
    if request.param == "memory":
        journal = MemoryJournal()
        return lambda: journal
    if request.param == "sqlite":
        return lambda: open_journal("sqlite:///.runbook/journal.db", project=tmp_path, create=True)
    server = request.getfixturevalue("postgres")
    # Runs have the role that may only add; who prunes is the owner.
    url = server.url(
        server.new_journal(), "journal_owner" if request.node.get_closest_marker("owner") else "journal_app"
    )
    return lambda: open_journal(url, project=tmp_path, create=True)


@pytest.fixture
def open_again(opener):
    journals = []

    def opened():
        journals.append(opener())
        return journals[-1]

    yield opened
    for journal in journals:
        journal.close()


@pytest.fixture
def journal(open_again):
    return open_again()


@pytest.fixture
def actor():
    return Actor(kind="person", name="dana", os_user="dana", host="laptop")


@pytest.fixture
def opening():
    return RunOpened(runbook="region-failover", inventory="demo", mode="live", fingerprint="f" * 64, engine_version="1")
