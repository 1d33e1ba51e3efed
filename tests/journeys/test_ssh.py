"""A runbook over SSH, through the command line, against a real sshd: fan-out, a kill in mid-command, tidy targets."""

import hashlib
import io
import json
import os
import signal
import tarfile
import time
from pathlib import Path
from textwrap import dedent

import pytest
from support.forks import Forked, helper
from support.own_path import own_path
from support.sshd import SSHD, start_sshd

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(SSHD is None, reason="no sshd: install openssh-server")]

HOSTS = [f"h{number}" for number in range(5)]


@pytest.fixture
def project(tmp_path: Path):
    server = start_sshd(tmp_path / "sshd")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    (home / ".ssh" / "known_hosts").write_text(server.known_hosts.read_text())
    root = tmp_path / "project"
    (root / "runbooks").mkdir(parents=True)
    (root / "runbook.toml").write_text('inventory = "hosts.yml"\n')
    variables = dict(server.target().variables)
    hosts = {name: {"ledger": str(tmp_path / f"{name}.ledger")} for name in HOSTS}
    (root / "hosts.yml").write_text(json.dumps({"all": {"vars": variables, "children": {"web": {"hosts": hosts}}}}))
    yield Project(root, home, tmp_path)
    server.stop()


class Project:
    def __init__(self, root: Path, home: Path, top: Path) -> None:
        self.root, self.home, self.top = root, home, top

    def book(self, text: str) -> None:
        (self.root / "runbooks" / "book.yml").write_text("runbook: book\n" + dedent(text))

    def ledger(self, host: str) -> list[str]:
        path = self.top / f"{host}.ledger"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, *words: str) -> Forked:
        environment = {**os.environ, "HOME": str(self.home), "PYTHONPATH": own_path()}
        environment.pop("SSH_AUTH_SOCK", None)
        return helper().start(words, cwd=self.root, env=environment)

    def run(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    def tokens(self) -> set[str]:
        _, out, _ = self.run("audit", "log", "last", "--output", "json")
        events = [stored["event"] for stored in json.loads(out)]
        return {event["token"] for event in events if event["kind"] == "attempt.started"}

    def left_behind(self) -> list[str]:
        # The target's own home, not the one that the engine was given.
        folder = Path("~/.runbook/attempts").expanduser()
        return [token for token in self.tokens() if (folder / token).exists()]


def test_commands_files_and_checks_on_many_hosts(project):
    project.book(
        """
        steps:
          - id: put
            targets: web
            file.copy: {content: "hello {{ target.name }}\\n", dest: "{{ ledger }}.txt", mode: "0640"}
          - id: count
            targets: web
            needs: ["put@target"]
            command.run: {argv: [wc, -c, "{{ ledger }}.txt"]}
          - id: all
            assert.that: {that: ["steps['count'].targets | length == 5"]}
        """
    )
    code, out, err = project.run("run", "book", "--yes", "--output", "json")
    assert code == 0, err
    report = json.loads(out)
    assert {task["outcome"] for step in report["steps"] for task in step["tasks"]} == {"changed", "unchanged"}
    assert (project.top / "h3.ledger.txt").read_text() == "hello h3\n"
    assert project.left_behind() == []
    code, out, _ = project.run("run", "book", "--yes", "--output", "json")
    put = next(step for step in json.loads(out)["steps"] if step["id"] == "put")
    assert {task["outcome"] for task in put["tasks"]} == {"unchanged"}


def test_commands_survive_a_killed_engine_and_are_not_run_twice(project):
    project.book(
        """
        steps:
          - id: slow
            targets: web
            command.run: {shell: "echo begin >> {{ ledger }}; sleep 4; echo end >> {{ ledger }}; echo {{ target.name }}"}
          - id: after
            targets: web
            needs: [slow]
            command.run: {shell: "echo after-{{ steps['slow'].targets[target.name].stdout }} >> {{ ledger }}"}
        """
    )
    process = project.start("run", "book", "--yes")
    end = time.monotonic() + 60
    while not all(project.ledger(host) == ["begin"] for host in HOSTS) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    code, out, err = project.run("resume", "--yes", "--output", "json")
    assert code == 0, err
    assert all(project.ledger(host) == ["begin", "end", f"after-{host}"] for host in HOSTS)
    slow = next(step for step in json.loads(out)["steps"] if step["id"] == "slow")
    assert {task["outcome"] for task in slow["tasks"]} == {"changed"}
    assert project.left_behind() == []


def test_an_unknown_host_key_is_refused_and_says_what_to_do(project):
    project.book("steps: [{id: a, targets: 'web[0]', command.run: {argv: ['true']}}]\n")
    (project.home / ".ssh" / "known_hosts").write_text("")
    code, _, err = project.run("run", "book", "--yes")
    assert code == 1
    assert "known_hosts" in err


def test_readiness_logs_in_to_hosts_that_a_dry_run_does_not_reach(project):
    project.book("""\
        steps:
          - id: name
            command.run: {argv: [echo, x]}
          - id: deploy
            targets: web
            command.run: {argv: [echo, "{{ steps['name'].stdout }}"]}
    """)
    status, out, err = project.run("readiness", "book", "--output", "json")
    found = json.loads(out)
    assert (status, found["verdict"], found["looked_at"]) == (0, "ready", {"hosts": 5}), err
    assert found["dry_run"]["proof"]["unproven"] >= 5, "the dry run did not reach them"

    hosts = json.loads((project.root / "hosts.yml").read_text())
    hosts["all"]["children"]["web"]["hosts"]["h3"]["ansible_port"] = 9
    (project.root / "hosts.yml").write_text(json.dumps(hosts))
    status, out, _ = project.run("readiness", "book", "--output", "json")
    found = json.loads(out)
    assert (status, found["looked_at"]) == (1, {"hosts": 4})
    (down,) = [one for one in found["findings"] if one["level"] == "missing"]
    assert (down["area"], down["what"], down["steps"], down["new"]) == ("machine", "login on h3", ["deploy"], True)

    book = project.root / "runbooks" / "book.yml"
    book.write_text(book.read_text() + "    max_failures: 1\n")
    status, out, _ = project.run("readiness", "book", "--output", "json")
    assert (status, [one["level"] for one in json.loads(out)["findings"]]) == (0, ["note"])
    assert project.left_behind() == []


def test_a_backup_is_verified_and_an_archive_restored_on_each_host(project):
    backup = project.top / "backup"
    backup.mkdir()
    with tarfile.open(backup / "app.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("app/run.sh")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"go\n"))
    content = (backup / "app.tar.gz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    files = [{"path": "app.tar.gz", "bytes": len(content), "sha256": digest}]
    (backup / "manifest.json").write_text(json.dumps({"format": "runbook-backup/1", "made_by": "test", "files": files}))
    project.book(f"""\
        title: Restore the app
        steps:
          - id: verify
            targets: web
            backup.verify: {{folder: {backup}}}
          - id: restore
            needs: [verify]
            targets: web
            archive.restore: {{archive: {backup}/app.tar.gz, sha256: {digest}, dest: "{{{{ ledger }}}}", strip: 1}}
        """)
    assert project.run("run", "book", "--dry-run")[0] == 0
    assert not any((project.top / f"{host}.ledger").exists() for host in HOSTS)
    for _ in range(2):
        status, out, err = project.run("run", "book", "--yes")
        assert status == 0, out + err
    assert "10 unchanged" in out + err
    assert all((project.top / f"{host}.ledger" / "run.sh").read_text() == "go\n" for host in HOSTS)
