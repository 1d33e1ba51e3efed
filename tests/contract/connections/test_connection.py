"""What every connection has to do, on this machine, over a real sshd and by SSM."""

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import threading
import time
from functools import partial

import pytest
from support.processes import gone, unique

from runbook_engine.connections.detached_script import MARK
from runbook_engine.connections.ssm import SsmConnection
from runbook_engine.sdk import (
    Command,
    CommandTimeoutError,
    DetachedState,
    DetachedStatus,
    FileAccessError,
    RunbookError,
    TargetUnreachableError,
)

KINDLY = f"kindly-{os.getpid()}"  # a kill searches the whole machine for the token, other workers' commands included


def sh(script, **more):
    return Command(("sh", "-c", script), **more)


@pytest.fixture(params=["plain", "detached"])
def run(request, connection):
    """Run a command, plainly or detached."""
    tokens = iter(f"t{number}-{os.getpid()}" for number in range(100))

    def go(command, timeout=30, **more):
        if request.param == "plain":
            return connection.run(command, timeout=timeout, **more)
        return connection.run_detached(command, token=next(tokens), timeout=timeout, **more)

    return go


def test_gives_status_and_both_streams(run):
    result = run(sh("echo out; echo err >&2; exit 3"))
    assert (result.exit_status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert (result.stdout_bytes, result.stderr_bytes, result.reattached) == (4, 4, False)


def test_words_arrive_unchanged(run):
    words = ["a b", "'", '"', "$HOME", "`id`", "*", "", "é", "\\", "new\nline", "!x", "-n", ";"]
    result = run(Command(("printf", "%s|", *words)))
    assert result.stdout.decode() == "".join(f"{word}|" for word in words)


def test_bytes_that_are_no_text_arrive_unchanged(run):
    every = bytes(range(256)) * 3
    result = run(Command(("cat",), stdin=every))
    assert result.stdout == every


def test_large_input_and_output_cross_without_a_deadlock(run):
    given = os.urandom(1000) * 5000
    result = run(Command(("sh", "-c", "tee /dev/stderr"), stdin=given))
    assert (result.stdout_bytes, result.stderr_bytes) == (len(given), len(given))
    assert result.stdout[:1000] == given[:1000]
    assert result.stdout[-1000:] == given[-1000:]


def test_a_command_that_ignores_its_input_ends_well(run):
    assert run(Command(("true",), stdin=b"x" * 3_000_000)).exit_status == 0


def test_no_input_is_an_empty_input(run):
    assert run(Command(("cat",))).stdout == b""


def test_environment_and_folder(run, tmp_path):
    folder = tmp_path / "a 'b' c"
    folder.mkdir()
    value = "with 'quotes'\nand $lines"
    result = run(sh('printf "%s|" "$WORD"; pwd', cwd=str(folder), environment={"WORD": value}))
    assert result.stdout.decode() == f"{value}|{folder}\n"


def test_environment_is_in_no_process_list(run):
    result = run(
        sh('for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline; done 2>/dev/null', environment={"K": "s3cr3tvalue"})
    )
    assert b"s3cr3tvalue" not in result.stdout


def test_a_folder_that_is_not_there_fails_the_command(run, tmp_path):
    result = run(sh("echo ran", cwd=str(tmp_path / "nothing")))
    assert (result.exit_status, result.stdout) == (126, b"")
    assert result.stderr


def test_a_program_that_is_not_there_is_127(run):
    result = run(Command(("no-such-program-here",)))
    assert result.exit_status == 127
    assert b"no-such-program-here" in result.stderr


@pytest.mark.parametrize(("signal", "status"), [("KILL", 137), ("TERM", 143), ("INT", 130), ("PIPE", 141)])
def test_a_signal_is_128_and_its_number(run, signal, status):
    result = run(sh(f"kill -{signal} $$; sleep 5"))
    assert (result.exit_status, result.stderr) == (status, b"")


def test_an_empty_command_is_refused(run):
    with pytest.raises(RunbookError, match="empty"):
        run(Command(()))


def test_a_name_that_no_variable_can_have_is_told_or_passed(run):
    with pytest.raises(RunbookError, match="NUL"):
        run(Command(("echo", "a\0b")))


def test_output_is_capped_with_head_and_tail_and_counted(run):
    result = run(sh("echo first; head -c 100000000 /dev/zero; echo last"), timeout=120)
    assert result.stdout_bytes == 100_000_011
    assert len(result.stdout) <= 2 << 20
    assert result.stdout.startswith(b"first\n")
    assert result.stdout.endswith(b"last\n")
    assert result.exit_status == 0


def test_many_small_writes_are_all_counted(run):
    result = run(sh("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done"))
    assert result.stdout == b"".join(b"%d\n" % number for number in range(3000))


def test_a_child_that_holds_the_output_does_not_hold_the_answer(run, tmp_path):
    until = tmp_path / "stop"
    began = time.monotonic()
    result = run(sh(f"(while [ ! -e {until} ]; do sleep 0.1; done) & echo done"), timeout=60)
    seconds = time.monotonic() - began
    until.touch()
    assert (result.exit_status, result.stdout) == (0, b"done\n")
    assert seconds < 30


def test_output_is_handed_on_while_it_comes(run, tmp_path):
    """The command ends only after its first output was seen here."""
    seen = tmp_path / "seen"
    heard = {"stdout": b"", "stderr": b""}

    def listen(stream, data):
        heard[stream] += data
        if b"ready" in heard["stdout"]:
            seen.touch()

    result = run(
        sh(f"echo ready; echo oops >&2; while [ ! -e {seen} ]; do sleep 0.05; done; echo end"), on_output=listen
    )
    assert result.exit_status == 0
    assert heard == {"stdout": b"ready\nend\n", "stderr": b"oops\n"}


def test_a_timeout_ends_the_command_and_its_children_and_says_so(run, tmp_path):
    mark = tmp_path / "pids"
    with pytest.raises(CommandTimeoutError) as caught:
        run(sh(f"sleep 300 & echo $! >>{mark}; echo $$ >>{mark}; sleep 300"), timeout=1)
    assert caught.value.killed
    for pid in mark.read_text().split():
        assert gone(int(pid))


def test_a_command_ended_kindly_leaves_its_exit_status(connection):
    with pytest.raises(CommandTimeoutError):
        connection.run_detached(sh("trap 'exit 9' TERM; while :; do sleep 0.1; done"), token=KINDLY, timeout=1)
    assert connection.probe_detached(KINDLY) == DetachedState(DetachedStatus.DONE, 9)


def test_a_timeout_ends_a_command_that_ignores_the_kind_signal(run, tmp_path):
    mark = tmp_path / "pid"
    with pytest.raises(CommandTimeoutError) as caught:
        run(sh(f"trap '' TERM; echo $$ >{mark}; while :; do sleep 1; done"), timeout=1)
    assert caught.value.killed
    assert gone(int(mark.read_text()))


@pytest.mark.skipif(shutil.which("setsid") is None, reason="no setsid here")
@pytest.mark.parametrize("how", ["plain", "detached"])
def test_a_timeout_finds_what_began_a_session_of_its_own(connection, how, tmp_path):
    if how == "plain" and isinstance(connection, SsmConnection):
        pytest.skip("what runs plainly by SSM is looked for in its session alone")
    mark = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ >{mark}; trap : TERM; while :; do sleep 1; done' & sleep 300"
    token = f"strays-{os.getpid()}"  # the whole machine is searched for it, other workers' commands included
    go = connection.run if how == "plain" else partial(connection.run_detached, token=token)
    alike = subprocess.Popen(["sleep", "300"], env={MARK: f"{token}0", "OTHER": f"{MARK}={token}"})
    try:
        with pytest.raises(CommandTimeoutError) as caught:
            go(sh(script), timeout=2)
        assert caught.value.killed
        assert gone(int(mark.read_text()))
        assert alike.poll() is None
    finally:
        alike.kill()
        alike.wait()


def test_children_inherit_no_descriptors(run, tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), False)
        result = run(sh("ls -l /proc/self/fd"))
    assert b"/lock" not in result.stdout


