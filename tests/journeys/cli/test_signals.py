"""Ctrl-C and its relatives: what runs is finished or cancelled, and the run can be resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLOW = """\
runbook: slow
steps:
  - id: first
    command.run: {argv: [/bin/sh, -c, "echo $$ > pid; touch begun; sleep SECONDS; echo once >> done-first"], cwd: ROOT}
    timeout: 10m
  - id: second
    needs: [first]
    command.run: {argv: [/bin/sh, -c, "echo once >> done-second"], cwd: ROOT}
"""


def begin(runbook, seconds):
    runbook.write("runbooks/slow.yml", SLOW.replace("SECONDS", seconds).replace("ROOT", str(runbook.root)))
    process = runbook.start("run", "slow", "--yes")
    for _ in range(1200):
        if (runbook.root / "begun").exists():
            return process
        time.sleep(0.05)
    process.kill()
    pytest.fail(str(process.communicate()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_finishes_what_runs_and_leaves_a_run_to_resume(runbook, number):
    process = begin(runbook, "2")
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "runbook resume" in err
    assert (runbook.root / "done-first").exists()
    assert not (runbook.root / "done-second").exists()
    assert runbook("status", "--output", "json").json["status"] == "stopped"
    assert runbook("resume", "--yes").status == 0
    assert (runbook.root / "done-first").read_text() == "once\n"
    assert (runbook.root / "done-second").read_text() == "once\n"


def test_a_second_signal_cancels_what_runs(runbook):
    process = begin(runbook, "300")
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert not (runbook.root / "done-first").exists()
    pid = int((runbook.root / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists(), "the command was ended, and is not left to itself"
    assert "was cancelled by the operator, and was ended" in err
    told = runbook("status", "--output", "json").json
    assert (told["status"], told["troubles"][0]["state"]) == ("stopped", "failed"), "its end is known"


def test_a_reader_that_leaves_does_not_disturb_the_run(runbook):
    process = runbook.start("run", "restore-settings", "--yes", "--output", "ndjson")
    process.stdout.readline()
    process.stdout.close()
    process.stderr.read()
    process.stderr.close()
    process.wait(timeout=120)
    assert runbook("status", "--output", "json").json["status"] == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_run_is_opened_starts_nothing(runbook, number):
    """The inventory is a program that holds the start-up until the signal has come."""
    program = runbook.write(
        "inventories/slow", '#!/bin/sh\ntouch begun\nwhile [ ! -e go ]; do sleep 0.05; done\necho "{}"\n'
    )
    program.chmod(0o755)
    process = runbook.start("run", "restore-settings", "-i", "local", "-i", "slow", "--yes")
    found = wait_for_any(runbook.root, "begun", process)
    os.kill(process.pid, number)
    time.sleep(0.2)
    (found.parent / "go").touch()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not (runbook.root / ".runbook/journal.db").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_program_is_still_loaded_ends_it_quietly(runbook, number):
    """A library that takes its time stands in for the moment between the call and the first own line."""
    runbook.write("slow/click.py", "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(300)\n")
    start = "import sys; sys.path.insert(0, 'slow'); from runbook_engine.cli.start import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, "runs"],
        cwd=runbook.root, env=runbook.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_any(runbook.root, "begun", process)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "error: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_after_the_end_changes_nothing(runbook, number):
    process = runbook.start("run", "restore-settings", "--yes")
    for line in process.stderr:
        if line.startswith("report: "):
            os.kill(process.pid, number)
            break
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "SUCCEEDED" in out


def wait_for_any(root, name, process):
    for _ in range(1200):
        if found := next(root.rglob(name), None):
            return found
        time.sleep(0.05)
    process.kill()
    pytest.fail(str(process.communicate()))
