"""The shell that stays on a host: killed, cut off, in two engines' hands, and with commands that mistreat it."""

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from support.in_background import in_background, wait_for
from support.processes import gone, unique

from runbook_engine.connections import detached_script as scripts
from runbook_engine.connections.detached_answer import read_answer
from runbook_engine.connections.resident_perl import PERL, perl_start
from runbook_engine.connections.resident_script import resident_line, resident_start
from runbook_engine.sdk import (
    Command,
    CommandTimeoutError,
    DetachedStatus,
    NoConnectionError,
    RunbookError,
    TargetUnreachableError,
)

SLOW = f"slow{os.getpid()}"  # what a timeout ends is found by its token: another process that tests has its own
SHELLS = [shell for shell in ("/bin/dash", "/bin/bash", "/bin/busybox") if Path(shell).exists()]


def sh(script, **more):
    return Command(("sh", "-c", script), **more)


@pytest.fixture(scope="module")
def server(sshd_tools, tmp_path_factory):
    made = sshd_tools.start_sshd(tmp_path_factory.mktemp("sshd"))
    yield made
    made.stop()


@pytest.fixture(params=["perl", "sh"])
def kind(request):
    if shutil.which(request.param) is None:
        pytest.skip(f"no {request.param} here")
    return request.param


@pytest.fixture
def link(sshd_tools, server, tmp_path, kind):
    made = sshd_tools.connect(server, tmp_path / "attempts", alive_seconds=0.5, connect_seconds=5)
    made.pool.residents.perl = kind == "perl"
    yield made
    made.flush_forgotten()
    made.close()
    made.pool.close()


@pytest.fixture
def go(tmp_path):
    """Give a file that commands wait for; whatever the test finds, they do not wait for ever."""
    yield tmp_path / "go"
    (tmp_path / "go").touch()


def parents(connection, token):
    """The pids above a command: its wrapper's parent chain, up to the session of sshd."""
    script = (
        "p=$PPID; while [ $p -gt 1 ]; do read -r n </proc/$p/comm; echo $p $n; case $n in sshd*) break;; esac;"
        " p=$(sed 's/.*) . //' /proc/$p/stat | cut -d' ' -f1); done"
    )
    said = connection.run_detached(sh(script), token=token, timeout=20).stdout.decode().splitlines()
    return [int(line.split()[0]) for line in said if "sshd" not in line]


@pytest.mark.sshd
def test_one_shell_does_one_command_after_another(link, kind):
    residents = {parents(link, unique(f"t{number}"))[-1] for number in range(3)}
    assert len(residents) == 1
    stat = Path(f"/proc/{residents.pop()}/stat").read_text()
    assert stat.split(")")[0].endswith(f"({kind}")


@pytest.mark.sshd
def test_each_command_has_a_session_of_its_own(link):
    script = "sed 's/.*) . //' /proc/$$/stat | cut -d' ' -f3; echo $$"
    said = [link.run_detached(sh(script), token=unique(f"s{n}"), timeout=20).stdout.split() for n in range(2)]
    assert [sid == pid for sid, pid in said] == [True, True]
    assert said[0] != said[1]


@pytest.mark.sshd
def test_the_shell_killed_in_mid_command_costs_nothing(link, tmp_path, go):
    """The wrapper goes on, the exit status and the output are there, and the command ran once."""
    ran = tmp_path / "ran"
    resident = parents(link, unique("who"))[-1]
    command = sh(f"echo x >>{ran}; while [ ! -e {go} ]; do sleep 0.05; done; echo end; exit 6")
    thread, end = in_background(lambda: link.run_detached(command, token=unique("mid"), timeout=30))
    wait_for(ran.exists)
    os.kill(resident, signal.SIGKILL)
    assert link.probe_detached(unique("mid")).status is DetachedStatus.RUNNING
    go.touch()
    thread.join(30)
    assert (end[0].exit_status, end[0].stdout) == (6, b"end\n")
    assert ran.read_text() == "x\n"
    assert link.run_detached(sh("echo on"), token=unique("on"), timeout=20).stdout == b"on\n"


@pytest.mark.sshd
def test_a_shell_that_died_in_between_is_replaced(link):
    first = parents(link, unique("before"))[-1]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(first))
    # Its end may not be known here yet: what was sent to it never begins, and is sent to another.
    result = link.run_detached(sh("echo on"), token=unique("after"), timeout=20)
    assert (result.stdout, result.reattached) == (b"on\n", False)


