"""The engine killed at each change that it asks Atlassian for: before it is made, and before its answer arrives.

Resumed, it finds what was done by its own marks: no second incident, no update said twice. The services are fakes that
are held to the vendor's OpenAPI documents.
"""

import os
import signal

import pytest
from support.fake_jira import FakeJira
from support.fake_service_desk import EMAIL, TOKEN, FakeServiceDesk
from support.fake_statuspage import KEY, FakeStatuspage
from support.plugins import PLUGINS
from support.vendor_documents import JIRA, SERVICE_DESK, STATUSPAGE, document_if_there
from support.vendor_server import serve_vendor, strike

STATUS_RUNBOOK = """\
runbook: tell
title: Tell customers
vars:
  page: {page: page1, token: "{{ secret('env:PAGE_TOKEN') }}", url: "{{ statuspage_url }}", pace: 0s}
steps:
  - id: open
    statuspage.incident: {statuspage: "{{ page }}", name: We are moving, status: identified, body: Soon.}
  - id: down
    needs: [open]
    statuspage.component: {statuspage: "{{ page }}", component: API, status: major_outage}
  - id: over
    needs: [down]
    statuspage.incident: {statuspage: "{{ page }}", status: resolved, body: Over.}
"""

DESK_RUNBOOK = """\
runbook: ask
title: Tell the customer
vars:
  site: {url: "{{ jira_url }}", email: "{{ jira_email }}", token: "{{ secret('env:JIRA_TOKEN') }}"}
steps:
  - id: ticket
    jsm.request: {site: "{{ site }}", service_desk: "10", request_type: "25", summary: We are moving, settle: 1s}
  - id: remark
    jsm.comment: {site: "{{ site }}", request: "{{ steps['ticket'].request }}", body: Soon.}
"""

EXPORT_RUNBOOK = """\
runbook: export
title: Export the tickets
vars:
  site: {url: "{{ jira_url }}", email: "{{ jira_email }}", token: "{{ secret('env:JIRA_TOKEN') }}"}
steps:
  - id: tickets
    jira.export: {site: "{{ site }}", jql: project = HELP, folder: "{{ folder }}"}
  - id: verify
    needs: [tickets]
    backup.verify: {folder: "{{ folder }}", at_least: {issues: 60, comments: 60, attachments: 60}}
"""


def project(runbook, name, text, **variables):
    """Let the project have Atlassian's actions by the door of plugins, and its addresses by the inventory."""
    runbook.write("runbook.toml", f'inventory = "inventories/local"\nplugins = ["{PLUGINS}"]\n')
    lines = "".join(f"    {key}: {value}\n" for key, value in variables.items())
    runbook.write("inventories/local/hosts.yml", f"all:\n  vars:\n{lines}")
    runbook.write(f"runbooks/{name}.yml", text)


def kill_at(runbook, server, name, where, before, **secrets):
    """Run it, kill it there, resume it."""
    engine = runbook.start("run", name, "--yes", **secrets)
    server.fault(strike(lambda: os.kill(engine.pid, signal.SIGKILL), where=where, applied=not before))
    _, told = engine.communicate(timeout=120)
    assert engine.returncode == -signal.SIGKILL, told
    resumed = runbook("resume", "--yes", **secrets)
    assert resumed.status == 0, resumed.out + resumed.err


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("where", ["^POST ", "^PATCH .*/components/", "^PATCH .*/incidents/"])
def test_status_page_says_everything_once(runbook, where, before):
    fake = FakeStatuspage()
    with serve_vendor(fake, document_if_there(STATUSPAGE), "/v1") as server:
        project(runbook, "tell", STATUS_RUNBOOK, statuspage_url=server.url)
        kill_at(runbook, server, "tell", where, before, PAGE_TOKEN=KEY)
        [incident] = fake.pages["page1"]
        assert [update["body"] for update in incident["incident_updates"]] == ["Over.", "Soon."]
        assert fake.told == [("page1", "identified", "Soon."), ("page1", "resolved", "Over.")]
        assert fake.components["page1"][0]["status"] == "major_outage"
        assert len(server.requests("(POST|PATCH)")) == (4 if before else 3)


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("where", ["^POST .*/request$", "^POST .*/comment$"])
def test_service_desk_has_one_request_and_one_comment(runbook, where, before):
    fake = FakeServiceDesk(lag=1)
    with serve_vendor(fake, document_if_there(SERVICE_DESK)) as server:
        project(runbook, "ask", DESK_RUNBOOK, jira_url=server.url, jira_email=EMAIL)
        kill_at(runbook, server, "ask", where, before, JIRA_TOKEN=TOKEN)
        assert len(fake.requests) == len(fake.comments["HELP-1"]) == 1
        assert len(server.requests("POST")) == (3 if before else 2)


@pytest.mark.parametrize("where", ["/content/20030", "id(%20|\\+)in", "/approximate-count"])
def test_export_goes_on_and_is_whole(runbook, tmp_path, where):
    fake = FakeJira()
    for number in range(1, 61):
        fake.add(number, comments=1, attachments=[("a", b"1")])
    with serve_vendor(fake, document_if_there(JIRA)) as server:
        folder = tmp_path / "tickets"
        project(runbook, "export", EXPORT_RUNBOOK, jira_url=server.url, jira_email=EMAIL, folder=folder)
        kill_at(runbook, server, "export", where, before=True, JIRA_TOKEN=TOKEN)
        server.seen.clear()
        again = runbook("run", "export", "--yes", JIRA_TOKEN=TOKEN)
        assert again.status == 0, again.out + again.err
        assert [seen.asked.get("fields") for seen in server.seen] == ["updated"]
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 121


def test_what_a_run_leaves_holds_no_token(runbook):
    fake = FakeStatuspage()
    with serve_vendor(fake, document_if_there(STATUSPAGE), "/v1") as server:
        project(runbook, "tell", STATUS_RUNBOOK, statuspage_url=server.url)
        done = runbook("run", "tell", "--yes", PAGE_TOKEN=KEY)
        assert done.status == 0, done.out + done.err
        report = runbook("report", "--format", "json")
    written = [path.read_bytes() for path in runbook.root.rglob("*") if path.is_file()]
    assert KEY.encode() not in b"".join(written)
    assert KEY not in done.out + done.err + report.out
    assert not any(KEY in str(seen) for seen in server.seen)
