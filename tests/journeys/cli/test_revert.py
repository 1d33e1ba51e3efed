"""`runbook revert`: what a run changed is taken back at the targets, newest first, and what can't be is told before."""

import time

import pytest

PLUGIN = '''\
"""thing.put: puts a word into a file, or puts back what was there."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import Action, ActionContext, Applied, Finding, Outputs, Params, satisfied, unsatisfied


class PutParams(Params):
    """Which word, where."""

    path: str = Field(description="the file", examples=["/tmp/x"])
    word: str = Field(description="what shall be in it", examples=["on"])


class PutOutputs(Outputs):
    """What was there."""

    before: str = Field("", description="the word before")


class Put(Action[PutParams]):
    """Put a word into a file.

    check: reads it.
    apply: writes it.
    revert: writes what was there.
    """

    name: ClassVar[str] = "thing.put"
    Params: ClassVar = PutParams
    Outputs: ClassVar = PutOutputs

    def check(self, params: PutParams, context: ActionContext) -> Finding:
        """Read it."""
        path = Path(params.path)
        there = path.read_text() if path.exists() else ""
        return satisfied("there") if there == params.word else unsatisfied(f"there is {there!r}")

    def apply(self, params: PutParams, context: ActionContext) -> Applied:
        """Write it."""
        path = Path(params.path)
        before = path.read_text() if path.exists() else ""
        path.write_text(params.word)
        return Applied(outputs={"before": before})

    def revert(self, params: PutParams, context: ActionContext) -> Applied:
        """Write what was there."""
        with Path(params.path + ".log").open("a") as log:
            log.write(f"{context.run.step}\\n")
        Path(params.path).write_text(str(context.recorded["before"]))
        return Applied(summary="put back")
'''
BOOK = """\
runbook: switch
title: Switch it over
steps:
  - id: first
    thing.put: {path: "%(root)s/first", word: "new {{ run.id }}"}
  - id: second
    needs: [first]
    command.run: {shell: "echo forth >> %(root)s/steps"}
    revert:
      command.run: {shell: "echo 'back of {{ steps.first.before }}' >> %(root)s/steps"}
  - id: third
    needs: [second]
    command.run: {shell: "echo mail >> %(root)s/mails"}
  - id: same
    thing.put: {path: "%(root)s/same", word: as-it-was}
"""


@pytest.fixture
def switched(runbook):
    """A project in which a run changed things; gives the command line and the run's id."""
    runbook.write("plugins/thing.py", PLUGIN)
    runbook.write("runbooks/switch.yml", BOOK % {"root": runbook.root})
    runbook.write("first", "old")
    runbook.write("same", "as-it-was")
    done = runbook("run", "switch", "--yes", "--output", "json")
    assert done.status == 0, done.err
    return runbook, done.json["run"]


def test_a_run_is_taken_back_newest_first_and_the_rest_is_told_before(switched):
    runbook, run = switched
    done = runbook("revert", "last", "--yes", "--output", "json")
    assert done.status == 0, done.err
    assert (runbook.root / "first").read_text() == "old"
    assert (runbook.root / "steps").read_text() == "forth\nback of old\n"
    assert (runbook.root / "mails").read_text() == "mail\n"
    assert "stays as it is: third (1 task)" in done.err
    assert done.err.index("stays as it is") < done.err.index("  changed  ")
    steps = {step["id"]: step["outcome"] for step in done.json["steps"]}
    assert steps == {"second": "changed", "first": "changed"}
    ended = [entry["label"] for entry in done.json["timeline"] if entry["kind"] == "attempt"]
    assert ended == ["second@localhost", "first@localhost"]
    log = runbook("audit", "log", "last", "--output", "json").json
    assert log[0]["event"]["reverts"] == run
    assert runbook("audit", "verify").status == 0


def test_a_dry_run_changes_nothing_and_says_what_it_would_take_back(switched):
    runbook, _ = switched
    done = runbook("revert", "last", "--dry-run")
    assert done.status == 0, done.err
    assert "would be undone" in done.out
    assert (runbook.root / "first").read_text().startswith("new ")
    assert (runbook.root / "steps").read_text() == "forth\n"


