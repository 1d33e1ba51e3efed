"""The journal's server is killed in the middle of a run, and its standby, a real streaming replica, is promoted.

The standby confirms each commit (`synchronous_standby_names`), so that nothing that was acknowledged is lost with the
primary.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from runbook_engine.journals.address import open_database
from runbook_engine.journals.sql_rights import Roles

pytestmark = pytest.mark.timeout(240)

BOOK = """\
runbook: book
steps:
  - id: before
    command.run: {shell: 'echo before >> ledger', cwd: ROOT}
  - id: work
    needs: [before]
    command.run: {shell: 'echo work >> ledger; echo > begun; read word < go', cwd: ROOT}
  - id: after
    needs: [work]
    command.run: {shell: 'echo after >> ledger', cwd: ROOT}
"""


class Pair:
    """A primary and its standby; the primary is made anew for each test, since it is going to be lost."""

    def __init__(self, kind, user):
        self.folder = tempfile.mkdtemp(prefix="rbpg")
        if user is not None:
            os.chown(self.folder, user, -1)
        self.primary = kind(self.folder, user)
        self.standby_folder = tempfile.mkdtemp(prefix="rbpg")
        if user is not None:
            os.chown(self.standby_folder, user, -1)
        self.binaries, self.user = Path(self.primary.binaries), user
        self.database = self.primary.new_database()
        copy = ("-h", self.folder, "-U", "runbook", "-D", f"{self.standby_folder}/data", "-c", "fast")
        self._do("pg_basebackup", *copy, "-R", "-X", "stream")
        self._do(
            "pg_ctl", "-D", f"{self.standby_folder}/data", "-w", "-l", f"{self.standby_folder}/log",
            "-o", f"-c listen_addresses='' -k {self.standby_folder} -c fsync=off", "start",
        )  # fmt: skip
        self.primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.sql("postgres", "SELECT pg_reload_conf()")
        database = open_database(self.url("journal_owner"), project=Path(self.folder))
        database.make(Roles(("journal_app",)))
        database.close()

    def url(self, role="journal_app"):
        hosts = f"{self.folder},{self.standby_folder}"
        return f"postgresql://{role}@/{self.database}?host={hosts}&target_session_attrs=read-write"

    def lose_the_primary(self):
        self.primary.stop()

    def promote(self):
        self._do("pg_ctl", "-D", f"{self.standby_folder}/data", "-w", "promote")

    def stop(self):
        self._do("pg_ctl", "-D", f"{self.standby_folder}/data", "-w", "-m", "immediate", "stop")
        for folder in (self.folder, self.standby_folder):
            shutil.rmtree(folder)

    def _do(self, program, *arguments):
        argv = [self.binaries / program, *arguments]
        subprocess.run(argv, check=True, user=self.user, stdout=subprocess.DEVNULL, cwd="/", timeout=60)


@pytest.fixture
def pair(postgres):
    made = Pair(type(postgres), postgres.user)
    yield made
    made.stop()


class Stage:
    """A run whose second step has begun and waits for its word."""

    def __init__(self, runbook, url):
        self.call, self.root, self.environment = runbook, runbook.root, {"RUNBOOK_JOURNAL": url}
        for pipe in ("begun", "go"):
            os.mkfifo(runbook.root / pipe)
        runbook.write("runbooks/book.yml", BOOK.replace("ROOT", str(runbook.root)))
        self.process = runbook.start("run", "book", "--yes", **self.environment)
        with (runbook.root / "begun").open() as pipe:
            pipe.read()

    def go(self):
        with (self.root / "go").open("w") as pipe:
            pipe.write("go\n")

    def __call__(self, *words):
        return self.call(*words, **self.environment)

    @property
    def ledger(self):
        return (self.root / "ledger").read_text().split()

    def warned(self):
        return next(line for line in self.process.stderr if "nothing new is started" in line)

    def end(self):
        _, told = self.process.communicate(timeout=120)
        return self.process.returncode, told


@pytest.fixture
def stage(runbook, pair):
    stage = Stage(runbook, pair.url())
    yield stage
    if stage.process.poll() is None:
        stage.process.kill()
        stage.process.communicate()


def test_a_promoted_standby_is_gone_on_with(stage, pair):
    pair.lose_the_primary()
    stage.go()
    assert "can't be reached" in stage.warned()
    assert stage.ledger == ["before", "work"]
    pair.promote()
    status, told = stage.end()
    assert status == 0, told
    assert stage.ledger == ["before", "work", "after"]
    assert stage("audit", "verify").status == 0
    assert stage("journal", "check").status == 0


def test_promoted_too_late_the_run_has_ended_and_is_resumed(stage, pair):
    pair.lose_the_primary()
    stage.go()
    status, told = stage.end()
    assert status == 6, told
    assert stage.ledger == ["before", "work"]
    assert stage("status").status == 6
    pair.promote()
    resumed = stage("resume", "--yes", "--take-over")
    assert resumed.status == 0, resumed.err
    assert stage.ledger == ["before", "work", "after"], "what had ended unrecorded is not done again"
    assert stage("audit", "verify").status == 0


def test_killed_with_its_primary_the_run_is_resumed_from_the_standby(stage, pair):
    stage.process.kill()
    stage.process.communicate()
    pair.lose_the_primary()
    pair.promote()
    stage.go()
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    assert stage.ledger == ["before", "work", "after"]
    assert stage("audit", "verify").status == 0
