"""Logging in by a password, and sudo that wants one, with a real user of this machine over a real sshd."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.processes import unique
from support.sshd import SSHD, start_sshd

from runbook_engine.connections.factory import HostConnections, HostSettings
from runbook_engine.sdk import Command, NoConnectionError

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(
        SSHD is None or os.geteuid() != 0 or shutil.which("useradd") is None,
        reason="needs sshd, and root to make a user",
    ),
]

PASSWORD = "pass 'word' $1"


@pytest.fixture(scope="module")
def user():
    """A user with a password, who may do everything by sudo, when the password is given."""
    name = f"rbtest{os.getpid()}"
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
    rights = Path(f"/etc/sudoers.d/{name}")
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{PASSWORD}\n", text=True, check=True)
        if rights.parent.is_dir():
            rights.write_text(f"Defaults:{name} !lecture\n{name} ALL=(ALL) ALL\n")
            rights.chmod(0o440)
        yield name
    finally:
        rights.unlink(missing_ok=True)
        subprocess.run(["userdel", "--remove", "--force", name], check=True, capture_output=True)


@pytest.fixture
def hosts(tmp_path, user):
    """Give connections as the user to an sshd with some configuration."""
    with contextlib.ExitStack() as stack:

        def make(*lines, **variables):
            server = start_sshd(tmp_path / "sshd", *lines)
            stack.callback(server.stop)
            made = HostConnections(HostSettings(ssh=server.settings(agent=False)))
            stack.callback(made.close)
            wanted = {"ansible_user": user, "ansible_ssh_private_key_file": "", **variables}
            return made.open(server.target(**wanted))

        yield make


@pytest.mark.parametrize(
    "lines",
    [
        ("PasswordAuthentication yes",),
        ("UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes"),
    ],
    ids=["password", "keyboard-interactive"],
)
def test_a_password_lets_us_in(hosts, user, lines):
    box = hosts(*lines, ansible_password=PASSWORD)
    assert box.run(Command(("id", "-un")), timeout=30).stdout == user.encode() + b"\n"
    box.write(f"/home/{user}/note", b"by us")
    assert box.read(f"/home/{user}/note", limit=100) == b"by us"


def test_a_wrong_password_is_refused_and_not_repeated_in_words(hosts):
    box = hosts("PasswordAuthentication yes", ansible_password="wrong-secret")
    with pytest.raises(NoConnectionError, match="password: refused") as caught:
        box.run(Command(("true",)), timeout=30)
    assert "wrong-secret" not in caught.value.message + caught.value.hint


def test_a_server_that_takes_no_password_says_so(hosts):
    box = hosts("PasswordAuthentication no", "KbdInteractiveAuthentication no", ansible_password=PASSWORD)
    with pytest.raises(NoConnectionError, match="password: refused"):
        box.run(Command(("true",)), timeout=30)


@pytest.mark.skipif(shutil.which("sudo") is None, reason="no sudo")
@pytest.mark.parametrize("detached", [False, True])
def test_sudo_gets_its_password_and_the_command_does_not(hosts, user, detached):
    box = hosts(
        "PasswordAuthentication yes",
        ansible_password=PASSWORD, ansible_become=True, ansible_become_password=PASSWORD,
    )  # fmt: skip
    script = 'id -un; cat; printf "%s\\n" "$A"; cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; env'
    command = Command(("sh", "-c", script), b"given\n", None, {"A": "value"})
    if detached:
        result = box.run_detached(command, token=unique("sudo"), timeout=30)
        box.forget_detached(unique("sudo"))
    else:
        result = box.run(command, timeout=30)
    assert result.exit_status == 0, result.stderr
    assert result.stdout.startswith(b"root\ngiven\nvalue\n")
    assert PASSWORD.encode() not in result.stdout + result.stderr
    box.write("/root/by-sudo-test", b"x", mode=0o600)
    assert box.stat("/root/by-sudo-test").owner == 0
    box.remove("/root/by-sudo-test")


@pytest.mark.skipif(shutil.which("sudo") is None, reason="no sudo")
@pytest.mark.parametrize("password", ["wrong", None])
def test_sudo_without_its_password_fails_the_command_and_says_why(hosts, password):
    box = hosts(
        "PasswordAuthentication yes",
        ansible_password=PASSWORD, ansible_become=True, ansible_become_password=password,
    )  # fmt: skip
    result = box.run(Command(("echo", "ran")), timeout=30)
    assert result.exit_status != 0
    assert result.stdout == b""
    assert b"password" in result.stderr
