"""`runbook readiness`: the dry run, what is needed of the escaped region, permissions, quotas, and what changed.

AWS is moto; IAM's simulation, STS and Service Quotas are fakes that are held to botocore's model.
"""

import json
from xml.etree import ElementTree as ET

import boto3
import pytest
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from support.aws_faults import Faults
from support.aws_model import ModelAws
from support.aws_readiness import ACCOUNT, Iam, ServiceQuotas, Sts, allow
from support.aws_wire import WireServer

from runbook_engine.lab.request_log import READ_PREFIXES

HOME, STANDBY = "us-east-1", "eu-west-1"
USER = f"arn:aws:iam::{ACCOUNT}:user/dr"
DATABASES = ("rds", "L-7B6409FD")
RUNBOOK = """\
runbook: failover
title: Fail over
inputs:
  up: {type: boolean, default: true}
vars: {escaped_region: us-east-1}
steps:
  - id: trouble
    assert.that: {that: ['not up']}
    on_failure: continue
  - id: restore
    aws.rds_restore_snapshot:
      {snapshot: latest, source_instance: reviews, instance: reviews-dr, region: eu-west-1}
  - id: up
    assert.that: {that: [up], msg: the app is down}
"""


class Cloud:
    """moto with a snapshot in the standby region, and the fakes beside it."""

    def __init__(self):
        self.iam, self.sts = Iam({}), Sts(USER)
        self.quotas = ServiceQuotas()
        self.moto, self.model = (
            Faults(DomainDispatcherApplication(create_backend_app)),
            ModelAws(self.iam, self.sts, self.quotas),
        )
        self.fakes = Faults(self.model)
        self._servers = [WireServer(self.moto), WireServer(self.fakes)]
        self.environment = {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_ENDPOINT_URL": self._servers[0].endpoint,
            **{f"AWS_ENDPOINT_URL_{name}": self._servers[1].endpoint for name in ("IAM", "STS", "SERVICE_QUOTAS")},
        }
        session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name=STANDBY)
        rds = session.client("rds", endpoint_url=self._servers[0].endpoint)
        rds.create_db_instance(
            DBInstanceIdentifier="reviews",
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            MasterUsername="dr",
            MasterUserPassword="not-a-secret",
            AllocatedStorage=20,
        )
        rds.create_db_snapshot(DBInstanceIdentifier="reviews", DBSnapshotIdentifier="reviews-1")

    def be_well(self):
        self.iam.principals = {USER: [allow("rds:*")]}
        self.iam.refused = set()
        self.quotas.applied = {DATABASES: 2}

    def close(self):
        for server in self._servers:
            server.close()
        assert not self.model.problems


@pytest.fixture(scope="module")
def served():
    BackendDict.reset()
    reset_model_data()
    cloud = Cloud()
    yield cloud
    cloud.close()


@pytest.fixture
def cloud(served):
    served.be_well()
    served.moto.forget()
    served.fakes.forget()
    return served


@pytest.fixture
def ready(runbook, cloud):
    """Call `runbook readiness` in a project whose runbook restores a database; give how it ended."""
    runbook.write("runbooks/failover.yml", RUNBOOK)

    def look(*words, status=0):
        called = runbook("readiness", "failover", *words, **cloud.environment)
        assert called.status == status, called.out + called.err
        return called

    return look


def test_a_runbook_that_would_work_is_told_so_and_nothing_is_changed(ready, runbook, cloud):
    called = ready()
    first, second, *_ = called.out.splitlines()
    assert first == "failover on local: nothing is missing"
    assert "33 % of the plan proven" in second
    assert "6 permissions granted" in second
    assert "room in 1 quotas" in second
    assert "trouble failed" in called.out, "what the run goes on without is noted"
    assert "the first look" in called.out
    calls = [*cloud.moto.calls, *cloud.fakes.calls]
    assert {"iam:SimulatePrincipalPolicy", "service-quotas:GetServiceQuota"} <= set(calls)
    assert [call for call in calls if not call.partition(":")[2].startswith(READ_PREFIXES)] == []
    assert runbook("audit", "verify").status == 0
    assert runbook("runs", "--output", "json").json[0]["mode"] == "dry-run"