def test_what_was_changed_by_somebody_since_is_not_overwritten(switched):
    runbook, _ = switched
    (runbook.root / "first").write_text("by hand")
    assert runbook("revert", "last", "--yes").status == 0
    assert (runbook.root / "first").read_text() == "by hand"


def test_a_run_that_was_taken_back_does_not_go_on(switched):
    runbook, _ = switched
    (runbook.root / "runbooks/fails.yml").write_text(
        f"runbook: fails\nsteps:\n  - id: put\n    thing.put: {{path: {runbook.root}/first, word: x}}\n"
        "  - id: no\n    needs: [put]\n    command.run: {argv: ['false']}\n"
    )
    failed = runbook("run", "fails", "--yes", "--output", "json")
    assert failed.status == 1
    assert runbook("revert", failed.json["run"], "--yes").status == 0
    again = runbook("resume", failed.json["run"], "--yes")
    assert again.status == 2
    assert "was taken back" in again.err


@pytest.mark.parametrize("words", [["--yes"], ["--dry-run"]])
def test_what_changed_nothing_or_took_back_is_refused(switched, words):
    runbook, _ = switched
    undo = runbook("revert", "last", "--yes", "--output", "json").json["run"]
    again = runbook("revert", "last", *words)
    assert (again.status, f"already, by run {undo}" in again.err) == (2, True)
    undone = runbook("revert", undo, *words)
    assert (undone.status, "not undone in its turn" in undone.err) == (2, True)
    seen = runbook("run", "switch", "--dry-run", "--output", "json").json["run"]
    dry = runbook("revert", seen, *words)
    assert (dry.status, "dry run" in dry.err) == (2, True)


def test_a_changed_runbook_is_refused_unless_accepted(switched):
    runbook, _ = switched
    book = runbook.root / "runbooks/switch.yml"
    book.write_text(book.read_text().replace("echo mail", "echo letter"))
    refused = runbook("revert", "last", "--yes")
    assert refused.status == 3
    assert (runbook.root / "first").read_text().startswith("new ")
    assert runbook("revert", "last", "--yes", "--accept-changes").status == 0
    assert (runbook.root / "first").read_text() == "old"


def test_nobody_is_asked_without_a_terminal(switched):
    runbook, _ = switched
    done = runbook("revert", "last")
    assert (done.status, "--yes" in done.err) == (2, True)


def test_a_killed_revert_goes_on_and_undoes_nothing_twice(switched):
    runbook, _ = switched
    plugin = runbook.root / "plugins/thing.py"
    text = plugin.read_text()
    dies = text.replace(
        '        return Applied(summary="put back")', "        import os\n        os.kill(os.getpid(), 9)"
    )
    plugin.write_text(dies)
    assert runbook("revert", "last", "--yes").status == -9
    plugin.write_text(text)
    done = runbook("resume", "--yes", "--output", "json")
    assert done.status == 0, done.err
    assert (runbook.root / "first.log").read_text() == "first\n", (
        "it was put back before the kill, and the check saw it"
    )
    assert (runbook.root / "steps").read_text().count("back") == 1
    assert done.json["status"] == "succeeded"


@pytest.mark.parametrize("before", ["", "  - id: put\n    file.copy: {content: x, dest: ROOT/put}\n"])
def test_a_run_that_still_runs_is_refused_whatever_it_changed_by_now(runbook, before):
    slow = "  - id: slow\n    command.run: {shell: 'touch ROOT/begun; until test -e ROOT/go; do sleep 0.05; done'}\n"
    needs = "    needs: [put]\n" if before else ""
    book = f"runbook: slow\nsteps:\n{before}{slow}{needs}"
    runbook.write("runbooks/slow.yml", book.replace("ROOT", str(runbook.root)))
    process = runbook.start("run", "slow", "--yes")
    try:
        for _ in range(1200):
            if (runbook.root / "begun").exists():
                break
            time.sleep(0.05)
        refused = runbook("revert", "last", "--yes")
    finally:
        (runbook.root / "go").touch()
        process.communicate(timeout=60)
    assert refused.status == 5, refused.err
    assert "is still running" in refused.err
    assert "runbook abort" in refused.err
    assert "--take-over" not in refused.err
    assert process.returncode == 0
