"""A project whose one runbook has each kind of action, its real targets, and what these saw of a run."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.own_path import own_path
from support.sshd import Sshd, start_sshd

TARGETS = Path(__file__).with_name("kill_targets.py")
OBJECTS = ["a", "b"]
# Where a target ends the engine. `lost`: the request is thrown away; `received`: it is carried out after the kill.
POINTS = {
    "local": ["local-begun", "local-done"],
    "ssh": ["ssh-begun", "ssh-done"],
    "token": ["token-lost", "token-received", "token-answered"],
    "record": ["record-lost", "record-received", "record-answered"],
    "s3": ["s3-received", "s3-answered"],
    "mail": ["mail-lost", "mail-received", "mail-taken"],
}
WORK = """\
#!/bin/sh
# work.sh NAME: strikes when it began, leaves a line, strikes when it is done.
cd "$(dirname "$0")"
strike() { rm "strike-$1" 2>/dev/null && kill -9 "$(cat engine.pid)"; }
strike "$1-begun"
echo "$1" >> ledger
strike "$1-done"
echo "did $1"
"""
RUNBOOK = """\
runbook: everything
steps:
  - id: local
    command.run: {argv: ["@STATE@/work.sh", local]}
  - id: ssh
    targets: box
    needs: [local]
    command.run: {argv: ["@STATE@/work.sh", ssh]}
  - id: file
    targets: box
    needs: [ssh]
    file.copy: {content: "from {{ steps.ssh.stdout }}", dest: "@STATE@/copied"}
  - id: token
    needs: [file]
    test.ticket: {url: "http://127.0.0.1:@HTTP@/tickets"}
  - id: record
    needs: [token]
    test.record: {url: "http://127.0.0.1:@HTTP@/records/app", value: standby}
  - id: s3
    needs: [record]
    aws.s3_sync: {region: us-east-1, source_bucket: releases, dest_bucket: standby}
  - id: mail
    needs: [s3]
    notify.email:
      smtp: {host: 127.0.0.1, port: @MAIL@, tls: none}
      sender: dr@example.com
      to: [ops@example.com]
      subject: it is done
      body: all of it
"""
PLUGIN = '''\
"""Two services over HTTP: one that honours a token, one whose state a check can read."""

from runbook_engine.sdk import Action, ActionFailedError, Applied, Effect, Params, satisfied, unknown, unsatisfied


class TicketParams(Params):
    """Where."""

    url: str


class Ticket(Action[TicketParams]):
    """Make a ticket; nobody can ask whether there is one, but the same token makes no second one."""

    name = "test.ticket"
    effect = Effect.TOKEN
    Params = TicketParams

    def check(self, params, context):
        """Nobody can tell."""
        return unknown("the service can't be asked")

    def apply(self, params, context):
        """Ask for it, with our token."""
        answer = context.http.request("POST", params.url, headers={"Idempotency-Key": context.run.token}, content=b"x")
        if answer.status != 201:
            raise ActionFailedError(f"answered {answer.status}")
        return Applied()


class RecordParams(Params):
    """Where, what."""

    url: str
    value: str


class Record(Action[RecordParams]):
    """Set a record."""

    name = "test.record"
    Params = RecordParams

    def check(self, params, context):
        """Read it."""
        answer = context.http.request("GET", params.url)
        there = answer.status == 200 and answer.body.decode() == f\'"{params.value}"\'
        return satisfied() if there else unsatisfied("not there")

    def apply(self, params, context):
        """Write it."""
        context.http.request("PUT", params.url, content=params.value.encode())
        return Applied()
'''


@dataclass
class Stage:
    """The project, its targets, and where they keep what they saw."""

    top: Path
    ports: dict[str, int]
    environment: dict[str, str]
    sshd: Sshd

    @property
    def root(self):
        return self.top / "project"

    @property
    def state(self):
        return self.top / "state"

    def forget(self):
        """Put the targets' side back to before the run."""
        self._ask("forget")
        for name in ("ledger", "copied", "copies", "mails", "engine.pid"):
            (self.state / name).unlink(missing_ok=True)
        for path in self.state.glob("strike-*"):
            path.unlink()
        s3 = self.cloud()
        for key in OBJECTS:
            s3.delete_object(Bucket="standby", Key=key)

    def strike(self, point):
        """Ask for the engine's end at that point."""
        (self.state / f"strike-{point}").touch()

    def has_struck(self, point):
        return not (self.state / f"strike-{point}").exists()

    def wait_until_quiet(self):
        """Wait until no service works on a request."""
        self._ask("quiet")

    def mails(self):
        return self._lines("mails")

    def seen(self):
        """Say what the targets know of the run."""
        told = self._ask("quiet")
        copied = self.state / "copied"
        return {
            "commands": dict(Counter(self._lines("ledger"))),
            "copied": copied.read_text() if copied.exists() else None,
            "left over": sorted(path.name for path in self.state.glob("*copied?*")),
            "tickets": told["made"],
            "tokens": len(set(told["posts"])),
            "puts": len(told["puts"]),
            "copies": dict(Counter(self._lines("copies"))),
            "mails": dict(Counter(self.mails())),
        }

    def cloud(self):
        import boto3

        return boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{self.ports['aws']}",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def _lines(self, name):
        path = self.state / name
        return path.read_text().splitlines() if path.exists() else []

    def _ask(self, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['http']}/{what}", timeout=40) as answer:
            return json.load(answer)


