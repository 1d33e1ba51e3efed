"""A run goes on from another folder, another copy of the project on another machine, and with a changed plan if told."""

import os
import shutil
import subprocess
import sys

import pytest

from runbook_engine.app.from_run import prepare_rest
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import ExitCode
from runbook_engine.model.event import PlanAccepted

pytestmark = pytest.mark.timeout(180)

BOOK = """\
runbook: book
steps:
  - id: first
    command.run: {shell: 'echo first >> ledger', cwd: GROUND}
  - id: work
    needs: [first]
    command.run: {shell: 'echo work >> ledger; echo > begun; read word < go', cwd: GROUND}
  - id: last
    needs: [work]
    command.run: {shell: 'echo last >> ledger', cwd: GROUND}
"""


@pytest.fixture
def ground(tmp_path, runbook):
    """Where the commands work: outside the project, so that a copy of it plans the same."""
    ground = tmp_path / "ground"
    ground.mkdir()
    for pipe in ("begun", "go"):
        os.mkfifo(ground / pipe)
    runbook.write("runbooks/book.yml", BOOK.replace("GROUND", str(ground)))
    return ground


def kill_in_the_middle(runbook, ground, **environment):
    process = runbook.start("run", "book", "--yes", **environment)
    with (ground / "begun").open() as pipe:
        pipe.read()
    process.kill()
    process.communicate()


def go(ground):
    with (ground / "go").open("w") as pipe:
        pipe.write("go\n")


def ledger(ground):
    return (ground / "ledger").read_text().split()


def test_from_a_folder_below_the_project(runbook, ground):
    kill_in_the_middle(runbook, ground)
    process = subprocess.Popen(
        runbook.argv("resume", "--yes"), cwd=runbook.root / "runbooks", env=runbook.environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    go(ground)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert ledger(ground) == ["first", "work", "last"]


def on_another_machine(runbook, root, *words, **environment):
    """Call the program in another copy of the project, on a machine that has another name."""
    argv = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    return subprocess.Popen(
        [*argv, sys.executable, "-m", "runbook_engine.cli.main", *words], cwd=root,
        env=runbook.environment(**environment),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_on_another_machine_from_another_copy_of_the_project(runbook, ground, tmp_path, postgres):
    if subprocess.run(["unshare", "--uts", "hostname", "elsewhere"], capture_output=True, check=False).returncode != 0:
        pytest.skip("only root gives a process a machine's name of its own")
    environment = {"RUNBOOK_JOURNAL": postgres.url(postgres.new_database()), "RUNBOOK_OPERATOR": "dana"}
    kill_in_the_middle(runbook, ground, **environment)
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(runbook.root, copy)
    shutil.rmtree(runbook.root)
    # The newest run is named: without it, only one that nobody holds is looked for.
    refused = on_another_machine(runbook, copy, "resume", "last", "--yes", **environment)
    _, told = refused.communicate(timeout=120)
    assert refused.returncode == ExitCode.LEASED, "from here nobody can tell that the holder is dead"
    assert "--take-over" in told
    process = on_another_machine(runbook, copy, "resume", "last", "--yes", "--take-over", **environment)
    _, told = process.communicate(timeout=120)
    assert process.returncode == ExitCode.WAITING, "what it began on its own localhost, nobody can see from here"
    assert "and this is another machine" in told
    assert ledger(ground) == ["first", "work"], "it is not begun a second time"
    go(ground)
    words = [("resolve", "last", "work", "done", "--reason", "I looked there"), ("resume", "last", "--yes")]
    for said in words:
        process = on_another_machine(runbook, copy, *said, **environment)
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert ledger(ground) == ["first", "work", "last"]


def test_a_changed_plan_is_refused_and_recorded_when_it_is_accepted(runbook, ground):
    kill_in_the_middle(runbook, ground)
    text = (runbook.root / "runbooks/book.yml").read_text()
    runbook.write("runbooks/book.yml", text.replace("echo last", "echo very last"))
    refused = runbook("resume", "last", "--yes")
    assert refused.status == ExitCode.INVALID
    assert "step last was changed" in refused.err
    assert "--accept-changes" in refused.err
    process = runbook.start("resume", "last", "--yes", "--accept-changes")
    go(ground)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert ledger(ground) == ["first", "work", "very", "last"]
    journal = open_journal("sqlite:///.runbook/journal.db", project=runbook.root, create=False)
    events = [stored.event for stored in journal.read(journal.runs(limit=1)[0].id)]
    journal.close()
    assert [event.difference for event in events if isinstance(event, PlanAccepted)] == [("step last was changed",)]


class Silence:
    def event(self, stored):
        """Not shown."""

    warning = progress = event


class Killed(BaseException):
    """The process is gone."""


class DiesAt:
    """A journal whose user dies before its n-th write."""

    def __init__(self, inner, at):
        self._inner, self._left = inner, at

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name not in {"open_run", "append"}:
            return found

        def write(*arguments, **named):
            self._left -= 1
            if self._left == 0:
                raise Killed
            return found(*arguments, **named)

        return write


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_a_run_that_goes_on_from_another_takes_its_ends_however_early_it_is_killed(runbook, tmp_path, at):
    runbook.write(
        "runbooks/two.yml",
        f"""\
runbook: two
steps:
  - id: done
    command.run: {{shell: 'echo done >> ledger', cwd: {tmp_path}}}
  - id: fails
    needs: [done]
    command.run: {{shell: 'echo fails >> ledger; test -e mended', cwd: {tmp_path}}}
""",
    )
    assert runbook("run", "two", "--yes").status == 1
    (tmp_path / "mended").touch()
    project = open_project(runbook.root)
    journal = project.journal()
    told = {"listener": Silence(), "interrupts": Interrupts()}
    first = journal.runs(limit=1)[0].id
    prepared, request = prepare_rest(project, journal, first, RunRequest(PlanRequest("two")))
    assert prepared.plan == prepare_plan(project, PlanRequest("two")).plan
    try:
        run_runbook(project, request, prepared, DiesAt(journal, at), **told)
    except Killed:
        newest = journal.runs(limit=1)[0].id
        if newest == first:
            run_runbook(project, request, prepared, journal, **told)
        elif journal.head(newest).status == "open":
            resume_run(project, ResumeRequest(newest), journal, **told)
    newest = journal.runs(limit=1)[0]
    assert (newest.id != first, newest.status) == (True, "succeeded")
    assert (tmp_path / "ledger").read_text().split() == ["done", "fails", "fails"]
    assert journal.verify() == []
    journal.close()
