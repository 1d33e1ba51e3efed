"""Plain commands by the shell that stays on a host: what a session of sshd would have kept apart is kept apart."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
from support.in_background import wait_for
from support.processes import gone

from runbook_engine.connections.resident_perl import PERL
from runbook_engine.connections.resident_plain import plain_frame
from runbook_engine.connections.ssh_plain import GIVEN_AT_MOST
from runbook_engine.sdk import Command, CommandTimeoutError, TargetUnreachableError

needs_perl = pytest.mark.skipif(shutil.which("perl") is None, reason="no perl here")


def sh(script, **more):
    return Command(("sh", "-c", script), **more)


@pytest.fixture(scope="module")
def server(sshd_tools, tmp_path_factory):
    made = sshd_tools.start_sshd(tmp_path_factory.mktemp("sshd"))
    yield made
    made.stop()


@pytest.fixture
def link(sshd_tools, server, tmp_path):
    made = sshd_tools.connect(server, tmp_path / "attempts", alive_seconds=0.5, connect_seconds=5)
    yield made
    made.close()
    made.pool.close()


def plain(connection, script, **more):
    return connection.run(sh(script, **more), timeout=30)


@pytest.mark.sshd
@needs_perl
def test_one_shell_runs_one_after_another_each_in_a_session_of_its_own(link, tmp_path):
    told = [plain(link, "echo $PPID $$; cut -d' ' -f6 /proc/$$/stat").stdout.split() for _ in range(3)]
    assert len({parent for parent, _, _ in told}) == 1
    assert [pid == session for _, pid, session in told] == [True] * 3
    assert b"\nperl\n" in plain(link, "echo; cat /proc/$PPID/comm").stdout
    assert not (tmp_path / "attempts").exists()


@pytest.fixture
def go(tmp_path):
    """Give a file that children wait for; whatever the test finds, they do not wait for ever."""
    yield tmp_path / "go"
    (tmp_path / "go").touch()


@pytest.mark.sshd
def test_what_children_say_later_is_nobody_elses(link, go):
    """They hold their output for longer than the answer waits for it."""
    slow = f"(while [ ! -e {go} ]; do sleep 0.05; done; echo late; echo later >&2) & echo now; exit 5"
    first = plain(link, slow)
    assert (first.exit_status, first.stdout) == (5, b"now\n")
    go.touch()
    for number in range(5):
        result = plain(link, f"sleep 0.1; echo {number}; echo {number} >&2")
        assert (result.stdout, result.stderr) == (f"{number}\n".encode(),) * 2


@pytest.mark.sshd
def test_a_child_that_never_stops_talking_holds_the_answer_for_seconds_at_most(link):
    began = time.monotonic()
    result = plain(link, "timeout 30 yes >&2 & echo now; exit 5")
    assert (result.exit_status, result.stdout) == (5, b"now\n")
    assert time.monotonic() - began < 20
    assert plain(link, "echo on").stdout == b"on\n"


@pytest.mark.sshd
def test_a_command_that_closes_its_output_is_waited_for(link, tmp_path):
    ended = tmp_path / "ended"
    assert plain(link, f"exec >&- 2>&-; sleep 0.5; touch {ended}; exit 4").exit_status == 4
    assert ended.exists()


@pytest.mark.sshd
@needs_perl
def test_the_shell_killed_in_mid_command_is_in_doubt_and_begins_nothing_again(link, tmp_path):
    ran = tmp_path / "ran"
    resident = int(plain(link, "echo $PPID").stdout)
    end = []

    def go():
        try:
            end.append(plain(link, f"echo $$ >>{ran}; sleep 20"))
        except TargetUnreachableError as error:
            end.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    wait_for(lambda: ran.exists() and ran.read_text())
    os.kill(resident, signal.SIGKILL)
    thread.join(20)
    assert "the shell that ran sh was ended" in str(end[0])
    assert "unknown" in end[0].hint
    assert plain(link, "echo on").stdout == b"on\n"
    (pid,) = ran.read_text().split()
    os.kill(int(pid), signal.SIGKILL)


@pytest.mark.sshd
@needs_perl
def test_a_timeout_lets_the_shell_go_and_proves_the_commands_end(link, tmp_path):
    pids = tmp_path / "pids"
    resident = int(plain(link, "echo $PPID").stdout)
    with pytest.raises(CommandTimeoutError) as caught:
        link.run(sh(f"trap '' TERM; echo $$ >>{pids}; yes & echo $! >>{pids}; wait"), timeout=1)
    assert caught.value.killed
    assert [gone(pid) for pid in pids.read_text().split()] == [True, True]
    wait_for(lambda: gone(resident))


@pytest.mark.sshd
@pytest.mark.parametrize("size", [1, 4097, GIVEN_AT_MOST, GIVEN_AT_MOST + 1, 3_000_000])
def test_input_of_every_size_arrives(link, size):
    given = bytes(itertools.islice(itertools.cycle(range(256)), size))
    result = link.run(Command(("cat",), stdin=given), timeout=30)
    assert (result.stdout[:500_000], result.stdout[-500_000:]) == (given[:500_000], given[-500_000:])
    assert result.stdout_bytes == size
    assert plain(link, "exit 3", stdin=given).exit_status == 3
    assert plain(link, "cat").stdout == b""


NOISE = "printf 'perl\\n\\033[31mnoise before\\n%0700d no end of line' 7"


@pytest.fixture(scope="module")
def noisy(sshd_tools, tmp_path_factory):
    made = sshd_tools.start_sshd(
        tmp_path_factory.mktemp("noisy"), f'ForceCommand {NOISE}; {NOISE} >&2; eval "$SSH_ORIGINAL_COMMAND"'
    )
    yield made
    made.stop()


@pytest.mark.sshd
@pytest.mark.parametrize("kind", ["perl", "sh"])
@pytest.mark.parametrize("stdin", [b"", b"given"])
def test_what_a_login_prints_is_not_the_commands(sshd_tools, noisy, tmp_path, kind, stdin):
    made = sshd_tools.connect(noisy, tmp_path / "attempts")
    made.pool.residents.perl = kind == "perl"
    heard = {"stdout": b"", "stderr": b""}

    def listen(stream, data):
        heard[stream] += data

    try:
        end = made.run(sh("cat; echo out; echo err >&2; exit 4", stdin=stdin), timeout=20, on_output=listen)
        assert (end.exit_status, end.stdout, end.stderr) == (4, stdin + b"out\n", b"err\n")
        assert (end.stdout_bytes, end.stderr_bytes) == (len(stdin) + 4, 4)
        assert heard == {"stdout": end.stdout, "stderr": end.stderr}
        assert made.run(Command(("printf", "")), timeout=20).stdout_bytes == 0
    finally:
        made.pool.close()


def perl(given, before=""):
    argv = ["sh", "-c", f'{before} exec perl -e "$0" rbhello ""', PERL]
    done = subprocess.run(argv, input=given, capture_output=True, check=True, start_new_session=True, timeout=60)
    return done.stdout.partition(b"\nrbhello end\n")[2]


@needs_perl
def test_a_plain_frame_cut_anywhere_starts_nothing(tmp_path):
    ran = tmp_path / "ran"
    whole = plain_frame("rbcut", sh(f"cat; touch {ran}", stdin=b"some input"))
    for length in reversed(range(0, len(whole) - 1, 7)):  # what one began wrongly has the time of the others
        assert perl(whole[:length]) == b""
    assert not ran.exists()


@needs_perl
def test_a_host_without_pipes_left_refuses(tmp_path):
    ran = tmp_path / "ran"
    said = perl(plain_frame("rbfew", sh(f"touch {ran}")), "ulimit -n 5;")
    assert said == b"r rbfew it has no pipe left\n"
    assert not ran.exists()


@needs_perl
@pytest.mark.parametrize("talks", [True, False])
def test_perl_ends_when_nobody_listens_any_more(tmp_path, talks):
    """The command is left to whoever ends it; what it says goes nowhere."""
    pid = tmp_path / "pid"
    script = f"echo $$ >{pid}.part; mv {pid}.part {pid}; {'yes' if talks else 'sleep 60'}"
    process = subprocess.Popen(
        ["perl", "-e", PERL, "rbhello", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    process.stdin.write(plain_frame("rbleft", sh(script)))
    process.stdin.flush()
    wait_for(pid.exists)
    process.stdout.close()
    process.stdin.close()
    try:
        assert process.wait(20) == 0
        if talks:
            wait_for(lambda: gone(pid.read_text().strip()))
    finally:
        process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(pid.read_text()), signal.SIGKILL)
