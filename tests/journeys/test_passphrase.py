"""A private key with a passphrase: asked for once at the terminal, never shown, never kept."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
from support.own_path import own_path
from support.sshd import SSHD, start_sshd

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(SSHD is None, reason="no sshd: install openssh-server")]

PASSPHRASE = "correct horse battery"
BOOK = """\
runbook: book
steps:
  - {id: a, targets: web, command.run: {argv: [echo, "in {{ target.name }}"]}}
  - {id: b, targets: web, needs: [a], command.run: {argv: [echo, again]}}
"""


class Project:
    """A project whose hosts are aliases of one sshd, reached by a key with a passphrase."""

    def __init__(self, top, server):
        self.root, self.home = top / "project", top / "home"
        self.key = self.home / ".ssh" / "id_ed25519"
        self.key.parent.mkdir(parents=True, mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", PASSPHRASE, "-f", self.key], check=True)
        (server.folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        (self.home / ".ssh" / "known_hosts").write_text(server.known_hosts.read_text())
        (self.root / "runbooks").mkdir(parents=True)
        (self.root / "runbooks" / "book.yml").write_text(BOOK)
        (self.root / "runbook.toml").write_text('inventory = "hosts.yml"\n')
        self.hosts(server, ansible_ssh_private_key_file=str(self.key))

    def hosts(self, server, **variables):
        kept = {name: value for name, value in server.target().variables.items() if "key" not in name}
        hosts = {f"h{number}": {} for number in range(4)}
        inventory = {"all": {"vars": {**kept, **variables}, "children": {"web": {"hosts": hosts}}}}
        (self.root / "hosts.yml").write_text(json.dumps(inventory))

    def environment(self, **more):
        unwanted = {"SSH_AUTH_SOCK", "CI", "NO_COLOR", "RUNBOOK_JOURNAL", "RUNBOOK_OPERATOR"}
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        return {**kept, "HOME": str(self.home), "PYTHONPATH": own_path(), "TERM": "xterm", **more}

    def argv(self, *words):
        return [sys.executable, "-m", "runbook_engine.cli.main", *words]

    def run(self, *words, **environment):
        done = subprocess.run(
            self.argv(*words), cwd=self.root, env=self.environment(**environment), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def at_terminal(self, *words, answers, interrupt_at=None):
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.root)
            os.execve(sys.executable, self.argv(*words), self.environment())
        shown, asked, open_answers, end = b"", 0, list(answers), time.monotonic() + 120
        try:
            while time.monotonic() < end:
                if select.select([terminal], [], [], 0.1)[0]:
                    try:
                        shown += os.read(terminal, 65536)
                    except OSError:
                        break
                if shown.count(b"Passphrase of") > asked:
                    asked += 1
                    time.sleep(0.2)  # a person reads; what comes before the echo is off is thrown away
                    if interrupt_at == asked:
                        os.write(terminal, b"\x03")
                    elif open_answers:
                        os.write(terminal, open_answers.pop(0).encode() + b"\n")
            else:
                os.kill(process, signal.SIGKILL)
                pytest.fail(shown.decode(errors="replace"))
        finally:
            os.close(terminal)
            _, status = os.waitpid(process, 0)
        return shown.decode(errors="replace"), os.waitstatus_to_exitcode(status), asked


@pytest.fixture
def server(tmp_path):
    made = start_sshd(tmp_path / "sshd")
    yield made
    made.stop()


@pytest.fixture
def project(tmp_path, server):
    return Project(tmp_path, server)


def test_it_is_asked_once_for_all_hosts_and_steps_and_stays_unseen(project):
    shown, status, asked = project.at_terminal("run", "book", "--yes", answers=[PASSPHRASE])
    assert (status, asked) == (0, 1), shown
    assert PASSPHRASE not in shown
    report = json.loads(project.run("report", "last", "--format", "json").stdout)
    assert report["status"] == "succeeded"
    for file in (project.root / ".runbook").rglob("*"):
        assert not file.is_file() or PASSPHRASE.encode() not in file.read_bytes()


def test_a_default_key_is_asked_for_when_nothing_else_lets_us_in(project, server):
    project.hosts(server)
    shown, status, asked = project.at_terminal("run", "book", "--yes", answers=[PASSPHRASE])
    assert (status, asked) == (0, 1), shown


def test_a_typing_error_can_be_mended(project):
    shown, status, asked = project.at_terminal("run", "book", "--yes", answers=["wrong", PASSPHRASE])
    assert (status, asked) == (0, 2), shown


def test_three_errors_end_it_before_anything_began(project):
    shown, status, asked = project.at_terminal("run", "book", "--yes", answers=["x", "y", "z"])
    assert (status, asked) == (1, 3), shown
    assert "nothing was begun" in shown
    assert project.run("runs").stdout == ""


def test_ctrl_c_ends_the_question_and_begins_nothing(project):
    shown, status, _ = project.at_terminal("run", "book", "--yes", answers=[], interrupt_at=1)
    assert status == 130, shown
    assert project.run("runs").stdout == ""


def test_a_resumed_run_asks_too(project, server):
    (server.folder / "authorized_keys").write_text("")
    shown, status, _ = project.at_terminal("run", "book", "--yes", answers=[PASSPHRASE])
    assert status == 1, shown
    (server.folder / "authorized_keys").write_text(project.key.with_suffix(".pub").read_text())
    shown, status, asked = project.at_terminal("resume", "--yes", answers=[PASSPHRASE])
    assert (status, asked) == (0, 1), shown


def test_without_a_terminal_the_hosts_say_what_they_lack(project):
    ran = project.run("run", "book", "--yes")
    assert ran.returncode == 1
    assert "the key has a passphrase" in ran.stderr
    assert f"ssh-add {project.key}" in ran.stderr


def test_a_variable_has_the_passphrase(project, server):
    project.hosts(server, ansible_ssh_private_key_file=str(project.key), ansible_private_key_passphrase=PASSPHRASE)
    ran = project.run("run", "book", "--yes")
    assert ran.returncode == 0, ran.stderr


def test_the_agent_has_the_key_open(project, tmp_path):
    place = tmp_path / "a"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while not place.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        script = tmp_path / "answer"
        script.write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
        script.chmod(0o700)
        helper = {"SSH_AUTH_SOCK": str(place), "SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(["ssh-add", "-q", project.key], env={**os.environ, **helper}, check=True)
        ran = project.run("run", "book", "--yes", SSH_AUTH_SOCK=str(place))
        assert ran.returncode == 0, ran.stderr
    finally:
        agent.terminate()
        agent.wait()
