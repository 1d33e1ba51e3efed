"""The shipped runbook `customer-communication`: mail and status page, in the operator's words, until it works again."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.fake_statuspage import KEY, FakeStatuspage
from support.plugins import PLUGINS
from support.vendor_documents import STATUSPAGE, document_if_there
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
def project(runbook, statuspage, sink, app):
    shutil.copytree(PLUGINS / "atlassian", runbook.root / "plugins" / "atlassian")
    shutil.copytree(ROOT / "runbooks" / "messages", runbook.root / "runbooks" / "messages")
    shutil.copy(ROOT / "team.yml", runbook.root / "team.yml")
    text = (ROOT / "runbooks" / "customer-communication.yml").read_text()
    runbook.write("runbooks/customer-communication.yml", text.replace("every: 30m", "every: 4s"))
    runbook.write(
        "inventories/local/group_vars/all/tell.yml",
        f"statuspage: {{page: page1, sandbox_page: sandbox1, url: {statuspage.url}, pace: 0s}}\n"
        f"smtp: {{host: 127.0.0.1, port: {sink.address[1]}, tls: none}}\n"
        f"mail_sender: Support <support@example.com>\napp_url: {app[1]}\npoll: 0.1s\n",
    )
    return runbook


WHAT = ("-e", "incident=OPS-7", "-e", "what=Reviews & <more>")


def test_customers_are_told_in_both_ways_until_it_works_again(project, statuspage, sink, app):
    (app[0] / "health").write_text("ok")
    words = ("run", "customer-communication", *WHAT, "--yes", "--wait", "--output", "json")
    process = project.start(*words, STATUSPAGE_TOKEN=KEY)
    try:
        status = wait_for(project, process, lambda seen: seen["gates"])
        run = status["id"]
        assert not mails(sink), "nobody is told before somebody says so"
        assert project("approve", run, "declare", "--as", "sam", "--reason", "calls come in").status == 0
        wait_until(process, lambda: mails(sink) and statuspage.fake.told)
        assert project("say", run, "The <b>cache</b> is back {{ 7 * 7 }}.", "--as", "sam").status == 0
        wait_until(process, lambda: any("{{ 7 * 7 }}" in text for _, _, text, _ in mails(sink)))
        wait_until(process, lambda: any("{{ 7 * 7 }}" in body for _, _, body in statuspage.fake.told))
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


def test_dry_run_and_drill_tell_no_customer(project, statuspage, sink, app):
    (app[0] / "health").write_text("ok")
    dry = project("run", "customer-communication", *WHAT, "--dry-run", "--output", "json", STATUSPAGE_TOKEN=KEY)
    assert dry.status == 0, dry.err
    shown = dry.json["shown_messages"]
    assert [(one["what"], one["channel"]) for one in shown] == [
        (what, channel)
        for what in ("first", "update", "resolved")
        for channel in ("statuspage.incident", "notify.email")
    ]
    assert "is disturbed at the moment" in shown[1]["text"]
    assert not mails(sink)
    assert not statuspage.fake.told
    words = ("--drill", "--allow-live-inventory", "--reason", "the yearly drill")
    stopped = project("run", "customer-communication", *WHAT, "--yes", *words, STATUSPAGE_TOKEN=KEY)
    assert stopped.status == 4, stopped.err
    assert project("approve", "last", "declare", "--as", "dana", "--reason", "drill").status == 0
    project("resume", "last", "--yes", STATUSPAGE_TOKEN=KEY)
    assert project("answer", "last", "work-done", "pass", "--as", "eli", "--note", "drilled").status == 0
    done = project("resume", "last", "--yes", STATUSPAGE_TOKEN=KEY)
    assert done.status == 0, done.err
    assert {tuple(to) for to, *_ in mails(sink)} == {("drill@example.com",)}
    assert {page for page, _, _ in statuspage.fake.told} <= {"sandbox1"}
