"""Runs that go on in the background, and watching them."""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.at_terminal import at_terminal

SLOW = """\
runbook: slow
steps:
  - {id: first, command.run: {argv: [sh, -c, "echo x >> @ROOT@/begun; until [ -e @ROOT@/go ]; do sleep 0.05; done"]}}
  - {id: second, needs: [first], command.run: {argv: [sh, -c, "echo x >> @ROOT@/second"]}}
"""


@pytest.fixture
def slow(runbook):
    runbook.write("runbooks/slow.yml", SLOW.replace("@ROOT@", str(runbook.root)))
    started = []

    def detach(*words):
        done = runbook(*words, "--yes", "--detach", "--output", "json")
        assert done.status == 0, done.err
        started.append(done.json["pid"])
        wait_until((runbook.root / "begun").exists)
        return done.json

    yield runbook, detach
    runbook.write("go", "")
    for pid in started:
        wait_until(lambda pid=pid: is_over(pid))


def wait_until(happened):
    for _ in range(600):
        if happened():
            return
        time.sleep(0.05)
    pytest.fail("it never came to that")


def is_over(pid):
    """Tell whether a process has ended; what nobody waited for yet (in a container: ever) is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_detached_run_has_its_own_session_and_log_and_survives_a_hangup(slow):
    runbook, detach = slow
    told = detach("run", "slow")
    assert os.getsid(told["pid"]) == told["pid"]
    log = Path(told["log"])
    assert log == runbook.root / ".runbook" / f"{told['id']}.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    opened = [Path(f"/proc/{told['pid']}/fd/{number}").resolve() for number in (0, 1, 2)]
    assert opened == [Path("/dev/null"), log, log]
    assert (told["runbook"], told["mode"]) == ("slow", "live")
    os.kill(told["pid"], signal.SIGHUP)
    runbook.write("go", "")
    watched = runbook("watch", told["id"])
    assert watched.status == 0, watched.err
    assert (runbook.root / "second").read_text() == "x\n"
    text = log.read_text()
    assert "SUCCEEDED" in text
    assert "Traceback" not in text
    for line in watched.err.splitlines():
        assert line in text, "watch tells what the run told"


def test_the_id_alone_is_printed_and_the_caller_s_pipes_are_let_go(slow):
    runbook, _ = slow
    reading, writing = os.pipe()
    done = subprocess.run(
        runbook.argv("run", "slow", "--yes", "--detach"),
        cwd=runbook.root, env=runbook.environment(), capture_output=True, text=True, timeout=120, check=True,
        pass_fds=[writing],
    )  # fmt: skip
    os.close(writing)
    assert os.read(reading, 1) == b"", "nobody holds the other end any more"
    os.close(reading)
    assert done.stdout.strip() == runbook("runs", "--output", "json").json[0]["id"]
    assert f"runbook watch {done.stdout.strip()}" in done.stderr
    runbook.write("go", "")
    assert runbook("watch").status == 0


def test_what_is_refused_is_refused_in_the_foreground(slow):
    runbook, detach = slow
    assert runbook("run", "nothing-like-it", "--yes", "--detach").status == 3
    assert runbook("run", "slow", "--detach").status == 2, "nobody can be asked"
    assert runbook("run", "slow", "--yes", "--detach", "--skip", "third", "--reason", "x").status == 3
    runbook.write("no-journal", "this is no database, but long enough to be looked at" * 20).chmod(0o600)
    away = runbook("run", "slow", "--yes", "--detach", RUNBOOK_JOURNAL="sqlite:///no-journal")
    assert away.status == 6, away.err
    told = detach("run", "slow")
    second = runbook("run", "slow", "--yes", "--detach")
    assert (second.status, second.out) == (5, "")
    assert f"pid {told['pid']}" in second.err
    resumed = runbook("resume", told["id"], "--yes", "--detach")
    assert (resumed.status, resumed.out) == (5, "")
    assert [path.name for path in runbook.root.rglob("*.log")] == [f"{told['id']}.log"]


def test_a_killed_detached_run_is_resumed_in_the_background(slow):
    runbook, detach = slow
    told = detach("run", "slow")
    assert runbook("report", told["id"], "--format", "json").json["status"] == "running"
    os.kill(told["pid"], signal.SIGKILL)
    wait_until(lambda: is_over(told["pid"]))
    assert runbook("status", "--output", "json").json["status"] == "stopped"
    report = runbook("report", told["id"], "--format", "json").json
    assert (report["status"], report["in_doubt"]) == ("stopped", ["first@localhost"])
    for form in ("md", "html"):
        written = runbook("report", told["id"], "--format", form).out.replace("\\", "")
        assert f"no process has this run any more. To go on: runbook resume {told['id']}" in written, written[:500]
    left = runbook("watch", told["id"])
    assert left.status == 130
    assert "ended without a word" in left.err
    assert f"runbook resume {told['id']}" in left.err
    runbook.write("go", "")
    again = detach("resume", told["id"])
    assert (again["id"], again["log"]) == (told["id"], told["log"])
    assert again["pid"] != told["pid"]
    assert runbook("watch").status == 0
    assert (runbook.root / "begun").read_text() == "x\n", "found, and not begun again"
    assert (runbook.root / "second").read_text() == "x\n"


def test_sigterm_leaves_a_detached_run_that_can_be_resumed(slow):
    runbook, detach = slow
    told = detach("run", "slow")
    watching = runbook.start("watch", told["id"])
    os.kill(told["pid"], signal.SIGTERM)
    wait_until(lambda: "interrupted" in Path(told["log"]).read_text())
    runbook.write("go", "")
    _, err = watching.communicate(timeout=60)
    assert watching.returncode == 130, err
    assert not (runbook.root / "second").exists()
    assert runbook("status", "--output", "json").json["status"] == "stopped"
    assert runbook("resume", "--yes").status == 0


def test_abort_ends_a_detached_run_for_good(slow):
    runbook, detach = slow
    told = detach("run", "slow")
    assert runbook("abort", told["id"], "--reason", "the region is back").status == 0
    runbook.write("go", "")
    watched = runbook("watch", told["id"])
    assert watched.status == 1
    assert "the region is back" in watched.err
    assert runbook("status", "--output", "json").json["status"] == "aborted"


def test_a_detached_run_waits_at_its_gates(runbook):
    told = runbook("run", "restore-settings", "-e", "ask=true", "--yes", "--detach", "--output", "ndjson").json
    watching = runbook.start("watch", told["id"], "--output", "ndjson")
    lines = iter(watching.stdout.readline, "")
    seen = [json.loads(next(line for line in lines if '"gate.opened"' in line))]
    assert runbook("status", "--output", "json").json["status"] == "running"
    assert runbook("approve", told["id"], "declare", "--as", "dana", "--reason", "go").status == 0
    seen += [json.loads(line) for line in lines]
    watching.communicate(timeout=60)
    assert watching.returncode == 0
    logged = [json.loads(line) for line in runbook("audit", "log", "last", "--output", "ndjson").out.splitlines()]
    assert seen == logged[-len(seen) :]


def test_the_person_at_the_terminal_is_asked_before_and_may_leave_after(slow):
    runbook, _ = slow
    shown, status = at_terminal(runbook, "run", "slow", "--detach", answers=[("Go?", "y\n")])
    assert status == 0, shown
    assert runbook("status", "--output", "json").json["status"] == "running", "the terminal is closed"
    runbook.write("go", "")
    assert runbook("watch").status == 0
    shown, status = at_terminal(runbook, "run", "slow", "--detach", answers=[("Go?", "n\n")])
    assert status == 1, shown
    assert len(runbook("runs", "--output", "json").json) == 1


def test_ctrl_c_ends_the_watching_alone(slow):
    runbook, detach = slow
    told = detach("run", "slow")
    watching = runbook.start("watch", told["id"])
    assert "live, 2 tasks" in watching.stderr.readline()
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "Traceback" not in err
    assert runbook("status", "--output", "json").json["status"] == "running"
    runbook.write("go", "")
    assert runbook("watch").status == 0


def test_watching_ends_as_the_run_did(runbook):
    assert runbook("run", "restore-settings", "-e", "ask=true", "--yes").status == 4
    waiting = runbook("watch")
    assert waiting.status == 4
    assert "runbook approve" in waiting.err
    assert runbook("decline", "last", "declare", "--as", "dana", "--reason", "no").status == 0
    resumed = runbook("resume", "--yes")
    again = runbook("watch", "last", "--output", "json")
    assert (resumed.status, again.status) == (1, 1)
    assert again.json["status"] == "failed"


def test_a_pruned_run_s_log_goes_with_its_events(runbook):
    first = runbook("run", "restore-settings", "--yes", "--detach", "--output", "json").json
    assert runbook("watch").status == 0
    wait_until(lambda: is_over(first["pid"]))
    assert runbook("run", "restore-settings", "--yes").status == 0
    assert Path(first["log"]).exists()
    pruned = runbook("runs", "prune", "--keep", "1", "--yes", "--output", "json")
    assert [one["run"] for one in pruned.json["pruned"]] == [first["id"]]
    assert not Path(first["log"]).exists()
