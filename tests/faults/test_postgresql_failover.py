"""The journal's server is killed in the middle of a run, and its standby, a real streaming replica, is promoted.

The standby confirms each commit (`synchronous_standby_names`), so that nothing that was acknowledged is lost with the
primary.
"""

import os

import pytest
from support.postgres_pair import Pair

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