def test_detached_runs_once_and_reattaches(connection, tmp_path):
    ran = tmp_path / "ran"
    command = sh(f"echo x >>{ran}; echo hello; exit 4")
    first = connection.run_detached(command, token=unique("once"), timeout=30)
    again = connection.run_detached(command, token=unique("once"), timeout=30)
    assert ran.read_text() == "x\n"
    assert (first.exit_status, first.reattached) == (4, False)
    assert (again.exit_status, again.stdout, again.reattached) == (4, b"hello\n", True)


@pytest.mark.parametrize("given", [b"", b"words"], ids=["without input", "with input"])
def test_who_may_not_begin_any_more_is_asked_behind_the_login_and_begins_nothing(connection, tmp_path, given):
    command = sh(f"cat >/dev/null; echo x >>{tmp_path}/begun", stdin=given)

    def too_late():
        raise RunbookError("the lease is over")

    with pytest.raises(RunbookError, match="the lease is over"):
        connection.run_detached(command, token="late", timeout=60, ready=too_late)
    assert connection.probe_detached("late").status is DetachedStatus.ABSENT
    asked = []
    for _ in range(2):
        result = connection.run_detached(command, token="late", timeout=60, ready=lambda: asked.append("ready"))
        assert result.exit_status == 0
    assert asked == ["ready"] * 2
    assert (tmp_path / "begun").read_text() == "x\n"