@pytest.mark.sshd
def test_what_was_seen_and_tidied_up_by_another_is_not_begun_again(link, tmp_path, go):
    """Another finished the attempt while this one was frozen, or so; its shell is gone, too."""
    ran, heard = tmp_path / "ran", []
    resident = parents(link, unique("who"))[-1]
    waits = [f"while [ ! -e {name} ]; do sleep 0.05; done" for name in (f"{go}1", f"{go}2", go)]
    command = sh(f"echo x >>{ran}; {waits[0]}; echo one; {waits[1]}; echo two; {waits[2]}")
    thread, end = in_background(lambda: said_of(link, command, unique("tidied"), lambda _, data: heard.append(data)))
    wait_for(ran.exists)
    os.kill(resident, signal.SIGKILL)
    Path(f"{go}1").touch()
    wait_for(lambda: b"one" in b"".join(heard))
    Path(f"{go}2").touch()
    wait_for(lambda: b"two" in b"".join(heard))  # by now its shell is known to be gone, and the command to run
    shutil.rmtree(tmp_path / "attempts" / unique("tidied"))
    thread.join(30)
    go.touch()
    assert "removed by somebody else" in end[0]
    assert ran.read_text() == "x\n"


@pytest.mark.sshd
def test_whoever_was_away_for_long_begins_nothing_anew(link, tmp_path):
    first = parents(link, unique("before"))[-1]
    link._detached.again_within = -1.0
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(first))
    ran = tmp_path / "ran"
    said = said_of(link, sh(f"echo x >>{ran}"), unique("after"))
    assert "nothing tells whether it ran" in said or not said
    assert bool(said) != ran.exists()


def said_of(link, command, token, on_output=None):
    """Run it, and give what the error says; nothing when there is none."""
    try:
        link.run_detached(command, token=token, timeout=30, on_output=on_output)
    except RunbookError as error:
        return error.message
    return ""


@pytest.mark.sshd
def test_a_wrapper_killed_between_two_commands_is_replaced(link, kind):
    wrapper, shell = parents(link, unique("before"))[0], parents(link, unique("before2"))[-1]
    if kind == "perl":
        assert parents(link, unique("before3"))[0] == wrapper  # one serves them all
        # (Killed before it has told its shell that it is done, it costs the shell, too, and nothing else.)
        wait_for(lambda: "pipe_read" in Path(f"/proc/{wrapper}/wchan").read_text())
        os.kill(wrapper, signal.SIGKILL)
    wait_for(lambda: gone(wrapper))  # a POSIX shell has a wrapper for each command
    result = link.run_detached(sh("echo on"), token=unique("after"), timeout=20)
    assert (result.stdout, result.reattached) == (b"on\n", False)
    assert parents(link, unique("after2"))[-1] == shell


@pytest.mark.sshd
def test_a_wrapper_that_still_hears_a_child_serves_nobody_else(link, tmp_path, kind, go):
    script = f"echo $PPID; (while [ ! -e {go} ]; do sleep 0.05; done; echo late) &"
    busy = int(link.run_detached(sh(script), token=unique("busy"), timeout=20).stdout)
    assert parents(link, unique("next"))[0] != busy
    assert gone(busy) == (kind == "sh")  # whose filters go on without it
    go.touch()
    wait_for(lambda: gone(busy) and (tmp_path / "attempts" / unique("busy") / "out").read_bytes().endswith(b"late\n"))
    again = link.run_detached(sh("exit 1"), token=unique("busy"), timeout=20)
    assert (again.stdout, again.reattached) == (f"{busy}\nlate\n".encode(), True)


@pytest.mark.sshd
def test_who_asks_at_the_end_hears_what_a_child_says_right_after(link, go):
    """The exit status alone does not say that the output is whole."""
    command = sh(f"(while [ ! -e {go} ]; do sleep 0.01; done; echo late) & echo now; exit 5")
    thread, end = in_background(lambda: link.run_detached(command, token=unique("both"), timeout=30))
    wait_for(lambda: link.probe_detached(unique("both")).status is DetachedStatus.DONE)
    timer = threading.Timer(0.1, go.touch)
    timer.start()
    again = link.run_detached(command, token=unique("both"), timeout=30)
    timer.join()
    thread.join()
    assert (again.exit_status, again.stdout, again.reattached) == (5, b"now\nlate\n", True)
    assert end[0].exit_status == 5


