"""export-support-tickets from end to end: dry, for real, again, with what is new, and where something is missing."""

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from support.aws_wire import WireServer
from support.fake_jira import FakeJira
from support.fake_service_desk import EMAIL, TOKEN
from support.plugins import PLUGINS
from support.vendor_documents import JIRA, document_if_there
from support.vendor_server import serve_vendor

from runbook_engine.lab.request_log import RequestLog, logged

ROOT = Path(__file__).parents[3]
ON = ("-i", "demo", "-i", "here.yml")
AWS_CONFIG = """\
[profile lab]
endpoint_url = {endpoint}
aws_access_key_id = test
aws_secret_access_key = test
"""
BUCKET = {
    "bucket": "tickets",
    "prefix": "support-tickets/",
    "region": "eu-west-1",
    "account": "123456789012",
    "lock": {"mode": "COMPLIANCE", "days": 400},
}


@pytest.fixture
def jira():
    fake = FakeJira()
    for number in range(1, 4):
        fake.add(number, comments=number * 15, attachments=[("log.txt", f"line {number}\n".encode())])
    with serve_vendor(fake, document_if_there(JIRA)) as server:
        yield server


@pytest.fixture
def project(runbook, jira, tmp_path):
    for name in ("runbooks", "inventories"):
        shutil.rmtree(runbook.root / name)
        shutil.copytree(ROOT / name, runbook.root / name)
    shutil.copy(ROOT / "team.yml", runbook.root)
    runbook.write("runbook.toml", f'plugins = ["{PLUGINS}"]\n')
    settings = {"jira_url": jira.url, "jira_email": EMAIL, "tickets_folder": tmp_path / "tickets", "least_tickets": 3}
    runbook.write("here.yml", "all:\n  vars:\n" + "".join(f"    {key}: {value}\n" for key, value in settings.items()))
    return runbook


class Vault:
    """The bucket of moto that a second export goes to, and what was asked of it."""

    def __init__(self, folder):
        self._log = folder / "aws-requests.ndjson"
        served = logged(DomainDispatcherApplication(create_backend_app), RequestLog(self._log))
        self.server = WireServer(served)
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
        self.s3 = session.client("s3", endpoint_url=self.server.endpoint)

    def versions(self):
        """Count the versions of each object."""
        return Counter(item["Key"] for item in self.s3.list_object_versions(Bucket="tickets").get("Versions", []))

    def writes(self):
        """What was asked for that may change something, since the last time."""
        calls = [json.loads(line) for line in self._log.read_text().splitlines()]
        self._log.write_text("")
        return [call["operation"] for call in calls if call["write"]]


@pytest.fixture
def vault(project, tmp_path):
    """The project's inventory keeps a second export in a bucket with Object Lock."""
    BackendDict.reset()
    reset_model_data()
    vault = Vault(tmp_path)
    where = {"LocationConstraint": "eu-west-1"}
    vault.s3.create_bucket(Bucket="tickets", ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    project.write(".lab/aws-config", AWS_CONFIG.format(endpoint=vault.server.endpoint))
    here = project.root / "here.yml"
    here.write_text(f"{here.read_text()}    tickets_bucket: {json.dumps(BUCKET)}\n")
    assert vault.writes() == ["PUT /tickets"]
    yield vault
    vault.server.close()


def run(project, *words, status=0):
    done = project("run", "export-support-tickets", *ON, *words, JIRA_TOKEN=TOKEN)
    assert done.status == status, done.out + done.err
    report = project("report", "last", "--format", "json").json
    return {step["id"]: step["tasks"][0]["outcome"] for step in report["steps"]}


def test_tickets_are_exported_verified_and_kept(project, jira, tmp_path):
    assert run(project, "--dry-run")["export"] == "would-change"
    assert not (tmp_path / "tickets").exists()
    assert run(project, "--yes") == {
        "export": "changed",
        "verify": "unchanged",
        "lock-away": "skipped",
        "tell-team": "skipped",
    }
    assert run(project, "--yes")["export"] == "unchanged"
    jira.fake.add(4)
    jira.fake.remove("10001")
    assert run(project, "--yes")["export"] == "changed"
    manifest = json.loads((tmp_path / "tickets" / "manifest.json").read_text())
    assert (manifest["counts"]["issues"], manifest["counts"]["removed"]) == (3, 1)
    assert {seen.path for seen in jira.seen if seen.method != "GET"} == {"/rest/api/3/search/approximate-count"}


def test_what_jira_does_not_give_fails_the_run(project, jira):
    jira.fake.unreadable.add(next(iter(jira.fake.content)))
    book = project.root / "runbooks" / "export-support-tickets.yml"
    book.write_text(book.read_text().replace("delay: 30s, backoff: 4", "delay: 0.001s"))
    outcomes = run(project, "--yes", status=1)
    assert (outcomes["export"], outcomes["verify"]) == ("failed", "failed")


def test_the_second_export_is_locked_in_the_bucket_and_only_what_is_new_is_added(project, jira, vault):
    assert run(project, "--dry-run")["lock-away"] == "would-change"
    assert vault.writes() == []
    assert not vault.versions()
    before = datetime.now(UTC)
    assert run(project, "--yes")["lock-away"] == "changed"
    first = vault.versions()
    assert set(first.values()) == {1}
    assert "support-tickets/manifest.json" in first
    for key in first:
        kept = vault.s3.head_object(Bucket="tickets", Key=key)
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        assert kept["ObjectLockRetainUntilDate"] >= before + timedelta(days=400, minutes=-1)
    vault.writes()
    assert run(project, "--yes")["lock-away"] == "unchanged"
    assert vault.writes() == []
    jira.fake.comment("10002", "more")
    assert run(project, "--dry-run")["lock-away"] == "would-change"
    assert vault.writes() == []
    assert run(project, "--yes")["lock-away"] == "changed"
    again = vault.versions()
    assert {key for key in again if again[key] != first.get(key)} == {
        "support-tickets/issues/10/10002.json",
        "support-tickets/manifest.json",
    }
    version = vault.s3.head_object(Bucket="tickets", Key="support-tickets/manifest.json")["VersionId"]
    with pytest.raises(vault.s3.exceptions.ClientError, match="AccessDenied"):
        vault.s3.delete_object(Bucket="tickets", Key="support-tickets/manifest.json", VersionId=version)


def test_a_bucket_without_object_lock_fails_the_run_and_the_team_is_told(project, vault):
    vault.s3.create_bucket(Bucket="open", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    here = project.root / "here.yml"
    here.write_text(here.read_text().replace('"bucket": "tickets"', '"bucket": "open"'))
    book = project.root / "runbooks" / "export-support-tickets.yml"
    book.write_text(book.read_text().replace("delay: 30s, backoff: 4", "delay: 0.001s"))
    outcomes = run(project, "--yes", status=1)
    assert (outcomes["export"], outcomes["verify"], outcomes["lock-away"]) == ("changed", "unchanged", "failed")
    assert outcomes["tell-team"] == "failed", "no lab is there to mail through"
