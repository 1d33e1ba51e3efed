"""`runbook monitor` as its user meets it: from cron, as a service, twice at once, killed, with files that change."""

import json
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

ARN = "arn:aws:health:us-east-1::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/X1"
RUNBOOK = """\
runbook: failover
title: Move the app
owner: engineering
inputs: {incident: {required: true, description: key of the incident}}
steps: [{id: a, assert.that: {that: ["incident != ''"]}}]
triggers:
  - when: {status_page.check: {provider: aws, url: "URL", region: us-east-1, expect: degraded}}
    for: 0s
    then: propose
"""
COMMAND = "runbook run failover -e incident=INCIDENT"


class Page:
    """A status page of AWS's form; `body` is what it answers, None for an error."""

    def __init__(self):
        page = self
        self.quiet()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = page.body if page.body is not None else b"broken"
                self.send_response(200 if page.body is not None else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/public/currentevents"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def quiet(self):
        self.body = b"[]"

    def trouble(self):
        self.body = json.dumps([{"arn": ARN, "status": "3", "summary": "Power \u001b[31m{{ 7 * 7 }}"}]).encode("utf-16")

    def broken(self):
        self.body = None


@pytest.fixture
def page():
    page = Page()
    yield page
    page.server.shutdown()
    page.server.server_close()


@pytest.fixture
def watched(runbook, page):
    runbook.write("runbooks/failover.yml", RUNBOOK.replace("URL", page.url))
    return runbook


def until(process, done, *, seconds=60):
    """Wait until something is so, while the process lives."""
    end = time.monotonic() + seconds
    while not done():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(str(process.communicate()))
        time.sleep(0.05)


def recorded(runbook):
    done = runbook("audit", "log", "monitor", "--output", "ndjson")
    return [json.loads(line)["event"] for line in done.out.splitlines()] if done.status == 0 else []


def kinds(runbook):
    return [event["kind"] for event in recorded(runbook)]


def test_once_from_cron_says_it_once_and_keeps_saying_that_it_stands(watched, page):
    quiet = watched("monitor", "--once")
    assert quiet.status == 0, quiet.err
    assert quiet.out == ""
    page.trouble()
    first = watched("monitor", "--once")
    assert first.status == 1
    assert first.out.count("failover on local is proposed") == 2
    assert f"\n  {COMMAND}\n" in first.out
    assert "INCIDENT: key of the incident" in first.out
    assert "\u001b" not in first.out
    assert "{{ 7 * 7 }}" in first.out
    again = watched("monitor", "--once")
    assert (again.status, again.out) == (1, "stands: failover on local is proposed\n")
    assert kinds(watched).count("alarm.raised") == 1
    evidence = next(event["evidence"] for event in recorded(watched) if event["kind"] == "alarm.raised")
    assert ARN in evidence["raw"]
    assert watched("audit", "verify").status == 0
    assert watched("runs", "--output", "json").json == []
    assert watched("status").out == ""


def test_a_page_that_is_broken_is_neither_up_nor_down(watched, page):
    page.broken()
    done = watched("monitor", "--once")
    assert (done.status, done.out) == (1, "unknown: failover/1\n")
    assert "status 503" in done.err


def test_the_lines_of_ndjson_are_the_journals_events(watched, page):
    page.trouble()
    done = watched("monitor", "--once", "--output", "ndjson")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["event"]["kind"] for line in lines] == ["monitor.opened", "trigger.seen", "alarm.raised"]
    assert [line["event"] for line in lines] == recorded(watched)
    assert "\u001b" not in done.out


def test_only_one_works_at_a_time_and_after_a_kill_the_next_one_goes_on_at_once(watched, page):
    first = watched.start("monitor", "--every", "1s")
    until(first, lambda: "trigger.seen" in kinds(watched))
    second = watched("monitor", "--once")
    assert second.status == 5
    assert "monitor:local is held by" in second.err
    assert "end that one first" in second.err
    assert "take-over" not in second.err, "which `runbook monitor` has not"
    page.trouble()
    until(first, lambda: "alarm.raised" in kinds(watched))
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)
    third = watched("monitor", "--once")
    assert (third.status, third.out) == (1, "stands: failover on local is proposed\n")
    assert kinds(watched).count("alarm.raised") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_order(watched, number, status):
    process = watched.start("monitor", "--every", "1h")
    until(process, lambda: "trigger.seen" in kinds(watched))
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert kinds(watched)[-1] == "lease.lost"
    assert watched("monitor", "--once").status == 0


def test_it_watches_what_the_files_say_now(watched, page):
    page.trouble()
    watched.write("runbooks/failover.yml", RUNBOOK.replace("URL", page.url).replace("us-east-1", "eu-west-1"))
    process = watched.start("monitor", "--every", "1s")
    until(process, lambda: "trigger.seen" in kinds(watched))
    watched.write("runbooks/failover.yml", "runbook: [\n")
    time.sleep(2.5)
    watched.write("runbooks/failover.yml", RUNBOOK.replace("URL", page.url))
    until(process, lambda: "alarm.raised" in kinds(watched))
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert err.count("not valid; what they said before is watched on") == 1
    assert "the files changed: 1 triggers are watched now" in err