def test_twelve_simultaneous_starts_run_once(connection, tmp_path):
    ran = tmp_path / "ran"
    command = sh(f"echo x >>{ran}; sleep 0.3; echo hello; exit 5")
    results = []

    def start():
        results.append(connection.run_detached(command, token=unique("many"), timeout=60))

    threads = [threading.Thread(target=start) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran.read_text() == "x\n"
    assert {(result.exit_status, result.stdout) for result in results} == {(5, b"hello\n")}
    assert sorted(result.reattached for result in results) == [False] + [True] * 11


def test_who_asks_right_after_the_end_gets_the_whole_output(connection, tmp_path):
    """The exit status stands before the last output is written (the writers are held up here)."""
    if hasattr(connection, "pool"):
        connection.pool.residents.perl = False  # its wrapper writes by itself, before it tells the end
    writers = tmp_path / "writers"
    script = (
        "own=$(cut -d' ' -f6 /proc/$PPID/stat); many=0; while [ $many -lt 2 ]; do for q in /proc/[0-9]*; do"
        " read -r name <$q/comm && [ $name = dd ] && [ $(cut -d' ' -f6 $q/stat) = $own ] && echo ${q#/proc/};"
        f" done 2>/dev/null >{writers}; many=$(wc -l <{writers}); done; kill -STOP $(cat {writers}); echo hello; exit 5"
    )
    first = threading.Thread(
        target=connection.run_detached, args=(sh(script),), kwargs={"token": unique("whole"), "timeout": 60}
    )
    first.start()
    until = time.monotonic() + 20
    while connection.probe_detached(unique("whole")).status is not DetachedStatus.DONE:
        assert time.monotonic() < until
    stopped = [int(pid) for pid in writers.read_text().split()]
    go_on = threading.Timer(0.3, lambda: [os.kill(pid, signal.SIGCONT) for pid in stopped])
    go_on.start()
    result = connection.run_detached(sh(script), token=unique("whole"), timeout=60)
    go_on.join()
    first.join()
    assert len(stopped) == 2
    assert (result.exit_status, result.stdout, result.reattached) == (5, b"hello\n", True)


def test_probe_tells_absent_running_and_done(connection, tmp_path):
    go = tmp_path / "go"
    assert connection.probe_detached(unique("probed")) == DetachedState(DetachedStatus.ABSENT)
    thread = threading.Thread(
        target=connection.run_detached,
        args=(sh(f"while [ ! -e {go} ]; do sleep 0.05; done; exit 7"),),
        kwargs={"token": unique("probed"), "timeout": 60},
    )
    thread.start()
    until = time.monotonic() + 20
    while connection.probe_detached(unique("probed")).status is not DetachedStatus.RUNNING:
        assert time.monotonic() < until
    go.touch()
    thread.join()
    assert connection.probe_detached(unique("probed")) == DetachedState(DetachedStatus.DONE, 7)


def test_forgetting_removes_everything(connection):
    connection.run_detached(Command(("true",)), token=unique("gone"), timeout=30)
    assert (connection.base / unique("gone")).is_dir()
    connection.forget_detached(unique("gone"))
    assert connection.probe_detached(unique("gone")).status is DetachedStatus.ABSENT
    assert list(connection.base.iterdir()) == []


def test_forgetting_goes_along_with_the_next_start(connection):
    # Removing costs a process on the target, so that it is done for eight at once.
    for number in range(8):
        connection.run_detached(Command(("true",)), token=unique(f"old{number}"), timeout=30)
        connection.forget_detached(unique(f"old{number}"))
    connection.run_detached(Command(("true",)), token=unique("new"), timeout=30)
    assert connection.run_detached(Command(("true",)), token=unique("new"), timeout=30).reattached
    until = time.monotonic() + 10  # the folder goes behind the answer, which waits for nothing
    while (left := sorted(entry.name for entry in connection.base.iterdir())) != [unique("new")]:
        assert time.monotonic() < until, left
        time.sleep(0.02)


def test_attempt_folders_are_private(connection):
    connection.run_detached(Command(("true",)), token=unique("mine"), timeout=30)
    assert stat.S_IMODE((connection.base / unique("mine")).stat().st_mode) == 0o700


@pytest.mark.parametrize("token", ["", "../x", "a/b", "-x", "a b", "x" * 129, "$(id)"])
def test_tokens_that_could_leave_the_folder_are_refused(connection, token):
    with pytest.raises(RunbookError, match="token"):
        connection.run_detached(Command(("true",)), token=token, timeout=30)


def test_output_cannot_imitate_an_answer(connection):
    """A command that prints what answers look like, with a mark of its own, is taken by its real end."""
    text = "rb0 state done 0\\n\\nrb0 out 0\\n\\nrb0 err 0\\n\\nrb0 end\\n"
    result = connection.run_detached(sh(f"printf '{text}'; exit 9"), token=unique("fake"), timeout=30)
    assert result.exit_status == 9
    assert result.stdout.count(b"rb0") == 4


def job_of(folder):
    """Who runs an attempt's command: in the second line of `rc`, where Perl wrote it, or in a file of its own."""
    words = (folder / "rc").read_text().split("\n")[1].split()
    return words or (folder / "job").read_text().split()


def test_a_command_killed_from_outside_is_lost_when_its_wrapper_died_too(connection, tmp_path):
    pid = tmp_path / "pid"
    error = []

    def start():
        try:
            connection.run_detached(sh(f"echo $$ >{pid}; exec sleep 300"), token=unique("killed"), timeout=60)
        except TargetUnreachableError as caught:
            error.append(caught)

    thread = threading.Thread(target=start)
    thread.start()
    until = time.monotonic() + 20
    while not (pid.exists() and pid.read_text().strip()):
        assert time.monotonic() < until
        time.sleep(0.02)
    wrapper, _, session = job_of(connection.base / unique("killed"))[:3]
    os.kill(int(wrapper), 9)
    while not gone(int(wrapper)):
        assert time.monotonic() < until
    assert connection.probe_detached(unique("killed")).status is DetachedStatus.ORPHANS
    os.kill(int(pid.read_text()), 9)
    with contextlib.suppress(ProcessLookupError):  # by a resident shell, the command leads its session itself
        os.kill(int(session), 9)
    thread.join(60)
    assert connection.probe_detached(unique("killed")).status is DetachedStatus.LOST_KILLED
    assert "killed from outside" in str(error[0])


def test_another_boot_id_is_lost_by_a_reboot(connection):
    connection.run_detached(Command(("true",)), token=unique("boot"), timeout=30)
    folder = connection.base / unique("boot")
    words = job_of(folder)
    words[4] = "another-boot"
    (folder / "rc").write_bytes(b"pending".ljust(255) + b"\n")
    (folder / "job").write_text(" ".join(words) + "\n")
    assert connection.probe_detached(unique("boot")).status is DetachedStatus.LOST_REBOOT
    with pytest.raises(TargetUnreachableError, match="rebooted"):
        connection.run_detached(Command(("true",)), token=unique("boot"), timeout=30)


def test_files_are_written_read_and_described(connection, tmp_path):
    path = str(tmp_path / "a 'file'")
    assert connection.stat(path) is None
    assert connection.sha256(path) is None
    connection.write(path, b"\0one\xff", mode=0o640)
    facts = connection.stat(path)
    assert (facts.kind, facts.size, facts.mode, facts.owner) == ("file", 5, 0o640, os.getuid())
    assert abs(facts.modified - time.time()) < 3600
    assert connection.read(path, limit=5) == b"\0one\xff"
    assert connection.sha256(path) == hashlib.sha256(b"\0one\xff").hexdigest()


def test_a_rewritten_file_keeps_its_mode_and_leaves_nothing_behind(connection, tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    path.chmod(0o604)
    connection.write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "home"] == ["kept"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_rewritten_file_keeps_its_owner_and_group(connection, tmp_path):
    path = tmp_path / "app.conf"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, 65534, 12345)
    connection.write(str(path), b"new", mode=0o640)
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 12345, 0o640)
    assert path.read_bytes() == b"new"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(connection, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(FileAccessError, match="folder"):
        connection.write(str(folder), b"x")
    with pytest.raises(FileAccessError):
        connection.write(str(tmp_path / "no" / "where"), b"x")
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name != "home") == ["folder"]


