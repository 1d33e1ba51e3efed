"""Chat and paging services in a run: reached by secrets that stand nowhere, whatever goes wrong."""

import json

import pytest
from support.chat_services import ChatServices

TELL = """\
runbook: chat
steps:
  - {id: declare, command.run: {argv: ["true"]}}
  - {id: page, needs: [declare], notify.pagerduty: {audience: team, summary: moving, endpoint: "@URL@/v2/enqueue"}}
  - {id: gone, needs: [declare], on_failure: continue, notify.webhook: {url: "{{ secret('env:GONE_URL') }}", text: moving}}
  - {id: verify, needs: [page], command.run: {argv: ["true"]}}
communications:
  - audience: team
    every: 30m
    from: declare
    until: verify
    first: [{notify.slack: {text: "moving {{ message.number }}"}}, {notify.teams: {text: moving}}]
    update: [{notify.slack: {text: "{{ message.text or 'still moving' }}"}}]
    resolved: [{notify.slack: {text: done}}, {notify.webhook: {text: done, secret: "{{ secret('env:SIGN') }}"}}]
"""
TEAM = """
roles: {director: {}}
people: {dana: {name: Dana, roles: [director]}}
audiences:
  team:
    slack: [env:SLACK_URL]
    teams: [env:TEAMS_URL]
    pagerduty: [env:PAGER_KEY]
    webhook: [env:HOOK_URL]
    sandbox: {slack: [env:DRILL_URL], teams: [env:DRILL_URL], pagerduty: [env:DRILL_KEY], webhook: [env:DRILL_URL]}
"""


@pytest.fixture
def chat():
    server = ChatServices()
    yield server
    server.close()


@pytest.fixture
def project(runbook, chat):
    runbook.write("team.yml", TEAM)
    runbook.write("runbooks/chat.yml", TELL.replace("@URL@", chat.url("")))
    return runbook


def environment(chat):
    return {
        "SLACK_URL": chat.url("/services/T0/slacksecret"),
        "TEAMS_URL": chat.url("/workflows/teamssecret?sig=teamssecret"),
        "PAGER_KEY": "pagersecret",
        "HOOK_URL": chat.url("/hook/hooksecret"),
        "GONE_URL": "http://127.0.0.1:9/gonesecret",
        "SIGN": "signsecret",
        "DRILL_URL": chat.url("/drill/drillsecret"),
        "DRILL_KEY": "drillkeysecret",
    }


def nowhere(root, *texts):
    """No secret is in anything that was said, or that the project keeps."""
    kept = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    for word in ("slack", "teams", "pager", "hook", "gone", "sign", "drill", "drillkey"):
        secret = f"{word}secret"
        assert not any(secret in text for text in texts), secret
        assert not any(secret.encode() in data for data in kept), secret


def test_everybody_is_reached_and_no_secret_is_anywhere(project, chat):
    done = project("--log-level", "debug", "run", "chat", "--yes", "--output", "json", **environment(chat))
    assert done.status == 0, done.err
    assert [path for path, *_ in chat.posts if path.startswith("/services")] == ["/services/T0/slacksecret"] * 2
    assert {path.split("?")[0] for path, *_ in chat.posts} == {
        "/services/T0/slacksecret", "/workflows/teamssecret", "/v2/enqueue", "/hook/hooksecret",
    }  # fmt: skip
    report = json.loads(done.out)
    assert [one["what"] for one in report["messages"]] == ["first", "resolved"]
    assert "can't be reached; nothing was sent" in done.err
    shown = project("report", "last", "--format", "html")
    log = project("audit", "log", "last", "--output", "json")
    nowhere(project.root, done.out, done.err, shown.out, log.out, project("status").out)


def test_a_drill_reaches_the_sandbox_alone_and_a_dry_run_nobody(project, chat):
    dry = project("run", "chat", "--dry-run", "--output", "json", **environment(chat))
    assert dry.status == 0, dry.err
    assert not chat.posts
    assert [one["channel"] for one in dry.json["shown_messages"]] == [
        "notify.slack", "notify.teams", "notify.slack", "notify.slack", "notify.webhook",
    ]  # fmt: skip
    words = ("--drill", "--allow-live-inventory", "--reason", "yearly", "--skip", "gone", "--reason", "not now")
    done = project("run", "chat", "--yes", *words, **environment(chat))
    assert done.status == 0, done.err
    assert {path for path, *_ in chat.posts} == {"/drill/drillsecret", "/v2/enqueue"}
    assert {body.get("routing_key") for path, body, _ in chat.posts if path == "/v2/enqueue"} == {"drillkeysecret"}
    nowhere(project.root, dry.out, dry.err, done.out, done.err)


def test_a_busy_service_is_asked_again_and_the_other_is_not(project, chat):
    chat.faults.append((500, {}, b"oops"))
    text = TELL.replace("@URL@", chat.url(""))
    work = '{id: verify, needs: [page], command.run: {argv: ["true"]}}'
    assert work in text
    project.write("runbooks/chat.yml", text.replace(work, work.replace('["true"]', '[sleep, "6"]')))
    done = project("run", "chat", "--yes", "--output", "json", "--skip", "gone", "--reason", "x", "--skip", "page",
                   "--reason", "y", **environment(chat))  # fmt: skip
    assert done.status == 0, done.err
    first = json.loads(done.out)["messages"][0]
    assert first["sent_at"]
    assert first["doubtful"], "nobody knows whether the one that was answered by an error was posted"
    assert "it may have been sent; tried again" in done.err
    nowhere(project.root, done.out, done.err)