def test_everything_that_is_missing_is_told_at_once(ready, runbook, cloud):
    cloud.iam.principals[USER] = [allow("rds:Describe*"), allow("rds:Restore*")]
    cloud.quotas.applied[DATABASES] = 1
    runbook.write(
        "runbooks/failover.yml",
        RUNBOOK
        + "  - id: old\n    tcp.check: {host: db.us-east-1.rds.amazonaws.com, port: 1, timeout: 1s}\n    when: up\n",
    )
    called = ready("-e", "up=false", "--output", "json", status=1)
    found = called.json
    assert (found["verdict"], found["ready"], found["runbook"]) == ("not-ready", False, "failover")
    missing = {(one["area"], tuple(one["steps"])) for one in found["findings"] if one["level"] == "missing"}
    assert {("permission", ("restore",)), ("quota", ("restore",)), ("step", ("up",))} <= missing
    assert any(one["area"] == "survivability" and "RB230" in one["what"] for one in found["findings"])
    assert sum(one["area"] == "permission" for one in found["findings"]) == 3
    assert "1 of 1 are used" in next(one["text"] for one in found["findings"] if one["area"] == "quota")
    assert "the app is down" in next(one["text"] for one in found["findings"] if one["steps"] == ["up"])
    assert found["since"] is None

    text = runbook("report", found["run"], "--format", "md").out
    assert "## Readiness" in text
    assert "**NOT READY**" in text
    assert "Readiness" in runbook("report", found["run"], "--format", "html").out
    cases = ET.fromstring(runbook("report", found["run"], "--format", "junit").out)
    suite = cases.find("testsuite[@name='readiness']")
    assert suite.get("failures") == "5", "three permissions, a quota, a host in the region that is escaped"
    assert "readiness.assessed" in runbook("audit", "log", found["run"]).out


def test_what_changed_since_the_last_look_is_told(ready, runbook, cloud):
    cloud.iam.principals[USER] = [allow("rds:*"), allow("rds:DeleteDBInstance", effect="Deny")]
    ready(status=1)
    before = runbook("status", "--output", "json").json["id"]
    assert "nothing changed since" in ready(status=1).out

    cloud.be_well()
    cloud.quotas.applied[DATABASES] = 1
    called = ready(status=1)
    new = "quota of DB instances in eu-west-1 of account 123456789012"
    old = f"rds:DeleteDBInstance for {USER} in eu-west-1"
    assert "NEW quota: " in called.out
    assert called.out.partition("\nnew since ")[2].splitlines()[1].strip() == new
    assert called.out.partition("\nmended since ")[2].splitlines()[1].strip() == old

    runbook("run", "failover", "--dry-run", **cloud.environment)  # no look
    found = ready("--format", "json", "-e", "up=false", status=1).json
    assert found["since"]["run"] != before
    assert (found["changed"], found["mended"]) == (True, [])
    assert found["new"] == ["step up: failed"]
    assert [one["what"] for one in found["findings"] if one["new"]] == found["new"]


def test_only_what_is_new_fails_where_that_is_asked_for(ready, cloud):
    cloud.quotas.applied[DATABASES] = 1
    ready("--new-only", status=1)
    assert "NOT READY" in ready("--new-only").out
    cloud.iam.refused = {"iam:SimulatePrincipalPolicy"}
    ready("--new-only")
    cloud.iam.refused = {"iam:SimulatePrincipalPolicy", "iam:GetRole"}
    ready("--new-only", "--strict")
    ready("--new-only", "-e", "up=false", status=1)


def test_what_a_step_adds_that_could_not_be_checked_is_taken_at_its_most(ready, runbook, cloud):
    name = "  - id: name\n    command.run: {argv: [echo, reviews-dr]}\n"
    later = RUNBOOK.replace("instance: reviews-dr", "instance: \"{{ steps['name'].stdout }}\"")
    runbook.write("runbooks/failover.yml", later.replace("steps:\n", f"steps:\n{name}", 1))
    assert "room in 1 quotas" in ready().out
    cloud.quotas.applied[DATABASES] = 1
    called = ready()
    assert "nothing is known to be missing, 1 could not be asked" in called.out
    assert "1 of 1 are used, and up to 1 more would be needed: how many, a run alone knows" in called.out


