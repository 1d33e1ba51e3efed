"""The shipped runbook `customer-communication`: mail, status page and service desk, in the operator's words, to the end."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.fake_service_desk import EMAIL, TOKEN, FakeServiceDesk
from support.fake_statuspage import KEY, FakeStatuspage
from support.plugins import PLUGINS
from support.vendor_documents import SERVICE_DESK, STATUSPAGE, document_if_there
from support.vendor_server import serve_vendor

from .test_messages import mails, sink, wait_until
from .test_steering import wait_for

__all__ = ["sink"]
ROOT = Path(__file__).resolve().parents[3]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def statuspage():
    with serve_vendor(FakeStatuspage(), document_if_there(STATUSPAGE), "/v1") as server:
        yield server


@pytest.fixture
def desk():
    with serve_vendor(FakeServiceDesk(), document_if_there(SERVICE_DESK)) as server:
        yield server


@pytest.fixture
def app(tmp_path):
    """An app that answers once there is a file `health`."""
    folder = tmp_path / "app"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(runbook, statuspage, desk, sink, app):
    shutil.copytree(PLUGINS / "atlassian", runbook.root / "plugins" / "atlassian")
    shutil.copytree(ROOT / "runbooks" / "messages", runbook.root / "runbooks" / "messages")
    shutil.copy(ROOT / "team.yml", runbook.root / "team.yml")
    text = (ROOT / "runbooks" / "customer-communication.yml").read_text()
    runbook.write("runbooks/customer-communication.yml", text.replace("every: 30m", "every: 4s"))
    runbook.write(
        "inventories/local/group_vars/all/tell.yml",
        f"statuspage: {{page: page1, sandbox_page: sandbox1, url: {statuspage.url}, pace: 0s}}\n"
        f"service_desk: {{url: {desk.url}, email: {EMAIL}, desk: '10', request_type: '25', settle: 0s,\n"
        f"  participants: ['qm:customer'], sandbox: {{service_desk: '11', request_type: '30'}}}}\n"
        f"smtp: {{host: 127.0.0.1, port: {sink.address[1]}, tls: none}}\n"
        f"mail_sender: Support <support@example.com>\napp_url: {app[1]}\npoll: 0.1s\n",
    )
    return runbook


TOKENS = {"STATUSPAGE_TOKEN": KEY, "SERVICE_DESK_TOKEN": TOKEN}
WHAT = ("-e", "incident=OPS-7", "-e", "what=Reviews & <more>")


def test_customers_are_told_in_every_way_until_it_works_again(project, statuspage, desk, sink, app):
    (app[0] / "health").write_text("ok")
    words = ("run", "customer-communication", *WHAT, "--yes", "--wait", "--output", "json")
    process = project.start(*words, **TOKENS)
    try:
        status = wait_for(project, process, lambda seen: seen["gates"])
        run = status["id"]
        assert not mails(sink), "nobody is told before somebody says so"
        assert project("approve", run, "declare", "--as", "sam", "--reason", "calls come in").status == 0
        wait_until(process, lambda: mails(sink) and statuspage.fake.told)
        assert project("say", run, "The <b>cache</b> is back {{ 7 * 7 }}.", "--as", "sam").status == 0
        wait_until(process, lambda: any("{{ 7 * 7 }}" in text for _, _, text, _ in mails(sink)))
        wait_until(process, lambda: any("{{ 7 * 7 }}" in body for _, _, body in statuspage.fake.told))
        wait_until(process, lambda: any("{{ 7 * 7 }}" in words for words in comments(desk)))
        said = project("answer", run, "work-done", "pass", "--as", "eli", "--note", "We replaced a disk.")
        assert said.status == 0, said.err
        out, err = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err + out
    got = mails(sink)
    assert {tuple(to) for to, *_ in got} == {("customers@lists.example.com",)}
    assert got[0][1] == "Reviews & <more> is disturbed (OPS-7)"
    assert "Reviews & <more> is disturbed at the moment." in got[0][2]
    assert "Reviews &amp; &lt;more&gt; is disturbed at the moment." in got[0][3]
    own = next(one for one in got if "{{ 7 * 7 }}" in one[2])
    assert "&lt;b&gt;cache&lt;/b&gt;" in own[3]
    assert "We replaced a disk." in got[-1][2]
    told = statuspage.fake.told
    assert (told[0][:2], told[-1][:2]) == (("page1", "investigating"), ("page1", "resolved"))
    assert len(statuspage.fake.pages["page1"]) == 1, "all of it is one incident"
    assert len(told) == len(got), "each was told in both ways, once"
    [request] = desk.fake.requests
    assert len(comments(desk)) == len(got) - 1, "the request itself is the first word"
    assert "We replaced a disk." in comments(desk)[-1]
    assert desk.requests("POST")[0].json["requestParticipants"] == ["qm:customer"]
    again = project("run", "customer-communication", *WHAT, "--yes", **TOKENS)
    assert again.status == 4, again.err
    assert project("approve", "last", "declare", "--as", "sam", "--reason", "it is back").status == 0
    assert project("resume", "last", "--yes", **TOKENS).status == 4
    steps = {step["id"]: step["tasks"] for step in project("report", "last", "--format", "json").json["steps"]}
    assert steps["raise-request"][0]["outcome"] == "unchanged"
    assert desk.fake.requests == [request], "one incident is one request, in however many runs"


def comments(desk):
    return [one["body"] for _, found in sorted(desk.fake.comments.items()) for one in found]


def test_a_service_desk_that_is_down_keeps_nobody_from_being_told_otherwise(project, statuspage, desk, sink, app):
    (app[0] / "health").write_text("ok")
    book = project.root / "runbooks" / "customer-communication.yml"
    book.write_text(book.read_text().replace("{attempts: 5, delay: 10s, backoff: 2, max_delay: 1m}", "{attempts: 1}"))
    wrong = {**TOKENS, "SERVICE_DESK_TOKEN": "expired-by-now"}
    words = ("run", "customer-communication", *WHAT, "--yes", "--wait", "--output", "json")
    process = project.start(*words, **wrong)
    try:
        run = wait_for(project, process, lambda seen: seen["gates"])["id"]
        assert project("approve", run, "declare", "--as", "sam", "--reason", "calls come in").status == 0
        wait_until(process, lambda: len(mails(sink)) > 1 and len(statuspage.fake.told) > 1)
        status = wait_for(project, process, lambda seen: seen["held"])
        assert "raise-request" in str(status["held"])
        assert "401" in project("audit", "log", run, "--output", "json").out
    finally:
        process.kill()
        process.communicate()
    assert not desk.fake.requests
    assert project("retry", run, "raise-request", "--as", "eli", "--reason", "a new token").status == 0
    assert project("answer", run, "work-done", "pass", "--as", "eli", "--note", "It works.").status == 0
    done = project("resume", run, "--yes", **TOKENS)
    assert done.status == 0, done.err
    assert len(desk.fake.requests) == 1
    assert "It works." in comments(desk)[-1]


def test_dry_run_and_drill_tell_no_customer(project, statuspage, desk, sink, app):
    (app[0] / "health").write_text("ok")
    dry = project("run", "customer-communication", *WHAT, "--dry-run", "--output", "json", **TOKENS)
    assert dry.status == 0, dry.err
    shown = dry.json["shown_messages"]
    assert [(one["what"], one["channel"]) for one in shown] == [
        (what, channel)
        for what in ("first", "update", "resolved")
        for channel in ("statuspage.incident", "notify.email", "jsm.comment")
        if (what, channel) != ("first", "jsm.comment")
    ]
    assert "is disturbed at the moment" in shown[1]["text"]
    assert not mails(sink)
    assert not statuspage.fake.told
    assert {seen.method for seen in desk.seen} == {"GET"}
    words = ("--drill", "--allow-live-inventory", "--reason", "the yearly drill")
    stopped = project("run", "customer-communication", *WHAT, "--yes", *words, **TOKENS)
    assert stopped.status == 4, stopped.err
    assert project("approve", "last", "declare", "--as", "dana", "--reason", "drill").status == 0
    project("resume", "last", "--yes", **TOKENS)
    assert project("answer", "last", "work-done", "pass", "--as", "eli", "--note", "drilled").status == 0
    done = project("resume", "last", "--yes", **TOKENS)
    assert done.status == 0, done.err
    assert {tuple(to) for to, *_ in mails(sink)} == {("drill@example.com",)}
    assert {page for page, _, _ in statuspage.fake.told} <= {"sandbox1"}
    [request] = desk.fake.requests
    assert (request["serviceDeskId"], request["requestTypeId"]) == ("11", "30")
    assert all(body.startswith("DRILL, not real: ") for body in comments(desk))
    assert comments(desk)
    assert "requestParticipants" not in desk.requests("POST")[0].json