def test_a_notice_names_no_command_and_a_run_that_is_open_is_named(watched, page):
    page.trouble()
    watched.write(
        "runbooks/gated.yml",
        "runbook: gated\nsteps: [{id: go, gate.approval: {roles: [director], message: go}}]\ntriggers:\n"
        f"  - {{when: {{status_page.check: {{provider: aws, url: '{page.url}', expect: degraded}}}}, for: 0s}}\n",
    )
    watched.write("runbooks/failover.yml", RUNBOOK.replace("URL", page.url).replace("then: propose", "then: notify"))
    assert watched("run", "gated", "--yes").status == 4
    run = watched("status", "--output", "json").json["id"]
    done = watched("monitor", "--once")
    assert f"A run of it is open already: runbook status {run}" in done.out
    assert "a trigger of failover on local holds" in done.out
    assert COMMAND not in done.out


def test_one_runbook_can_be_watched_alone(watched, page):
    page.trouble()
    watched.write("runbooks/other.yml", RUNBOOK.replace("URL", page.url).replace("failover", "other"))
    assert "other" not in watched("monitor", "failover", "--once").out


@pytest.mark.parametrize(
    ("path", "text", "words", "status", "said"),
    [
        (
            "runbooks/failover.yml",
            "runbook: failover\nsteps: [{id: a, assert.that: {that: [true]}}]\n",
            (),
            2,
            "triggers",
        ),
        ("runbooks/failover.yml", RUNBOOK.replace("aws, url", "azure, url"), (), 3, "provider"),
        ("runbooks/failover.yml", RUNBOOK.replace("then: propose", "then: run"), (), 3, "propose"),
        ("runbook.toml", 'inventory = "local"\n[[monitor.tell]]\n"notify.mail" = {}\n', (), 3, "notify.mail"),
        ("runbook.toml", 'inventory = "local"\n[[monitor.tell]]\n"http.check" = {}\n', (), 3, "tells nobody"),
        ("runbook.toml", 'inventory = "local"\n[monitor]\nevery = "0s"\n', (), 3, "longer than zero"),
        ("runbook.toml", 'inventory = "local"\n', ("--every", "soon"), 2, "not a duration"),
        ("runbook.toml", 'inventory = "local"\n', ("nothing",), 3, "no runbook 'nothing'"),
        ("runbook.toml", 'inventory = "local"\n', ("-i", "nowhere"), 3, "no inventory 'nowhere'"),
    ],
)
def test_mistakes_are_told_before_anything_is_watched(watched, page, path, text, words, status, said):
    watched.write(path, text.replace("URL", page.url))
    done = watched("monitor", "--once", *words)
    assert done.status == status, done.err
    assert said in done.err
    assert watched("audit", "log", "monitor").status != 0


def test_whoever_can_not_be_told_is_recorded_with_the_reason(watched, page):
    page.trouble()
    watched.write(
        "runbook.toml",
        'inventory = "local"\n[[monitor.tell]]\n"notify.email" = {smtp = {host = "127.0.0.1", port = 9, tls = "none"}, '
        'sender = "m@example.com", to = ["ops@example.com"], subject = "{{ alarm.subject }}", body = "x"}\n',
    )
    assert watched("monitor", "--once").status == 1
    (told,) = [event for event in recorded(watched) if event["kind"] == "alarm.told"]
    assert (told["outcome"], told["channel"]) == ("failed", "1:notify.email")
    assert "127.0.0.1" in told["error"]
    assert told["next_at"]


MAIL = '"notify.email" = {{smtp = {{host = "127.0.0.1", port = 9}}, sender = "m@example.com", to = {to}, {rest}}}'


@pytest.mark.parametrize(
    ("to", "rest", "said"),
    [
        ('"{{ alarm.emails }}"', 'subject = "x", body = "x"', "nobody would be told of failover"),
        ('["a@example.com"]', 'subject = "{{ alarm.title }} {{ alarms }}", body = "x"', "alarms"),
        ('["a@example.com"]', 'subject = "{{ secret(\'env:NOT_THERE\') }}", body = "x"', "env:NOT_THERE"),
    ],
)
def test_a_message_that_could_not_be_made_is_found_out_before_there_is_an_alarm(watched, page, to, rest, said):
    text = MAIL.format(to=to, rest=rest)
    watched.write("runbook.toml", f'inventory = "local"\n[[monitor.tell]]\n{text}\n')
    done = watched("monitor", "--once")
    assert done.status == 3, done.err
    assert said in done.err


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ('"notify.mail" = {}', "RB201"),
        ('"notify.email" = {subjekt = "x"}', "RB202"),
        ('"notify.email" = {sender = "a@b.example", to = ["a@b.example"], subject = "{{ }", body = "x"}', "RB204"),
        ('"http.check" = {url = "http://127.0.0.1"}', "RB405"),
    ],
)
def test_validate_knows_the_channels(watched, table, rule):
    watched.write("runbook.toml", f'inventory = "local"\n[[monitor.tell]]\n{table}\n')
    done = watched("validate")
    assert done.status == 3, done.out
    assert "runbook.toml:2:" in done.out
    assert rule in done.out


def test_a_service_manager_is_told_how_it_stands(watched, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(60)
        process = watched.start("monitor", "--every", "1s", NOTIFY_SOCKET=str(path))
        said = []
        while said.count("WATCHDOG=1") < 2:
            said.append(manager.recv(100).decode())
        os.kill(process.pid, signal.SIGTERM)
        while said[-1] != "STOPPING=1":
            said.append(manager.recv(100).decode())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert said[0] == "READY=1"