def test_what_could_not_be_asked_is_said_and_counts_when_it_is_to(ready, cloud):
    cloud.iam.refused = {"iam:SimulatePrincipalPolicy"}
    cloud.quotas.applied = {}
    called = ready()
    assert called.out.startswith("failover on local: nothing is known to be missing")
    assert "could not be asked, so it may be missing:" in called.out
    assert "permissions granted" not in called.out
    found = ready("--strict", "--output", "json", status=1).json
    assert (found["verdict"], found["ready"]) == ("unknown", False)
    assert {one["area"] for one in found["findings"] if one["level"] == "unknown"} == {"permission", "quota"}


def test_a_step_that_is_left_out_needs_a_reason_and_looks_at_nothing(ready):
    ready("--skip", "up", status=2)
    assert "the app is down" not in ready("-e", "up=false", "--skip", "up", "--reason", "no app yet").out


def test_a_runbook_without_aws_asks_nobody(runbook):
    runbook.write("runbooks/plain.yml", "runbook: plain\nsteps:\n  - id: one\n    assert.that: {that: ['1 == 1']}\n")
    called = runbook("readiness", "plain", "--output", "json", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert called.status == 0, called.err
    assert (called.json["verdict"], called.json["looked_at"]) == ("ready", {})
    assert called.json["dry_run"]["proof"]["percent"] == 100


def test_what_the_run_tolerates_is_noted_and_what_it_does_not_is_missing(runbook):
    runbook.write("inventories/fleet/hosts", "[fleet]\nh[1:2] ansible_connection=local\n")
    step = "runbook: some\nsteps:\n  - id: up\n    targets: fleet\n    assert.that: {that: [target.name == 'h1']}\n"
    runbook.write("runbooks/some.yml", step + "    max_failures: 50%\n")
    called = runbook("readiness", "some", "-i", "fleet", "--output", "json")
    assert called.status == 0, called.err
    ((noted),) = called.json["findings"]
    assert (noted["level"], noted["what"]) == ("note", "step up on h2: failed")
    runbook.write("runbooks/some.yml", step)
    called = runbook("readiness", "some", "-i", "fleet", "--output", "json")
    assert called.status == 1
    assert [one["level"] for one in called.json["findings"]] == ["missing"]


def test_a_look_that_somebody_ended_says_nothing_of_the_rest(runbook):
    probe = "command.run: {argv: [date], unless: [sleep, '15']}"
    runbook.write("runbooks/slow.yml", f"runbook: slow\nsteps:\n  - id: one\n    {probe}\n")
    looking = runbook.start("readiness", "slow", "--output", "json")
    while not (started := runbook("runs", "--output", "json").json):
        assert looking.poll() is None
    assert runbook("abort", started[0]["id"], "--cancel", "--reason", "not now").status == 0
    out, _ = looking.communicate(timeout=60)
    found = json.loads(out)
    assert (looking.returncode, found["verdict"]) == (0, "unknown")
    assert [one["what"] for one in found["findings"]] == ["the dry run did not come to its end"]


def test_what_is_not_valid_is_refused_before_anything_is_asked(runbook):
    runbook.write("runbooks/bad.yml", "runbook: bad\nsteps:\n  - id: one\n    assert.what: {}\n")
    called = runbook("readiness", "bad")
    assert called.status == 3
    assert "RB201" in called.err
    assert json.loads(runbook("runs", "--output", "json").out) == []


def test_a_plan_and_a_dry_run_tell_what_is_needed_of_the_escaped_region_and_a_live_run_does_not(runbook):
    runbook.write(
        "runbooks/away.yml",
        "runbook: away\nvars: {escaped_region: us-east-1}\nsteps:\n  - id: old\n    when: 1 == 2\n"
        "    tcp.check: {host: db.us-east-1.rds.amazonaws.com, port: 1}\n"
        "  - id: accepted\n    when: 1 == 2\n    # runbook: ignore RB230 it is looked at in peace\n"
        "    tcp.check: {host: app.us-east-1.rds.amazonaws.com, port: 1}\n",
    )
    for words in (("plan", "away"), ("run", "away", "--dry-run")):
        called = runbook(*words)
        assert called.status == 0, called.err
        assert "RB230" in called.err
        assert "old needs db.us-east-1.rds.amazonaws.com" in called.err
        assert "accepted needs" not in called.err
        assert "RB240" not in called.err
    assert "RB230" not in runbook("run", "away", "--yes").err


TOKENS = """\
runbook: tell
steps:
  - {id: old, command.run: {argv: ["true"]}, environment: {A: "{{ secret('env:OLD') }}"}}
  - {id: soon, command.run: {argv: ["true"]}, environment: {A: "{{ secret('env:SOON') }}"}}
  - {id: later, command.run: {argv: ["true"]}, environment: {A: "{{ secret('env:LATER') }}"}}
"""


def test_tokens_that_ended_are_missing_and_those_that_will_soon_are_noted(runbook):
    runbook.write("runbooks/tell.yml", TOKENS)
    config = (runbook.root / "runbook.toml").read_text()
    # "Soon" is any day of the next thousand years, so that the test knows no date.
    soon = '[secrets]\nwarn_before = "365000d"\n[secrets.expires]\n"env:OLD" = 2020-02-29\n"env:SOON" = 2999-01-01\n'
    runbook.write("runbook.toml", f'{config}\n{soon}"env:LATER" = 9999-12-31\n"env:OTHER" = 2020-01-01\n')
    words = {"OLD": "first-secret", "SOON": "second-secret", "LATER": "third-secret"}
    called = runbook("readiness", "tell", "--output", "json", **words)
    assert called.status == 1, called.err
    found = [one for one in called.json["findings"] if one["area"] == "credential"]
    assert [(one["level"], one["what"], one["steps"]) for one in found] == [
        ("missing", "secret env:OLD ended", ["old"]),
        ("note", "secret env:SOON ends soon", ["soon"]),
    ]
    assert found[0]["text"] == "env:OLD ended on 2020-02-29"
    assert "2999-01-01" in found[1]["text"]
    assert "[secrets.expires]" in found[0]["hint"]
    shown = runbook("readiness", "tell", **words)
    assert "credential: env:OLD ended on 2020-02-29" in shown.out
    assert 'classname="readiness.credential"' in runbook("report", "last", "--format", "junit").out
    doctor = runbook("doctor", **words)
    assert doctor.status == 1
    assert "env:OTHER ended on 2020-01-01" in doctor.out
    runbook.write("runbook.toml", f'{config}\n[secrets.expires]\n"envv:OLD" = 2020-02-29\n"env:OLD" = "soon"\n')
    refused = runbook("doctor")
    assert "did you mean" in refused.out
    assert "env:OLD" in refused.out


def test_the_looks_of_earlier_days_are_listed_and_nothing_is_looked_at(runbook):
    assert runbook("readiness", "restore-settings", "--history").status == 2  # nothing was ever run
    runbook.write("files/settings.json", "{}")
    assert runbook("readiness", "restore-settings").status == 0
    (runbook.root / "files/settings.json").unlink()
    assert runbook("readiness", "restore-settings").status == 1
    runs = len(runbook("runs", "--output", "json").json)
    newest, oldest = runbook("readiness", "restore-settings", "--history", "--output", "json").json
    assert (oldest["verdict"], oldest["missing"], newest["verdict"]) == ("ready", [], "not-ready")
    assert newest["new"]
    told = runbook("readiness", "restore-settings", "--history")
    assert told.status == 0
    assert [line.split()[4] for line in told.out.splitlines()[1:]] == ["not-ready", "ready"]
    assert len(runbook("runs", "--output", "json").json) == runs