@pytest.mark.sshd
def test_a_wrapper_ends_with_its_shell(link):
    wrapper, *_, shell = parents(link, unique("one"))
    os.kill(shell, signal.SIGKILL)
    wait_for(lambda: gone(wrapper))


@pytest.mark.sshd
def test_a_shell_that_was_silent_for_long_is_asked_before_it_is_trusted(link):
    """It is stopped, which nothing tells: the command goes to another one, and is not begun by the stopped one later."""
    resident = parents(link, unique("before"))[-1]
    (shell,) = next(iter(link.pool.residents._free.values()))
    os.kill(resident, signal.SIGSTOP)
    try:
        shell.used -= 3600
        link.pool.residents.send_seconds = 1.0
        assert link.run_detached(sh("echo on"), token=unique("after"), timeout=20).stdout == b"on\n"
    finally:
        os.kill(resident, signal.SIGCONT)
    wait_for(lambda: gone(resident))


@pytest.mark.sshd
def test_two_engines_on_one_host_start_it_once(sshd_tools, server, link, tmp_path):
    other = sshd_tools.connect(server, tmp_path / "attempts")
    ran = tmp_path / "ran"
    try:
        for number in range(5):
            command = sh(f"echo {number} >>{ran}; sleep 0.1; echo hello; exit 5")
            work = [
                in_background(lambda made=made, command=command, number=number: made.run_detached(
                    command, token=unique(f"both{number}"), timeout=30
                ))
                for made in (link, other)
            ]  # fmt: skip
            for thread, _ in work:
                thread.join()
            assert [(end[0].exit_status, end[0].stdout) for _, end in work] == [(5, b"hello\n")] * 2
            assert sorted(end[0].reattached for _, end in work) == [False, True]
        assert ran.read_text() == "0\n1\n2\n3\n4\n"
        assert parents(link, unique("mine"))[-1] != parents(other, unique("theirs"))[-1]
    finally:
        other.flush_forgotten()
        other.pool.close()


MISTREATMENT = {
    "reads its input": ("cat; exit 3", 3, b""),
    "closes its outputs": ("exec >&- 2>&-; sleep 0.2; exit 4", 4, b""),
    "leaves a child behind": ("(sleep 3; echo late) & echo now; exit 5", 5, b"now\n"),
    "leaves a child that never stops talking": ("timeout 4 yes >&2 & echo now; exit 5", 5, b"now\n"),
    "leaves a child in a session of its own": ("setsid sh -c 'sleep 3; echo late' & echo now; exit 6", 6, b"now\n"),
    "reads the shell's next script": ("cat /proc/$PPID/fd/0 >/dev/null & sleep 0.2; kill $!; exit 7", 7, b""),
    "ends itself": ("kill -9 $$", 137, b""),
    "signals its process group": ("trap '' TERM; kill -TERM 0; echo alive; exit 8", 8, b"alive\n"),
    "says what an answer says": (
        r"printf 'rb0 state done 0\n\nrb0 out 0\n\nrb0 err 0\n\nrb0 end\n' | wc -l; exit 9",
        9,
        b"7\n",
    ),
}


@pytest.mark.sshd
@pytest.mark.parametrize("name", MISTREATMENT)
def test_commands_that_mistreat_the_shell_disturb_neither_it_nor_the_next(link, name):
    script, status, stdout = MISTREATMENT[name]
    result = link.run_detached(sh(script), token=unique("rude"), timeout=30)
    assert (result.exit_status, result.stdout) == (status, stdout)
    after = [
        link.run_detached(sh(f"echo {number}"), token=unique(f"next{number}"), timeout=20).stdout for number in range(3)
    ]
    assert after == [b"0\n", b"1\n", b"2\n"]


@pytest.mark.sshd
def test_a_command_that_kills_its_wrapper_is_lost_and_the_shell_goes_on(link):
    with pytest.raises(TargetUnreachableError, match="killed from outside"):
        link.run_detached(sh("kill -9 $PPID; exit 0"), token=unique("rude"), timeout=30)
    assert link.probe_detached(unique("rude")).status is DetachedStatus.LOST_KILLED
    assert link.run_detached(sh("echo on"), token=unique("next"), timeout=20).stdout == b"on\n"


@pytest.mark.sshd
def test_input_has_a_way_of_its_own(link):
    given = bytes(range(256)) * 300
    assert link.run_detached(Command(("cat",), stdin=given), token=unique("with"), timeout=20).stdout == given
    assert link.run_detached(Command(("cat",)), token=unique("without"), timeout=20).stdout == b""


