"""What goes wrong with a detached command on its target: no room, cut scripts, dead engines, floods of output."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.in_background import wait_for
from support.processes import unique

from runbook_engine.connections import detached_script as scripts
from runbook_engine.connections.detached_answer import end_of, read_answer
from runbook_engine.connections.local import LocalConnection
from runbook_engine.connections.shell import bootstrap, framed, program
from runbook_engine.sdk import Command, DetachedStatus, RunbookError, TargetUnreachableError

SHELLS = [shell for shell in ("/bin/dash", "/bin/bash", "/bin/busybox") if Path(shell).exists()]


def sh(script, **more):
    return Command(("sh", "-c", script), **more)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def connection(home):
    made = LocalConnection(home)
    yield made
    made.close()


def attempt(home, token):
    return home / ".runbook" / "attempts" / token


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_speaks_the_protocol(tmp_path, shell):
    place = scripts.Place(str(tmp_path / "base"), "token", "rbnonce")
    command = sh("cat; echo err >&2; exit 3", stdin=b"\0in\n", environment={"A": "b"}, cwd="/")
    start = scripts.Start(program(command), input_digest=hashlib.sha256(command.stdin).hexdigest())
    script = scripts.start_script(place, start)
    argv = [shell, "sh"] if shell.endswith("busybox") else [shell]
    done = subprocess.run(
        [*argv, "-c", bootstrap("MARK", script.library)],
        input=framed(script.text, "MARK") + command.stdin,
        capture_output=True,
        check=True,
        start_new_session=True,
    )
    answer = read_answer(done.stdout, "rbnonce")
    assert (answer.state, answer.stdout, answer.stderr) == ("done 3", b"\0in\n", b"err\n")
    assert done.stderr == b""


def test_a_script_cut_anywhere_starts_nothing(tmp_path):
    ran = tmp_path / "ran"
    place = scripts.Place(str(tmp_path / "base"), "token", "rbnonce")
    script = scripts.start_script(place, scripts.Start(program(sh(f"touch {ran}"))))
    whole = framed(script.text, "MARK")
    for length in range(0, len(whole) - 1, 7):
        done = subprocess.run(
            ["sh", "-c", bootstrap("MARK", script.library)], input=whole[:length], capture_output=True, check=False
        )
        assert done.returncode == 125
    assert not ran.exists()
    assert not (tmp_path / "base").exists()


def test_input_cut_short_starts_nothing(tmp_path):
    ran = tmp_path / "ran"
    place = scripts.Place(str(tmp_path / "base"), "token", "rbnonce")
    digest = hashlib.sha256(b"whole input").hexdigest()
    script = scripts.start_script(place, scripts.Start(program(sh(f"touch {ran}")), input_digest=digest))
    done = subprocess.run(
        ["sh", "-c", bootstrap("MARK", script.library)],
        input=framed(script.text, "MARK") + b"whole inp",
        capture_output=True,
        check=True,
    )
    with pytest.raises(RunbookError, match="did not arrive whole"):
        read_answer(done.stdout, "rbnonce")
    assert not ran.exists()
    assert list((tmp_path / "base").iterdir()) == []


ENGINE = """
import sys
from pathlib import Path
from runbook_engine.connections.local import LocalConnection
from runbook_engine.sdk import Command
LocalConnection(Path(sys.argv[1])).run_detached(Command(("sh", "-c", sys.argv[2])), token=sys.argv[3], timeout=60)
"""


def test_the_command_outlives_the_engine_and_is_reattached(home, connection, tmp_path):
    ran, go = tmp_path / "ran", tmp_path / "go"
    script = f"echo x >>{ran}; while [ ! -e {go} ]; do sleep 0.05; done; echo end; exit 6"
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, home, script, unique("job")])
    wait_for(ran.exists)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    assert connection.probe_detached(unique("job")).status is DetachedStatus.RUNNING
    go.touch()
    result = connection.run_detached(sh(script), token=unique("job"), timeout=30)
    assert (result.exit_status, result.stdout, result.reattached) == (6, b"end\n", True)
    assert ran.read_text() == "x\n"


def test_the_exit_status_outlives_the_shell_that_started_it(home, connection, tmp_path):
    began, go = tmp_path / "began", tmp_path / "go"
    result = []
    thread = threading.Thread(
        target=lambda: result.append(
            connection.run_detached(
                sh(f"touch {began}; while [ ! -e {go} ]; do sleep 0.05; done; exit 8"), token=unique("t"), timeout=60
            )
        )
    )
    thread.start()
    wait_for(began.exists)
    session = int((attempt(home, unique("t")) / "job").read_text().split()[2])
    os.kill(session, signal.SIGKILL)
    go.touch()
    thread.join()
    assert result[0].exit_status == 8


def test_a_start_that_broke_off_is_in_doubt(home, connection):
    attempt(home, unique("broken")).mkdir(parents=True)
    assert connection.probe_detached(unique("broken")).status is DetachedStatus.STARTING
    with pytest.raises(TargetUnreachableError, match="nothing tells whether it ran"):
        connection.run_detached(sh("exit 0"), token=unique("broken"), timeout=60)


def test_a_flood_of_output_stays_small_in_memory_and_on_disk(home, connection):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = connection.run_detached(sh("head -c 300000000 /dev/zero; echo end"), token=unique("flood"), timeout=120)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert result.stdout_bytes == 300_000_004
    assert result.stdout.endswith(b"end\n")
    assert sum(file.stat().st_size for file in attempt(home, unique("flood")).iterdir()) < 8_000_000
    assert (after - before) * 1024 < 60_000_000


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_refuses_the_start(small_disk, tmp_path):
    ran = tmp_path / "ran"
    (small_disk / ".runbook" / "attempts").mkdir(parents=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk}/filler", "bs=4096"], capture_output=True, check=False)
    connection = LocalConnection(small_disk)
    with pytest.raises(RunbookError, match="full"):
        connection.run_detached(sh(f"touch {ran}"), token=unique("full"), timeout=30)
    assert not ran.exists()
    assert connection.probe_detached(unique("full")).status is DetachedStatus.ABSENT


def test_a_command_that_fills_the_disk_keeps_its_exit_status(small_disk):
    connection = LocalConnection(small_disk)
    result = connection.run_detached(
        sh(f"head -c 3000000 /dev/zero >{small_disk}/filler; head -c 900000 /dev/zero || exit 99; exit 7"),
        token=unique("f"),
        timeout=30,
    )
    assert result.exit_status == 7
    assert connection.probe_detached(unique("f")).exit_status == 7


def test_an_answer_is_read_only_when_it_is_whole():
    whole = b"N state done 0\n\nN out 0\nhello\nN err 0\n" + end_of("N")
    assert read_answer(whole, "N").stdout == b"hello"
    for length in range(len(whole)):
        assert read_answer(whole[:length], "N") is None
