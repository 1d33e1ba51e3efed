"""Messages owed while a run lasts, to a real mail server, by real processes that are told, killed and resumed."""

import asyncio
import email
import json
import signal
import socket
import threading
import time
from email import policy

import pytest
from aiosmtpd.controller import Controller

from runbook_engine.lab.mail import Mailbox, MailServer

from .test_steering import wait_for

EVERY = 2.0
TOLD = """\
runbook: told
steps:
  - {id: declare, command.run: {argv: ["true"]}}
  - id: restore
    needs: [declare]
    command.run: {argv: [sh, -c, "until [ -e @ROOT@/go ]; do sleep 0.05; done; printf '\\\\173\\\\173 1 + 1 \\\\175\\\\175 <b>bold</b>'"]}
  - {id: verify, needs: [restore], command.run: {argv: ["true"]}}
communications:
  - audience: customers
    every: 2s
    from: declare
    until: verify
    first: [{notify.email: {subject: We are moving, body: "The first word."}}]
    update:
      - notify.email:
          subject: "Update {{ message.number }}"
          body: "Still at it; the next by {{ message.next_by }}."
          html: "<p>{{ steps.restore.stdout | default('at work') }}</p>"
    resolved: [{notify.email: {subject: Done, body: "{{ steps.restore.stdout }}", html: "<p>{{ steps.restore.stdout }}</p>"}}]
"""


