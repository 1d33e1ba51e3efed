"""The rehearsal lab as its user meets it: started, broken, failed over, mended, ended without a trace."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.own_path import own_path

from runbook_engine.lab import client
from runbook_engine.lab.background import running
from runbook_engine.lab.breaks import parse
from runbook_engine.lab.parent import is_gone
from runbook_engine.lab.probe import look

ROOT = Path(__file__).resolve().parents[3]
RUNBOOK = [sys.executable, "-m", "runbook_engine.cli.main"]
SECONDS = 150
FAST = "all: {vars: {poll: 0.2s}}\n"


class Project:
    """A copy of this repository's runbook, team and inventory, with commands called in it."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(ROOT / "runbooks", root / "runbooks")
        shutil.copytree(ROOT / "inventories" / "demo", root / "inventories" / "demo")
        for name in ("team.yml", "runbook.toml"):
            shutil.copy(ROOT / name, root)
        (root / "plugins").mkdir()
        (root / "fast.yml").write_text(FAST)

    def __call__(self, *words, status=0):
        unwanted = ("AWS_", "RUNBOOK_", "NO_COLOR", "CI")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        # The user's own cloud, which no rehearsal may reach: nothing answers at its address.
        own = {"AWS_PROFILE": "production", "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
        done = subprocess.run(
            [*RUNBOOK, *words],
            cwd=self.root,
            env={**environment, **own, "PYTHONPATH": own_path()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == status, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def status(self, status=0):
        return json.loads(self("lab", "status", "--output", "json", status=status).stdout)

    @property
    def lab(self):
        return running(self.root / ".lab")

    def part(self, name):
        return next(part for part in look(self.lab) if part.name == name)

    def change(self, what, *, broken):
        """As `lab break` and `lab mend` do, without a process each."""
        client.set_broken(self.lab, parse(what.split()), broken=broken)

    def mails(self):
        log = self.root / ".lab" / "mail" / "log.ndjson"
        lines = log.read_text().splitlines() if log.exists() else []
        return [address for line in lines for address in json.loads(line)["to"]]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("lab") / "project with a blank")
    try:
        with ThreadPoolExecutor(2) as pool:  # two people at once get one lab
            first, second = pool.map(lambda _: project("lab", "up").stdout, range(2))
        assert first.splitlines()[1:] == second.splitlines()[1:]
        assert "runbook run region-failover -i demo" in first
        yield project
    finally:
        project("lab", "down")


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ports_of(found):
    addresses = [part["address"] for part in found["parts"] if part["name"] != "name server"]
    return {int(address.rpartition(":")[2]) for address in addresses}


@pytest.mark.slow
def test_one_run_meets_every_kind_of_trouble_and_is_resumed_to_its_end(project):
    for what in ("app us-east-1", "slow-restore", "throttling", "wrong-data", "mail", "status-page"):
        project.change(what, broken=True)
    assert project.part("app").state == "down"
    assert len(project.status()["broken"]) == 6

    # Status pages that nobody can read are no word for and none against a disaster: a person decides.
    asked = project(
        "run", "region-failover", "-i", "demo", "-i", "fast.yml", "-e", "incident=LAB-1", "--yes", status=4
    ).stderr
    assert "AWS's status page does not report trouble, the app does not answer there" in asked
    assert "the state is unknown" in asked
    project("approve", "last", "declare", "--as", "dana", "--reason", "customers call")

    # Throttled requests are sent again, a slow restore is waited for, and the data that it brings is not believed.
    project.change("status-page", broken=False)
    failed = project("resume", "last", "--yes", status=1).stderr
    assert "restored reviews-eu-west-1" in failed
    assert "rows that the checksum table counts but the reviews lack: is 100 instead of 0" in failed
    assert "failed        notify-team@localhost" in failed
    assert "the message was not handed in" in failed
    assert project.part("app").state == "down", "wrong data are not served"
    assert project.part("standby-1").state == "standby"

    # With the right data the app comes back; that nobody can be told of it is told, and fails the run.
    project.change("wrong-data", broken=False)
    project.change("throttling", broken=False)
    told = project("resume", "last", "--yes", status=1).stderr
    assert "failed        notify-customers@localhost" in told
    app = project.part("app")
    assert (app.state, app.text) == ("up", "500 reviews from eu-west-1, release 1.4.2")
    assert project.mails() == []

    assert project("lab", "mend", "mail").stdout == "mail: mended\n"
    project("resume", "last", "--yes")
    assert project.mails().count("customers@lists.example.com") == 1
    with urllib.request.urlopen(f"{project.lab.status_url}/mail") as page:
        assert "Reviews is available again (LAB-1)" in page.read().decode()


def test_a_second_up_says_that_it_is_up_and_changes_nothing(project):
    before = project.lab.pid
    assert "up already" in project("lab", "up").stdout
    assert project.lab.pid == before


def test_a_proxy_that_would_come_between_is_warned_of(project, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert "export NO_PROXY=127.0.0.1" in project("lab", "up").stderr
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "NO_PROXY" not in project("lab", "up").stderr


def test_a_host_that_ends_by_itself_is_started_again(project):
    port = int(project.part("standby-2").address.rpartition(":")[2])
    os.kill(client.lab_state(project.lab)["apps"]["standby-2"], signal.SIGKILL)
    wait_until(lambda: not answers(port))
    wait_until(lambda: answers(port))


def test_a_dead_lab_is_told_started_anew_at_its_addresses_and_removed(project):
    before = project.status()
    os.kill(before["pid"], signal.SIGKILL)
    wait_until(lambda: is_gone(before["pid"]) and not any(answers(port) for port in ports_of(before)))
    assert project.status(status=1)["state"] == "down"
    assert "start one with `runbook lab up`" in project("lab", "break", "mail", status=1).stderr
    project("lab", "up")
    again = project.status()
    assert ports_of(again) == ports_of(before)
    assert again["broken"] == []
    (project.root / ".lab" / "mine.txt").write_text("not the lab's")
    project("lab", "down")
    assert is_gone(again["pid"])
    assert not any(answers(port) for port in ports_of(before))
    assert [path.name for path in (project.root / ".lab").iterdir()] == ["mine.txt"]
    assert "There is no lab" in project("lab", "down").stdout


def test_a_start_that_is_killed_is_found_and_ended(tmp_path):
    project = Project(tmp_path)
    environment = {**os.environ, "PYTHONPATH": own_path()}
    marker = tmp_path / ".lab" / ".lab"
    with subprocess.Popen(
        [*RUNBOOK, "lab", "up"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    ) as starting:
        wait_until(lambda: marker.exists() and marker.read_text().strip())
        starting.kill()
    pid = int(marker.read_text())
    assert project.status(status=1)["state"] in {"starting", "down"}
    project("lab", "down")
    assert is_gone(pid)
    assert not (tmp_path / ".lab").exists()


def test_a_folder_that_is_none_is_told(tmp_path):
    project = Project(tmp_path)
    (tmp_path / ".lab").write_text("mine")
    assert "can't be a lab's folder" in project("lab", "up", status=1).stderr
    assert project.status(status=1)["state"] == "down"
    project("lab", "down")
    assert (tmp_path / ".lab").read_text() == "mine"


def test_wrong_words_are_answered_with_the_right_ones(tmp_path):
    project = Project(tmp_path)
    assert "did you mean region?" in project("lab", "break", "regin", "us-east-1", status=2).stderr
    assert "did you mean us-east-1?" in project("lab", "mend", "region", "us-east1", status=2).stderr
    assert "say what is to be mended" in project("lab", "mend", status=2).stderr
    assert "no lab is up" in project("lab", "mend", "--all", status=1).stderr
    assert "no lab is up" in project("lab", "env", status=1).stderr


OF_THE_LAB = [
    *(f"runbooks/{name}.yml" for name in (
        "region-failover", "region-failback", "restore-cloud-app", "switchover-drill", "verify-backups"
    )),
    "inventories/demo", "inventories/drill", "inventories/production",
]  # fmt: skip
"""What can be rehearsed on it; it has no Jira, no Bitbucket and no customer's servers."""


def test_a_new_project_can_begin_with_the_lab(tmp_path):
    root = tmp_path / "rehearsal"
    said = subprocess.run([*RUNBOOK, "init", "--lab", str(root)], capture_output=True, text=True, check=True).stdout
    assert "runbook lab up" in said
    for name in ("demo", "drill"):
        assert os.access(root / "inventories" / name / "lab.sh", os.X_OK)
    shipped = [ROOT / name for name in OF_THE_LAB]
    shipped = [found for one in shipped for found in ([one] if one.is_file() else one.rglob("*.*"))]
    assert len(shipped) > 10
    for file in (ROOT / "team.yml", *shipped):
        name = file.relative_to(ROOT)
        assert not (root / name).is_symlink()
        assert (root / name).read_bytes() == file.read_bytes()
    validated = subprocess.run(
        [*RUNBOOK, "validate", "--strict"], cwd=root, capture_output=True, text=True, check=False
    )
    assert validated.returncode == 0, validated.stdout + validated.stderr
    for words, step in (
        (("region-failover", "-i", "demo", "-e", "incident=LAB-1"), "restore-db"),
        (("switchover-drill", "-i", "drill", "-e", "incident=DRILL-1"), "switch-dns"),
        (("verify-backups", "-i", "production"), "verify-data"),
    ):
        found = subprocess.run([*RUNBOOK, "plan", *words], cwd=root, check=True, capture_output=True, text=True)
        assert step in found.stdout


def test_without_a_lab_the_demo_inventory_reaches_no_cloud(tmp_path):
    project = Project(tmp_path)
    said = project("run", "region-failover", "-i", "demo", "-e", "incident=LAB-1", "--dry-run", status=1).stderr
    assert "aws-config is not there" in said


def test_a_lab_without_its_libraries_says_how_to_get_them(tmp_path):
    code = (
        "import sys; sys.modules['moto'] = None\n"
        "from runbook_engine.cli.main import main; sys.argv[1:] = ['lab', 'up']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 1
    assert "pip install 'runbook-engine[lab]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".lab").exists()


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.02)
