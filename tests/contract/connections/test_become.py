"""Commands and files as another user by sudo, on this machine, over a real sshd and by SSM."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.processes import unique

from runbook_engine.connections.local import LocalConnection
from runbook_engine.sdk import Command, CommandTimeoutError, FileAccessError

OTHER = "nobody"


def may_become():
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "-u", OTHER, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not may_become(), reason="sudo without a password is not set up here")


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.sshd), "ssm"])
def other(request, tmp_path):
    base = tmp_path / "home" / ".runbook" / "attempts"
    if request.param == "ssm":
        made = request.getfixturevalue("by_ssm")(become_user=OTHER, base=str(base))
        yield made
        made.flush_forgotten()
        return
    if request.param == "local":
        made = LocalConnection(tmp_path / "home", become_user=OTHER)
        yield made
        made.close()
        return
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    sshd = request.getfixturevalue("sshd")
    pool = SshPool(sshd.settings())
    made = SshConnection(sshd.target(), pool, become_user=OTHER, base=str(base))
    yield made
    made.close()
    pool.close()


@pytest.fixture(params=["plain", "detached"])
def run(request, other):
    def go(command, timeout=30):
        if request.param == "plain":
            return other.run(command, timeout=timeout)
        return other.run_detached(command, token=unique("t"), timeout=timeout)

    return go


def test_runs_as_the_other_with_input_environment_and_folder(run):
    command = Command(
        ("sh", "-c", 'id -un; printf "%s\\n" "$A"; pwd; cat; echo err >&2; exit 3'), b"\0in", "/usr", {"A": "b c'"}
    )
    result = run(command)
    assert result.exit_status == 3
    assert result.stdout == OTHER.encode() + b"\nb c'\n/usr\n\0in"
    assert result.stderr == b"err\n"
    assert result.stderr_bytes == 4


def test_a_timeout_ends_the_others_command(run):
    with pytest.raises(CommandTimeoutError) as caught:
        run(Command(("sleep", "300")), timeout=4)  # a login and sudo come first
    assert caught.value.killed


@pytest.fixture
def theirs():
    """A folder of the other's, below folders that anybody may pass (pytest keeps its own private)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    theirs = folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, pwd.getpwnam(OTHER).pw_uid, -1)
    yield theirs
    shutil.rmtree(folder)


def test_files_are_the_others(other, theirs):
    theirs.chmod(0o700)
    path = str(theirs / "a 'b")
    assert other.stat(path) is None
    assert other.sha256(path) is None
    other.write(path, b"\0x" * 700_000, mode=0o600)
    assert other.read(path, limit=1_400_000) == b"\0x" * 700_000
    with pytest.raises(FileAccessError, match="longer"):
        other.read(path, limit=1_399_999)
    facts = other.stat(path)
    assert (facts.kind, facts.size, facts.mode, facts.owner) == ("file", 1_400_000, 0o600, pwd.getpwnam(OTHER).pw_uid)
    other.write(path, b"new")
    assert other.stat(path).mode == 0o600
    assert len(other.sha256(path)) == 64
    other.make_directory(str(theirs / "d" / "e"), mode=0o750)
    assert other.listdir(str(theirs)) == ("a 'b", "d")
    other.set_mode(path, 0o640)
    assert other.stat(path).mode == 0o640
    with pytest.raises(FileAccessError):
        other.remove(str(theirs / "d"))
    other.remove(str(theirs / "d" / "e"))
    other.remove(path)
    other.remove(path)
    assert other.listdir(str(theirs)) == ("d",)
    with pytest.raises(FileAccessError):
        other.write(str(theirs / "d"), b"x")
    with pytest.raises(FileAccessError):
        other.write("/root/nobody-may", b"x")


def test_a_file_whose_owner_could_not_stay_is_left_alone(other, theirs):
    ours = theirs / "ours"
    ours.write_text("old")
    with pytest.raises(FileAccessError, match="its owner and group can't be kept"):
        other.write(str(ours), b"new")
    assert ours.read_text() == "old"
    assert [path.name for path in theirs.iterdir()] == ["ours"]
