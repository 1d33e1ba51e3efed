"""The demo is given from beginning to end, keeps what it promises, and leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 150.0
OWN_SESSION = {"start_new_session": True, "stdin": subprocess.DEVNULL, "text": True, "cwd": ROOT}


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def demo(state):
    return [sys.executable, str(ROOT / "demo" / "run.py"), "--state", str(state)]


def processes_about(state):
    """Every process whose command line names the folder of the demo."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            if str(state) in line:
                found.append(line)
    return found


def wait_until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)


def kinds(state, environment):
    """The kinds of all events of all runs, by run, the first run first."""
    runbook = [sys.executable, "-m", "runbook_engine.cli.main"]

    def ask(*arguments):
        said = subprocess.run(
            [*runbook, *arguments, "--output", "json"], **OWN_SESSION, env=environment, capture_output=True, check=True
        )
        return json.loads(said.stdout)

    return [ask("audit", "log", run["id"]) for run in reversed(ask("runs"))]


@pytest.mark.slow
def test_the_demo_keeps_its_promises_and_leaves_evidence_and_no_process(state):
    done = subprocess.run(demo(state), **OWN_SESSION, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All as promised" in done.stdout
    assert not processes_about(state)

    # What follows is read from what the demo left, not from what it says.
    environment = {**os.environ, "RUNBOOK_JOURNAL": f"sqlite:///{state / 'journal.db'}"}
    rehearsal, first, second = kinds(state, environment)
    assert [run[0]["event"]["mode"] for run in (rehearsal, first, second)] == ["dry-run", "live", "live"]
    assert {run[-1]["event"]["status"] for run in (rehearsal, first, second)} == {"succeeded"}
    approvals = [stored for stored in first if stored["event"]["kind"] == "gate.approved"]
    assert [stored["event"]["person"] for stored in approvals] == ["dana"]
    changed = {stored["event"]["task"] for stored in first if stored["event"].get("outcome") == "changed"}
    assert {"restore-db@localhost", "sync-artifacts@localhost", "deploy@standby-1", "deploy@standby-2"} <= changed
    assert {"switch-dns@localhost", "notify-customers@localhost"} <= changed
    assert {stored["event"]["task"] for stored in second if stored["event"].get("outcome") == "changed"} <= {
        "notify-team@localhost"
    }
    assert first[-1]["event"]["rta"] is not None
    assert first[-1]["event"]["rpa"] < 15 * 60

    mails = [json.loads(line) for line in (state / "mail" / "log.ndjson").read_text().splitlines()]
    assert sum("customers@lists.example.com" in mail["to"] for mail in mails) == 1
    for host in ("standby-1", "standby-2"):
        assert len((state / "hosts" / host / "deploy.log").read_text().splitlines()) == 1
    assert "<html" in (state / "report.html").read_text()
    assert first[0]["run"] in (state / "report.md").read_text().replace("\\", "")  # Markdown escapes hyphens


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(state, number):
    with subprocess.Popen(demo(state), **OWN_SESSION, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until((state / "journal.db").exists)  # the lab runs, and a command of runbook as well
        assert processes_about(state)
        process.send_signal(number)
        said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, said
    assert not processes_about(state)


@pytest.mark.slow
def test_a_demo_that_is_not_as_promised_says_so_and_leaves_no_process(state):
    state.mkdir()
    (state / "data").mkdir()  # the lab refuses a folder that was not made by a lab
    done = subprocess.run(demo(state), **OWN_SESSION, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    assert "NOT AS PROMISED: the lab did not start" in done.stderr
    assert not processes_about(state)