def test_a_large_file_crosses_whole(connection, tmp_path):
    content = os.urandom(1000) * 3000
    connection.write(str(tmp_path / "large"), content)
    assert connection.read(str(tmp_path / "large"), limit=len(content)) == content


def test_reading_has_a_limit(connection, tmp_path):
    (tmp_path / "six").write_bytes(b"123456")
    with pytest.raises(FileAccessError, match="longer than 5"):
        connection.read(str(tmp_path / "six"), limit=5)
    with pytest.raises(FileAccessError):
        connection.read(str(tmp_path / "none"), limit=5)


def test_folders_links_and_removal(connection, tmp_path):
    deep = tmp_path / "a" / "b" / "c"
    connection.make_directory(str(deep), mode=0o750)
    connection.make_directory(str(deep), mode=0o700)
    assert stat.S_IMODE(deep.stat().st_mode) == 0o750
    (deep / "link").symlink_to("/nowhere")
    (deep / "file").touch()
    assert connection.listdir(str(deep)) == ("file", "link")
    assert connection.stat(str(deep / "link")).kind == "link"
    assert connection.stat(str(deep)).kind == "directory"
    connection.set_mode(str(deep / "file"), 0o400)
    assert stat.S_IMODE((deep / "file").stat().st_mode) == 0o400
    with pytest.raises(FileAccessError):
        connection.remove(str(deep))
    for name in ("file", "link", "never"):
        connection.remove(str(deep / name))
    connection.remove(str(deep))
    assert not deep.exists()
    with pytest.raises(FileAccessError):
        connection.listdir(str(deep))
    (tmp_path / "plain").touch()
    with pytest.raises(FileAccessError):
        connection.make_directory(str(tmp_path / "plain"))


def test_a_part_that_a_killed_engine_left_is_replaced(connection, tmp_path):
    place = tmp_path / "site.conf"
    left = tmp_path / ".site.conf.runbook-part"
    left.write_text("half of it")
    connection.write(str(place), b"whole", mode=0o640)
    assert place.read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.iterdir() if "site" in path.name) == ["site.conf"]


def test_a_link_in_the_place_of_the_part_is_not_followed(connection, tmp_path):
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / ".x.runbook-part").symlink_to(tmp_path / "elsewhere")
    connection.write(str(tmp_path / "x"), b"new")
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert (tmp_path / "x").read_bytes() == b"new"