@pytest.mark.sshd
def test_a_timeout_kills_the_command_alone_and_proves_it(link, tmp_path):
    """What an earlier command left running on purpose is not of the killed one's session."""
    stay = tmp_path / "stay"
    link.run_detached(sh(f"sleep 60 >/dev/null 2>&1 & echo $! >{stay}"), token=unique("leaves"), timeout=20)
    pids = tmp_path / "pids"
    with pytest.raises(CommandTimeoutError) as caught:
        link.run_detached(sh(f"sleep 61 & echo $! $$ >{pids}; wait"), token=SLOW, timeout=1)
    assert caught.value.killed
    assert [gone(pid) for pid in pids.read_text().split()] == [True, True]
    assert link.probe_detached(SLOW).exit_status == 143
    os.kill(int(stay.read_text()), signal.SIGKILL)  # it lived


@pytest.mark.sshd
def test_a_flood_of_output_stays_small_on_the_host(link, tmp_path):
    result = link.run_detached(
        sh("echo first; head -c 100000000 /dev/zero; echo last"), token=unique("flood"), timeout=120
    )
    assert (result.exit_status, result.stdout_bytes, result.stderr_bytes) == (0, 100_000_011, 0)
    assert result.stdout.startswith(b"first\n")
    assert result.stdout.endswith(b"last\n")
    assert sum(file.stat().st_size for file in (tmp_path / "attempts" / unique("flood")).iterdir()) < 8_000_000
    again = link.run_detached(sh("exit 1"), token=unique("flood"), timeout=20)
    assert (again.stdout, again.stdout_bytes, again.reattached) == (result.stdout, result.stdout_bytes, True)


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", place], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.sshd
def test_a_full_disk_refuses_the_start_or_keeps_the_exit_status(sshd_tools, server, kind, small_disk, tmp_path):
    made = sshd_tools.connect(server, small_disk / "attempts")
    made.pool.residents.perl = kind == "perl"
    try:
        fill = f"head -c 3000000 /dev/zero >{small_disk}/filler; head -c 900000 /dev/zero || exit 99; exit 7"
        assert made.run_detached(sh(fill), token=unique("fills"), timeout=30).exit_status == 7
        assert made.probe_detached(unique("fills")).exit_status == 7
        ran = tmp_path / "ran"
        with pytest.raises(RunbookError, match="full"):
            made.run_detached(sh(f"touch {ran}"), token=unique("late"), timeout=30)
        assert not ran.exists()
        assert made.probe_detached(unique("late")).status is DetachedStatus.ABSENT
    finally:
        made.pool.close()


@pytest.mark.sshd
@pytest.mark.parametrize("setsid", [True, False])
def test_a_host_without_perl_or_setsid_works_as_before(sshd_tools, tmp_path, setsid):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "bash", "mkdir", "dd", "cat", "sleep", "rm", "tail", "wc", *(["setsid"] if setsid else [])):
        (tools / name).symlink_to(shutil.which(name))
    own = sshd_tools.start_sshd(tmp_path / "sshd", f"SetEnv PATH={tools}")
    made = sshd_tools.connect(own, tmp_path / "attempts")
    try:
        results = [
            made.run_detached(sh("echo on; exit 4"), token=unique(f"t{number}"), timeout=20) for number in range(2)
        ]
        assert [(result.exit_status, result.stdout) for result in results] == [(4, b"on\n")] * 2
        stays = made.resident()
        assert (stays is not None) == setsid
        if stays is not None:
            assert not stays.perl
            stays.give_back(clean=True)
    finally:
        made.flush_forgotten()
        made.pool.close()
        own.stop()


@pytest.mark.sshd
def test_a_server_with_room_for_one_session_does_all_kinds_in_turn(sshd_tools, tmp_path):
    own = sshd_tools.start_sshd(tmp_path / "sshd", "MaxSessions 1")
    made = sshd_tools.connect(own, tmp_path / "attempts")
    try:
        for number in range(2):
            assert made.run_detached(sh("echo on"), token=unique(f"t{number}"), timeout=20).stdout == b"on\n"
            assert made.run(sh("echo plain"), timeout=20).stdout == b"plain\n"
            made.write(str(tmp_path / "file"), b"content")
        with pytest.raises(CommandTimeoutError) as caught:
            made.run_detached(sh("sleep 60"), token=SLOW, timeout=1)
        assert caught.value.killed
    finally:
        made.flush_forgotten()
        made.close()
        made.pool.close()
        own.stop()