# What the targets saw when all was done once.
ONCE = {
    "commands": {"local": 1, "ssh": 1},
    "copied": "from did ssh",
    "left over": [],
    "tickets": 1,
    "tokens": 1,
    "puts": 1,
    "copies": {f"/standby/{key}": 1 for key in OBJECTS},
    "mails": {"ops@example.com": 1},
}


@contextmanager
def stage(top: Path):
    """Set the project and its targets up, and take them down."""
    sshd = start_sshd(top / "sshd")
    state = top / "state"
    state.mkdir()
    targets = subprocess.Popen(
        [sys.executable, str(TARGETS), str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        ports = json.loads(targets.stdout.readline())
        made = Stage(top, ports, _environment(top, ports["aws"], sshd), sshd)
        _write_project(made, sshd)
        s3 = made.cloud()
        for bucket in ("releases", "standby"):
            s3.create_bucket(Bucket=bucket)
        for key in OBJECTS:
            s3.put_object(Bucket="releases", Key=key, Body=key.encode())
        yield made
    finally:
        targets.stdin.close()
        targets.stdout.close()
        targets.terminate()
        targets.wait(20)
        sshd.stop()
        shutil.rmtree(top / "home", ignore_errors=True)


def _environment(top, aws, sshd):
    home = top / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    (home / ".ssh" / "known_hosts").write_text(sshd.known_hosts.read_text())
    unwanted = {"RUNBOOK_JOURNAL", "RUNBOOK_OPERATOR", "SSH_AUTH_SOCK", "AWS_PROFILE"}
    return {
        **{name: value for name, value in os.environ.items() if name not in unwanted},
        "HOME": str(home),
        "PYTHONPATH": own_path(),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _write_project(made, sshd):
    root = made.root
    for folder in ("runbooks", "plugins"):
        (root / folder).mkdir(parents=True)
    (root / "runbook.toml").write_text('inventory = "hosts.yml"\n')
    hosts = {"box": dict(sshd.target().variables)}
    (root / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    text = RUNBOOK.replace("@STATE@", str(made.state))
    text = text.replace("@HTTP@", str(made.ports["http"])).replace("@MAIL@", str(made.ports["mail"]))
    (root / "runbooks" / "everything.yml").write_text(text)
    (root / "plugins" / "services.py").write_text(PLUGIN)
    work = made.state / "work.sh"
    work.write_text(WORK)
    work.chmod(0o755)
