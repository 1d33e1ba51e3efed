"""A runbook over hosts without SSH, through the command line and a test peer for AWS Systems Manager."""

import json
import os
import signal
import time

import pytest
from support.forks import helper
from support.ssm import SsmPeer

INSTANCES = ("i-0123456789abcdef0", "i-0fedcba9876543210")
BOOK = """\
runbook: book
steps:
  - id: put
    targets: web
    file.copy: {content: "hello {{ target.name }}\\n", dest: "{{ ledger }}.txt", mode: "0640"}
  - id: slow
    targets: web
    needs: ["put@target"]
    command.run: {shell: "echo begin >> {{ ledger }}; sleep 3; echo end >> {{ ledger }}; echo $TOKEN"}
    environment: {TOKEN: s3cr3t-token}
"""


class Project:
    """Two instances, whose ledgers tell what ran."""

    def __init__(self, top, peer):
        self.top, self.peer, self.root = top, peer, top / "project"
        (self.root / "runbooks").mkdir(parents=True)
        (self.root / "runbooks" / "book.yml").write_text(BOOK)
        (self.root / "runbook.toml").write_text('inventory = "hosts.yml"\n')
        hosts = {
            f"web{number}": {"ansible_aws_ssm_instance_id": instance, "ledger": str(top / f"web{number}.ledger")}
            for number, instance in enumerate(INSTANCES)
        }
        variables = {"ansible_connection": "community.aws.aws_ssm", "ansible_aws_ssm_region": "eu-central-1"}
        groups = {"all": {"vars": variables, "children": {"web": {"hosts": hosts}}}}
        (self.root / "hosts.yml").write_text(json.dumps(groups))

    def start(self, *words):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return helper().start(words, cwd=self.root, env={**kept, **self.peer.environment()})

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=180)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    def ledger(self, number):
        path = self.top / f"web{number}.ledger"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def project(tmp_path):
    peer = SsmPeer(tmp_path / "ssm", *INSTANCES)
    yield Project(tmp_path, peer)
    peer.close()


def outcomes(out, step):
    return {task["outcome"] for found in json.loads(out)["steps"] if found["id"] == step for task in found["tasks"]}


def test_files_and_commands_reach_instances_and_leave_nothing_there(project):
    code, out, err = project.run("run", "book", "--yes", "--output", "json")
    assert code == 0, err
    assert outcomes(out, "put") == outcomes(out, "slow") == {"changed"}
    assert (project.top / "web1.ledger.txt").read_text() == "hello web1\n"
    assert project.ledger(0) == project.ledger(1) == ["begin", "end"]
    assert "s3cr3t-token" not in project.peer.history
    for instance in INSTANCES:
        assert [path for path in project.peer.home(instance).rglob("*") if path.is_file()] == []
    code, out, err = project.run("run", "book", "--dry-run", "--output", "json")
    assert outcomes(out, "put") == {"unchanged"}, err


def test_commands_survive_a_killed_engine_and_are_not_run_twice(project):
    process = project.start("run", "book", "--yes")
    end = time.monotonic() + 60
    while not (project.ledger(0) == project.ledger(1) == ["begin"]) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    code, out, err = project.run("resume", "--yes", "--output", "json")
    assert code == 0, err
    assert project.ledger(0) == project.ledger(1) == ["begin", "end"]
    assert outcomes(out, "slow") == {"changed"}


def test_an_instance_that_is_away_is_unreachable_and_says_why(project):
    project.peer.offline[INSTANCES[1]] = "Undeliverable"
    code, _, err = project.run("run", "book", "--yes")
    assert code == 1
    assert "Undeliverable" in err
    assert project.ledger(0) == ["begin", "end"]