@pytest.mark.sshd
def test_shells_that_nobody_uses_make_room_for_others(sshd_tools, tmp_path):
    """Four connections of one session each, all taken by idle shells: a plain command still finds room."""
    own = sshd_tools.start_sshd(tmp_path / "sshd", "MaxSessions 1")
    made = sshd_tools.connect(own, tmp_path / "attempts")
    try:
        held = [made.resident() for _ in range(4)]
        for shell in held:
            shell.give_back(clean=True)
        assert [bool(shell.usable) for shell in held] == [True] * 4
        runs = [in_background(lambda: made.run(sh("sleep 0.3; echo ok"), timeout=30)) for _ in range(4)]
        for thread, _ in runs:
            thread.join()
        assert [getattr(end[0], "stdout", end[0]) for _, end in runs] == [b"ok\n"] * 4
    finally:
        made.pool.close()
        own.stop()


NOISE = "printf 'perl\\n\\033[31mnoise before\\n%0700d no end of line' 7"


@pytest.fixture(scope="module")
def noisy(sshd_tools, tmp_path_factory):
    """A server whose login prints text, as a start-up file does."""
    made = sshd_tools.start_sshd(
        tmp_path_factory.mktemp("noisy"), f'ForceCommand {NOISE}; {NOISE} >&2; eval "$SSH_ORIGINAL_COMMAND"'
    )
    yield made
    made.stop()


@pytest.mark.sshd
@pytest.mark.parametrize("stdin", [b"", b"given"])
def test_a_login_that_prints_text_disturbs_nothing(sshd_tools, noisy, kind, tmp_path, stdin):
    made = sshd_tools.connect(noisy, tmp_path / "attempts")
    made.pool.residents.perl = kind == "perl"
    ran = tmp_path / "ran"
    try:
        command = sh(f"echo x >>{ran}; cat; echo out; echo err >&2; exit 4", stdin=stdin)
        ends = [made.run_detached(command, token=unique("noisy"), timeout=20) for _ in range(2)]
        assert [(end.exit_status, end.stdout, end.stderr) for end in ends] == [(4, stdin + b"out\n", b"err\n")] * 2
        assert [end.reattached for end in ends] == [False, True]
        assert ran.read_text() == "x\n"
        shell = made.resident()
        assert shell.perl == (kind == "perl")
        shell.give_back(clean=True)
    finally:
        made.flush_forgotten()
        made.pool.close()


@pytest.mark.sshd
def test_text_before_sftp_is_the_hosts_fault(sshd_tools, noisy, tmp_path):
    made = sshd_tools.connect(noisy, tmp_path / "attempts")
    try:
        with pytest.raises(NoConnectionError, match="not SFTP") as caught:
            made.write(str(tmp_path / "file"), b"content")
        assert "start-up files" in caught.value.hint
    finally:
        made.close()
        made.pool.close()


SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")


@pytest.mark.sshd
def test_text_before_commands_alone_leaves_files_and_plain_commands_as_they_are(sshd_tools, tmp_path):
    """As .bashrc does where sshd serves SFTP by itself: the file's digest is asked for by a command."""
    program = next((place for place in SFTP_SERVERS if Path(place).exists()), None)
    if program is None:
        pytest.skip("no sftp-server here")
    sftp = f'case "$SSH_ORIGINAL_COMMAND" in *sftp*) exec {program};; esac'
    own = sshd_tools.start_sshd(
        tmp_path / "sshd", f'ForceCommand {sftp}; echo noise; echo noise >&2; eval "$SSH_ORIGINAL_COMMAND"'
    )
    made = sshd_tools.connect(own, tmp_path / "attempts")
    try:
        made.write(str(tmp_path / "file"), b"content")
        assert (tmp_path / "file").read_bytes() == b"content"
        assert made.sha256(str(tmp_path / "file")) == hashlib.sha256(b"content").hexdigest()
        result = made.run(sh("echo err >&2"), timeout=20)
        assert (result.stderr, result.stderr_bytes) == (b"err\n", 4)
        with pytest.raises(CommandTimeoutError) as caught:
            made.run(sh("sleep 60"), timeout=0.5)
        assert caught.value.killed
    finally:
        made.close()
        made.pool.close()
        own.stop()


