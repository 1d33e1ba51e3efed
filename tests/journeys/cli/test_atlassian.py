"""The plugin in a project of its own: `actions`, `validate`, `schema`, dry run, drill and run, over real HTTP."""

import json
import shutil

import pytest
from support.fake_statuspage import KEY, FakeStatuspage
from support.plugins import PLUGINS
from support.vendor_documents import STATUSPAGE, document_if_there
from support.vendor_server import serve_vendor

TELL = """\
runbook: tell
title: Tell customers
steps:
  - id: open
    statuspage.incident:
      statuspage: {page: page1, sandbox_page: sandbox1, token: "{{ secret('env:PAGE_TOKEN') }}", url: "{{ url }}", pace: 0s}
      name: We are moving
      status: identified
      body: Soon.
"""


@pytest.fixture
def statuspage():
    with serve_vendor(FakeStatuspage(), document_if_there(STATUSPAGE), "/v1") as server:
        yield server


@pytest.fixture
def project(runbook, statuspage):
    """A project that has the plugin as the how-to page says: copied into its own plugin folder."""
    shutil.copytree(PLUGINS / "atlassian", runbook.root / "plugins" / "atlassian")
    runbook.write("inventories/local/group_vars/all/atlassian.yml", f"url: {statuspage.url}\n")
    runbook.write("runbooks/tell.yml", TELL)
    return runbook


def test_actions_validate_and_schema_know_it(project):
    listed = project("actions", "--output", "json").json
    assert "statuspage.incident" in json.dumps(listed)
    shown = project("actions", "statuspage.component")
    assert "statuspage.sandbox_page" in shown.out
    assert project("validate", "--strict").status == 0
    assert "statuspage.incident" in project("schema").out
    project.write("runbooks/tell.yml", TELL.replace("status: identified", "status: down"))
    wrong = project("validate")
    assert wrong.status != 0
    assert "investigating" in wrong.out + wrong.err


def test_dry_run_shows_it_a_drill_goes_to_the_sandbox_and_a_run_says_it_once(project, statuspage):
    dry = project("run", "tell", "--dry-run", PAGE_TOKEN=KEY)
    assert dry.status == 0, dry.out + dry.err
    assert "would-change" in dry.out + dry.err
    assert {seen.method for seen in statuspage.seen} == {"GET"}
    drill = project("run", "tell", "--drill", "--allow-live-inventory", "--reason", "a test", "--yes", PAGE_TOKEN=KEY)
    assert drill.status == 0, drill.out + drill.err
    assert [item["name"] for item in statuspage.fake.pages["sandbox1"]] == ["DRILL, not real: We are moving"]
    assert (statuspage.fake.pages["page1"], statuspage.fake.told) == ([], [])
    done = project("run", "tell", "--yes", PAGE_TOKEN=KEY)
    assert done.status == 0, done.out + done.err
    assert statuspage.fake.told == [("page1", "identified", "Soon.")]
