"""A run that is taken back by itself dies before each of its journal writes in turn, and is resumed to its end.

What counts is what the actions did: each thing done once, and undone once, newest first. (Commands: `journeys/cli/test_taken_back.py`.)
"""

import pytest

from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import UsageError
from runbook_engine.model.event import AttemptStarted

MOST_WRITES = 40
PLUGIN = '''\
"""thing.put: a line in a ledger, and a file that tells whether it is there."""

from pathlib import Path

from runbook_engine.sdk import Action, ActionFailedError, Applied, Params, satisfied, unsatisfied


class PutParams(Params):
    """Which, where."""

    path: str
    fails: bool = False


class Put(Action[PutParams]):
    """Put a thing there."""

    name = "thing.put"
    Params = PutParams

    def check(self, params, context):
        """Look."""
        return satisfied("there") if Path(params.path).exists() else unsatisfied("not there")

    def apply(self, params, context):
        """Put it there."""
        if params.fails:
            raise ActionFailedError("no room")
        Path(params.path).touch()
        with Path(params.path).with_name("ledger").open("a") as ledger:
            ledger.write(f"do {context.run.step}\\\\n")
        return Applied()

    def revert(self, params, context):
        """Take it away."""
        Path(params.path).unlink()
        with Path(params.path).with_name("ledger").open("a") as ledger:
            ledger.write(f"undo {context.run.step}\\\\n")
        return Applied()
'''.replace("\\\\n", "\\n")
BOOK = """\
runbook: shift
steps:
  - id: one
    thing.put: {path: GROUND/one}
  - id: two
    needs: [one]
    thing.put: {path: GROUND/two}
  - id: three
    needs: [two]
    on_failure: revert
    thing.put: {path: GROUND/three, fails: true}
  - id: four
    needs: [three]
    thing.put: {path: GROUND/four}
"""


class Watches:
    """Keeps what is told besides the events."""

    def __init__(self):
        self.warnings = []

    def warning(self, text):
        self.warnings.append(text)

    def event(self, stored):
        """Not shown."""

    progress = event


class Killed(BaseException):
    """The process is gone."""


class DiesAt:
    """A journal whose user dies before its n-th write, and never again."""

    def __init__(self, inner, at):
        self._inner, self.left = inner, at

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name not in {"open_run", "append"}:
            return found

        def write(*arguments, **named):
            self.left -= 1
            if self.left == 0:
                raise Killed
            return found(*arguments, **named)

        return write


def go_on(project, journal, watches):
    """Begin, or resume what is not over; gives False when nothing is left to do."""
    told = {"listener": watches, "interrupts": Interrupts()}
    runs = journal.runs()
    if not runs:
        prepared = prepare_plan(project, PlanRequest("shift"))
        run_runbook(project, RunRequest(PlanRequest("shift")), prepared, journal, **told)
        return True
    try:
        resume_run(project, ResumeRequest(runs[0].id), journal, **told)
    except UsageError:
        return False
    return True


@pytest.mark.timeout(300)
def test_killed_before_any_journal_write(runbook, tmp_path):
    ground = tmp_path / "ground"
    ground.mkdir()
    runbook.write("plugins/thing.py", PLUGIN)
    runbook.write("runbooks/shift.yml", BOOK.replace("GROUND", str(ground)))
    project = open_project(runbook.root)
    whole = 0
    for at in range(1, MOST_WRITES):
        for left in ground.iterdir():
            left.unlink()
        inner = open_journal(f"sqlite:///{tmp_path}/journal-{at}.db", project=runbook.root, create=True)
        journal, watches = DiesAt(inner, at), Watches()
        try:
            go_on(project, journal, watches)
        except Killed:
            for _ in range(4):
                if not go_on(project, journal, watches):
                    break
        undo, run = inner.runs()
        assert (undo.status, run.status) == ("succeeded", "failed"), at
        # Where an attempt's end was not recorded and the work was found done, nobody knows who did it: told, not undone.
        told = "\n".join(watches.warnings)
        undone = [f"undo {step}" for step in ("two", "one") if f"{step}@localhost: found done" not in told]
        assert (ground / "ledger").read_text().splitlines() == ["do one", "do two", *undone], (at, told)
        whole += len(undone) == 2
        begun = [stored.event.task for stored in inner.read(run.id) if isinstance(stored.event, AttemptStarted)]
        assert begun[-1] == "three@localhost", "and nothing behind it began"
        assert inner.verify() == [], at
        inner.close()
        if journal.left > 0:
            break
    assert at > 10, "every write was struck"
    assert whole >= at - 2, "only the writes that end `one` and `two` leave that open"
    assert journal.left > 0, "and the last round was struck nowhere"