@pytest.mark.sshd
@pytest.mark.parametrize("stdin", [b"", b"given"])
def test_a_server_that_runs_something_else_starts_nothing_and_says_so(sshd_tools, tmp_path, stdin):
    own = sshd_tools.start_sshd(tmp_path / "sshd", r"ForceCommand printf 'limited\033[2J\n%0900d' 7; exit 3")
    made = sshd_tools.connect(own, tmp_path / "attempts")
    try:
        for _ in range(2):
            with pytest.raises(NoConnectionError, match=r"did not run our shell.*limited\?\[2J 0+…$") as caught:
                made.run_detached(sh("echo on", stdin=stdin), token=unique("other"), timeout=20)
            assert "ForceCommand" in caught.value.hint
    finally:
        made.pool.close()
        own.stop()


def resident(shell, given):
    perl = shell == "perl"
    if perl and shutil.which("perl") is None:
        pytest.skip("no perl here")
    argv = ["/bin/busybox", "sh"] if shell.endswith("busybox") else [shell]
    line = resident_line("rbhello", perl=perl).removeprefix("exec sh ")
    argv, line = (["sh"], f"exec sh {line}") if perl else (argv, f"exec {shlex.join(argv)} {line}")
    return subprocess.run([*argv, "-c", line], input=given, capture_output=True, check=True, start_new_session=True)


def frame(base, token, script, *, perl, forget=()):
    place = scripts.Place(str(base), token, f"rb{token}")
    if perl:
        return perl_start(place, sh(script), forget)
    return resident_start(place, sh(script), forget, f"M{token}")


@pytest.mark.parametrize("shell", ["perl", *SHELLS])
def test_every_shell_can_stay(tmp_path, shell, monkeypatch):
    monkeypatch.setenv("PERL_UNICODE", "SDA")  # a user's setting, under which Perl takes bytes for text
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    said = {"plain": "echo out; echo err >&2; exit 3", "bytes": r"printf 'a\000b'; exit 0", "words": "printf é; exit 1",
            "much": "head -c 70000 /dev/zero | tr '\\0' x", "killed": "kill -9 $$"}  # fmt: skip
    frames = b"".join(
        frame(tmp_path / "base", token, text, perl=shell == "perl", forget=("plain",) if token == "much" else ())
        for token, text in said.items()
    )
    done = resident(shell, frames)
    hello, _, rest = done.stdout.partition(b"\nrbhello end\n")
    assert (hello, done.stderr) == (b"\nrbhello here\n" + (b"\nrbhello perl\n" if shell == "perl" else b""), b"")
    answers = {token: read_answer(rest[rest.index(f"rb{token} state".encode()) :], f"rb{token}") for token in said}
    assert {token: (one.state, one.stdout, one.stderr) for token, one in answers.items()} == {
        "plain": ("done 3", b"out\n", b"err\n"),
        "bytes": ("done 0", b"a\0b", b""),
        "words": ("done 1", "é".encode(), b""),
        "much": ("done 0", b"x" * 70000, b""),
        "killed": ("done 137", b"", b""),
    }
    assert sorted(path.name for path in (tmp_path / "base").iterdir()) == ["bytes", "killed", "much", "words"]


@pytest.mark.parametrize("known", [True, False], ids=["by the system call", "by POSIX"])
def test_perl_leads_a_session_of_its_own_on_every_machine(tmp_path, known):
    if shutil.which("perl") is None:
        pytest.skip("no perl here")
    text = PERL if known else PERL.replace("'2 1 62'", "'no'").replace("'2 1 183'", "'no'")
    given = frame(tmp_path / "base", "sid", "echo $$; cut -d' ' -f6 /proc/$$/stat", perl=True)
    done = subprocess.run(["perl", "-e", text, "rbhello", ""], input=given, capture_output=True, check=True)
    pid, session = read_answer(done.stdout.partition(b"end\n")[2], "rbsid").stdout.split()
    assert pid == session


@pytest.mark.parametrize("shell", ["perl", "/bin/sh"])
def test_a_frame_cut_anywhere_starts_nothing(tmp_path, shell):
    ran = tmp_path / "ran"
    whole = frame(tmp_path / "base", "cut", f"touch {ran}", perl=shell == "perl")
    for length in range(0, len(whole) - 1, 11):
        assert resident(shell, whole[:length]).stdout.endswith(b"\nrbhello end\n")
    assert not ran.exists()
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("perl", [True, False])
def test_no_login_shell_can_misread_the_line(perl):
    """csh knows neither line breaks in quotes nor a plain `!` there."""
    line = resident_line("rbhello", perl=perl)
    assert "\n" not in line
    assert "!" not in line
    assert line.count("'") == 2