@pytest.fixture
def sink(tmp_path):
    server = MailServer(Mailbox(tmp_path / "mail"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def told(runbook, sink):
    runbook.write("runbooks/told.yml", TOLD.replace("@ROOT@", str(runbook.root)))
    smtp = f'{{host = "127.0.0.1", port = {sink.address[1]}, tls = "none"}}'
    config = (runbook.root / "runbook.toml").read_text()
    runbook.write("runbook.toml", f'{config}\n[defaults."notify.email"]\nsmtp = {smtp}\nsender = "dr@example.com"\n')
    return runbook


def mails(sink):
    """Give recipients, subject, text and markup of everything that came in, in order."""
    log = sink.mailbox.folder / "log.ndjson"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    found = []
    for line in lines:
        one = email.message_from_bytes((sink.mailbox.folder / line["file"]).read_bytes(), policy=policy.default)
        markup = one.get_body(("html",))
        found.append(
            (line["to"], one["Subject"], one.get_body(("plain",)).get_content(), markup and markup.get_content())
        )
    return found


def wait_until(process, wanted):
    for _ in range(400):
        if wanted():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail("it never came to that")


def test_an_audience_is_told_until_all_is_well(told, sink):
    process = told.start("run", "told", "--yes", "--output", "json")
    try:
        wait_until(process, lambda: len(mails(sink)) >= 2)
        status = wait_for(told, process, lambda seen: seen["audiences"] and seen["audiences"][0]["sent"] >= 2)
        assert status["audiences"][0]["next_by"]
        said = told("say", status["id"], "Half of it is back.", "--as", "dana")
        run = status["id"]
        sends = f"the process that advances the run sends it; what was sent: runbook status {run}"
        assert (said.status, said.err) == (0, f"{run}: recorded for customers\n{sends}\n")
        wait_until(process, lambda: any("Half of it is back." in text for _, _, text, _ in mails(sink)))
        assert "told customers" in told("status").out
        told.write("go", "")
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    got = mails(sink)
    assert got[0][1] == "We are moving"
    assert got[-1][1] == "Done"
    assert "{{ 1 + 1 }}" in got[-1][2], "what a host says is no template"
    assert "&lt;b&gt;bold&lt;/b&gt;" in got[-1][3], "and no markup"
    carrying = next(one for one in got if "Half of it" in one[2])
    assert carrying[3] is None, "the markup that says something else is left out"
    report = json.loads(out)
    assert report["messages"][0]["what"] == "first"
    assert report["messages"][-1]["what"] == "resolved"
    assert all(one["sent_at"] for one in report["messages"])
    assert [(one["kind"], one["who"], one["reason"]) for one in report["deviations"]] == [
        ("say", "dana", "Half of it is back.")
    ]
    assert "told          customers  message 1 by notify.email" in err
    over = told("say", "last", "more")
    assert over.status == 2
    assert "is over" in over.err


def test_a_killed_run_tells_the_overdue_message_first_and_records_what_was_missed(told, sink):
    process = told.start("run", "told", "--yes")
    try:
        wait_until(process, lambda: mails(sink))
        wait_for(told, process, lambda seen: seen["audiences"] and seen["audiences"][0]["sent"] == 1)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    before = len(mails(sink))
    time.sleep(2 * EVERY)
    assert "overdue since" in told("status").out
    process = told.start("resume", "--yes", "--output", "json")
    try:
        wait_until(process, lambda: len(mails(sink)) > before)
        told.write("go", "")
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    events = [one["event"] for one in told("audit", "log", "last", "--output", "json").json]
    kinds = [event["kind"] for event in events]
    resumed = len(kinds) - 1 - kinds[::-1].index("lease.taken")
    after = kinds[resumed:]
    assert after[1:3] == ["message.due", "message.missed"]
    missed = next(event for event in events if event["kind"] == "message.missed")
    assert "nobody advanced the run" in missed["reason"]
    assert json.loads(out)["messages"][-1]["what"] == "resolved"
    assert told("audit", "verify").status == 0


class TakesAndWaits:
    """A mail server that has the first message, and does not say so before its client is gone."""

    def __init__(self):
        self.taken = []
        self.waiting = threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.taken.append(email.message_from_bytes(envelope.content))
        if len(self.taken) == 1:
            self.waiting.set()
            await asyncio.sleep(60)
        return "250 OK"


@pytest.fixture
def slow():
    handler = TakesAndWaits()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


def test_killed_between_sending_and_writing_it_down_the_message_is_sent_again_and_said_to_be(told, sink, slow):
    handler, port = slow
    config = (told.root / "runbook.toml").read_text()
    told.write("runbook.toml", config.replace(f"port = {sink.address[1]}", f"port = {port}"))
    process = told.start("run", "told", "--yes")
    try:
        assert handler.waiting.wait(30)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    told.write("go", "")
    done = told("resume", "--yes", "--output", "json")
    assert done.status == 0, done.err
    first, again = handler.taken[:2]
    assert (first["Message-ID"], first["Subject"]) == (again["Message-ID"], again["Subject"])
    message = done.json["messages"][0]
    assert message["doubtful"]
    assert message["recipients"] == ["status@example.com"]
    assert "some may have it twice" in done.err
    assert "may have been sent twice" in told("report", "last", "--format", "md").out


def test_a_run_that_waits_and_ends_says_who_is_owed_a_message(told):
    work = TOLD[TOLD.index("    command.run: {argv: [sh") : TOLD.index("  - {id: verify")]
    text = TOLD.replace(work, "    gate.approval: {roles: [director]}\n").replace("runbook: told", "runbook: waits")
    told.write("runbooks/waits.yml", text.replace("steps.restore.stdout", "steps.restore.approvers"))
    ended = told("run", "waits", "--yes")
    assert ended.status == 4, ended.err
    assert "told customers: 1 message" in ended.err
    assert "--wait   # stays, and keeps them told" in ended.err


def test_a_drill_tells_the_sandbox_alone(told, sink):
    told.write("go", "")
    done = told("run", "told", "--yes", "--drill", "--allow-live-inventory", "--reason", "the yearly drill")
    assert done.status == 0, done.err
    assert {tuple(to) for to, *_ in mails(sink)} == {("drill@example.com",)}


def test_a_dry_run_shows_what_would_be_said_when_and_sends_nothing(told, sink):
    planned = told("plan", "told")
    assert "customers told from declare until verify, at least every 2s: notify.email" in planned.out
    done = told("run", "told", "--dry-run", "--output", "json")
    assert done.status == 0, done.err
    assert not mails(sink)
    shown = json.loads(done.out)["shown_messages"]
    assert [(one["what"], one["audience"]) for one in shown] == [
        ("first", "customers"),
        ("update", "customers"),
        ("resolved", "customers"),
    ]
    assert "To: status@example.com" in shown[0]["text"]
    assert "(known after apply)" in shown[2]["text"]
    assert "would tell    customers  first, by notify.email: would mail 1 recipients" in done.err


def test_nobody_to_tell_is_said(told):
    told("run", "restore-settings", "--yes")
    refused = told("say", "last", "hello")
    assert refused.status in {2, 3}
    told.write(
        "runbooks/short.yml",
        "runbook: short\nsteps:\n  - {id: a, on_failure: hold, command.run: {argv: [test, -e, x]}}\n",
    )
    told("run", "short", "--yes")
    refused = told("say", "last", "hello")
    assert refused.status == 3
    assert "nobody is told" in refused.err
