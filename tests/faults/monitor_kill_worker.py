"""Lets a monitor see an incident from its beginning to its end, and kills it at chosen journal writes on the way.

A process of its own: it serves a status page and a mail server that outlive the monitors, which are forked one after
the other until one comes to the end. Time passes a few thousand times as fast as it does. Prints one JSON object a
line: what was killed when, what was mailed, and what the journal says.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiosmtpd.controller import Controller
from support.killing_journal import KillingJournal, Silence

from runbook_engine.app.monitor import Monitor, MonitorOptions
from runbook_engine.app.monitor_world import ProjectWorld
from runbook_engine.app.project import open_project
from runbook_engine.journals.holder import this_process
from runbook_engine.model.event import Actor
from runbook_engine.ports.cancel import CancelSignal

FASTER = 2000
MOST_SECONDS = 30
MOST_MONITORS = 6
ARN = "arn:aws:health:us-east-1::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/X1"
RUNBOOK = """
runbook: failover
title: Move the app
steps: [{id: a, assert.that: {that: [true]}}]
triggers:
  - when: {status_page.check: {provider: aws, url: "URL/feed", region: us-east-1, expect: degraded}}
    for: 5m
"""
CONFIG = """
[monitor]
every = "60s"
[[monitor.tell]]
"notify.email" = {to = ["ops@example.com"], subject = "{{ alarm.subject }}", body = "{{ alarm.text }}"}
[defaults."notify.email"]
smtp = {host = "127.0.0.1", port = PORT, tls = "none"}
sender = "monitor@example.com"
"""


class FastClock:
    """Time that passes faster, the same in every process that begins from the same moment (`ports.clock.Clock`)."""

    def __init__(self, begin):
        self._begin = begin

    def now(self):
        return datetime.fromtimestamp(self._begin, UTC) + timedelta(seconds=self._passed())

    def monotonic(self):
        return self._passed()

    def sleep(self, seconds):
        time.sleep(seconds / FASTER)

    def wait(self, event, seconds):
        return event.wait(seconds / FASTER)

    def _passed(self):
        return (time.time() - self._begin) * FASTER


class Patient(FastClock):
    """The same for attempts, whose time limits are for real servers: their seconds are seconds."""

    def monotonic(self):
        return time.monotonic()


class Page(BaseHTTPRequestHandler):
    """Reports an event until the first mail is there, then nothing."""

    mailbox = None

    def do_GET(self):
        event = {"arn": ARN, "status": "3", "summary": "Power", "date": "1"}
        body = json.dumps([event] if not Page.mailbox.mails else []).encode("utf-16")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Say nothing."""


class Mailbox:
    """Keeps the Message-ID and the subject of every mail."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's word
        lines = envelope.content.decode().splitlines()
        found = {
            name: next(line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name}:"))
            for name in ("message-id", "subject")
        }
        self.mails.append((found["message-id"], found["subject"]))
        return "250 kept"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--top", type=Path, required=True)
    parser.add_argument("--when", choices=["before", "after"], required=True)
    options = parser.parse_args()
    page = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    mailbox = Page.mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail = Controller(mailbox, hostname="127.0.0.1", port=port)
    mail.start()
    root = options.top / "project"
    (root / "runbooks").mkdir(parents=True)
    (root / "runbooks" / "failover.yml").write_text(RUNBOOK.replace("URL", f"http://127.0.0.1:{page.server_port}"))
    (root / "runbook.toml").write_text(CONFIG.replace("PORT", str(port)))
    for name in ("http", "mail"):
        __import__(f"runbook_engine.connections.{name}")
    writes, at = 1, 0
    while at <= writes:
        mailbox.mails.clear()
        seen = carry_out(root, at, options.when)
        writes = writes if at else seen["writes"]
        sys.stdout.write(json.dumps({"at": at, **seen, "mails": list(mailbox.mails)}) + "\n")
        sys.stdout.flush()
        at += 1
    mail.stop()


def carry_out(root, at, when):
    shutil.rmtree(root / ".runbook", ignore_errors=True)
    counter = root / "writes"
    counter.write_text("0")
    begin = time.time()
    kills, error = 0, ""
    for _ in range(MOST_MONITORS):
        pid = os.fork()
        if pid == 0:
            status = 1
            signal.alarm(MOST_SECONDS)
            try:
                watch(root, begin, counter, at, when)
                status = 0
            except BaseException:  # noqa: BLE001 - told by the parent
                (root / "error").write_text(traceback.format_exc())
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        kills += status == -9
        if status != -9:
            error = f"ended with {status}" if status else ""
            error += (root / "error").read_text() if status > 0 else ""
            break
    journal = open_project(root).journal()
    events = [stored.event for head in journal.monitor_records() for stored in journal.read(head.id)]
    damage = [one.problem for one in journal.verify()]
    journal.close()
    kinds = [event.kind for event in events]
    counts = {kind: kinds.count(kind) for kind in ("alarm.raised", "alarm.over", "alarm.returned", "alarm.told")}
    return {"kills": kills, "error": error, "writes": int(counter.read_text()), "damage": damage, **counts}


def watch(root, begin, counter, at, when):
    project, clock, stop = open_project(root), FastClock(begin), CancelSignal()
    journal = KillingJournal(project.journal(create=True), counter, frozenset({at} if at else ()), when)
    world = ProjectWorld(project, journal, Patient(begin), stop)

    def look_for_the_end():
        states = monitor.board.alarms.values()
        ended = any(
            one.over_at and any(name.startswith("over") and telling.told for name, telling in one.tellings.items())
            for one in states
        )
        if ended:
            stop.set()

    monitor = Monitor(
        journal=journal,
        world=world,
        clock=clock,
        stop=stop,
        listener=Silence(),
        actor=Actor(kind="engine", name="monitor"),
        holder=this_process(),
        inventory=world.list.inventory.name,
        options=MonitorOptions(every=60.0),
        on_round=look_for_the_end,
    )
    monitor.begin()
    monitor.run()


if __name__ == "__main__":
    main()
