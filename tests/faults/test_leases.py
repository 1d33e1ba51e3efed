"""Who may advance a run: one process at a time, also when it was frozen and wakes up, also when two come at once.

Real processes. A step's command says that it began by opening a pipe, and ends when it is told to by another.
"""

import os
import select
import signal
import sqlite3

import pytest

from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import ExitCode

pytestmark = pytest.mark.timeout(180)

STEP = "echo begin-NAME >> ledger; echo > begun-NAME; read word < go-NAME; echo end-NAME >> ledger"
AFTER = "echo after >> ledger"


class Stage:
    """A project with runbooks whose first step waits to be told, and its journal."""

    def __init__(self, runbook, url):
        self.call, self.root, self.url = runbook, runbook.root, url
        self.environment = {"RUNBOOK_JOURNAL": url} if url else {}
        self.processes = []

    def book(self, name, *, mutex=""):
        for pipe in (f"begun-{name}", f"go-{name}"):
            os.mkfifo(self.root / pipe)
        shell = STEP.replace("NAME", name)
        keys = f"\n    mutex: {mutex}" if mutex else ""
        steps = f"""\
  - id: work{keys}
    command.run: {{shell: '{shell}', cwd: {self.root}}}
  - id: after
    needs: [work]
    command.run: {{shell: '{AFTER}', cwd: {self.root}}}
"""
        self.call.write(f"runbooks/{name}.yml", f"runbook: {name}\nsteps:\n{steps}")
        return self

    def start(self, *words):
        process = self.call.start(*words, **self.environment)
        self.processes.append(process)
        return process

    def __call__(self, *words):
        return self.call(*words, **self.environment)

    def await_begun(self, name):
        """Come back when the command has begun."""
        with (self.root / f"begun-{name}").open() as pipe:
            pipe.read()

    def go(self, name):
        with (self.root / f"go-{name}").open("w") as pipe:
            pipe.write("go\n")

    @property
    def ledger(self):
        path = self.root / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def look(self, at):
        journal = open_journal(self.url or "sqlite:///.runbook/journal.db", project=self.root, create=False)
        try:
            return at(journal, journal.runs(limit=1)[0].id)
        finally:
            journal.close()

    def events(self):
        return self.look(lambda journal, run: list(journal.read(run)))


@pytest.fixture(params=["sqlite", "postgresql"])
def stage(request, runbook):
    url = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server.new_database())
    stage = Stage(runbook, url)
    yield stage
    for process in stage.processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def expire(stage):
    """Let the time of all leases pass, in the store, whose clock is the one that counts."""
    statement = "UPDATE leases SET expires_at = 1, ticks = 0"
    if stage.url:
        import psycopg

        with psycopg.connect(stage.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)
        return
    connection = sqlite3.connect(stage.root / ".runbook/journal.db")
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("past_the_lease", [False, True], ids=["take-over", "past the lease"])
def test_a_frozen_engine_that_wakes_writes_nothing_more(stage, past_the_lease):
    first = stage.book("frozen").start("run", "frozen", "--yes")
    stage.await_begun("frozen")
    os.kill(first.pid, signal.SIGSTOP)
    if past_the_lease:
        expire(stage)
    else:
        refused = stage("resume", "--yes", stage.look(lambda _, run: run))
        assert refused.status == ExitCode.LEASED, refused.err
        assert "--take-over" in refused.err
    second = stage.start(
        "resume", stage.look(lambda _, run: run), "--yes", *([] if past_the_lease else ["--take-over"])
    )
    stage.go("frozen")
    _, told = second.communicate(timeout=120)
    assert second.returncode == 0, told
    before = stage.events()
    os.kill(first.pid, signal.SIGCONT)
    _, told = first.communicate(timeout=120)
    assert first.returncode == ExitCode.LEASED, told
    assert "Traceback" not in told
    assert stage.events() == before
    assert stage.ledger == ["begin-frozen", "end-frozen", "after"]
    assert stage.look(lambda journal, run: journal.verify()) == []


def test_of_two_who_resume_at_once_one_goes_on(stage):
    killed = stage.book("twice").start("run", "twice", "--yes")
    stage.await_begun("twice")
    killed.kill()
    killed.communicate()
    both = [stage.start("resume", "--yes", stage.look(lambda _, run: run)) for _ in range(2)]
    # The command still waits for its word, so that neither can be done before the other was refused.
    refused, winner = in_order_of_ending(both)
    _, told = refused.communicate(timeout=120)
    assert refused.returncode == ExitCode.LEASED, told
    assert "is held by" in told
    stage.go("twice")
    _, told = winner.communicate(timeout=120)
    assert winner.returncode == 0, told
    assert stage.ledger == ["begin-twice", "end-twice", "after"]


def in_order_of_ending(processes):
    """Wait for the first of two processes to end."""
    handles = {os.pidfd_open(process.pid): process for process in processes}
    try:
        ready, _, _ = select.select(list(handles), [], [], 120)
    finally:
        for handle in handles:
            os.close(handle)
    return sorted(processes, key=lambda process: process is not handles[ready[0]])


def test_one_live_run_of_a_runbook_and_an_inventory(stage):
    first = stage.book("only").start("run", "only", "--yes")
    stage.await_begun("only")
    refused = stage("run", "only", "--yes")
    assert refused.status == ExitCode.LEASED
    assert "is held by" in refused.err
    assert "runbook status" in refused.err
    assert stage("run", "only", "--dry-run").status in {0, 1}, "who only looks disturbs nobody"
    stage.go("only")
    assert first.wait(120) == 0
    first.communicate()
    assert stage.ledger == ["begin-only", "end-only", "after"]
    again = stage.start("run", "only", "--yes")
    stage.await_begun("only")
    stage.go("only")
    assert again.wait(120) == 0, "it is free when the first is over"
    again.communicate()


def test_a_mutex_holds_across_runs(stage):
    first = stage.book("one", mutex="zone").start("run", "one", "--yes")
    stage.await_begun("one")
    second = stage.book("two", mutex="zone").start("run", "two", "--yes")
    for line in second.stderr:
        if "2 tasks" in line and "live" in line and not line.startswith("inventory"):
            break
    assert stage.ledger == ["begin-one"], "the second run is open, and waits"
    stage.go("one")
    stage.await_begun("two")
    assert stage.ledger.index("end-one") < stage.ledger.index("begin-two")
    stage.go("two")
    assert [process.wait(120) for process in (first, second)] == [0, 0]
    for process in (first, second):
        process.communicate()
