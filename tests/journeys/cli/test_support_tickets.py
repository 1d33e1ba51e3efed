"""export-support-tickets from end to end: dry, for real, again, with what is new, and where something is missing."""

import json
import shutil
from pathlib import Path

import pytest
from support.fake_jira import FakeJira
from support.fake_service_desk import EMAIL, TOKEN
from support.plugins import PLUGINS
from support.vendor_documents import JIRA, document_if_there
from support.vendor_server import serve_vendor

ROOT = Path(__file__).parents[3]
ON = ("-i", "demo", "-i", "here.yml")


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
    assert manifest["counts"]["issues"] == 4
    assert {seen.path for seen in jira.seen if seen.method != "GET"} == {"/rest/api/3/search/approximate-count"}


def test_what_jira_does_not_give_fails_the_run(project, jira):
    jira.fake.unreadable.add(next(iter(jira.fake.content)))
    book = project.root / "runbooks" / "export-support-tickets.yml"
    book.write_text(book.read_text().replace("delay: 30s, backoff: 4", "delay: 0.001s"))
    outcomes = run(project, "--yes", status=1)
    assert (outcomes["export"], outcomes["verify"]) == ("failed", "failed")
