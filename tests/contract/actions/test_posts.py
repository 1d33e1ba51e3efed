"""notify.slack, teams, pagerduty and webhook against stateful fakes of these services, over real HTTP."""

import base64
import json
import socket

import pytest
from support.chat_services import ChatServices, is_signed

from runbook_engine.actions.notify_pagerduty import NotifyPagerDuty
from runbook_engine.actions.notify_slack import NotifySlack
from runbook_engine.actions.notify_teams import NotifyTeams
from runbook_engine.actions.notify_webhook import NotifyWebhook
from runbook_engine.connections.http import HttpxClient
from runbook_engine.sdk import ActionFailedError, Mode, ReadOnlyError, ServiceUnreachableError
from runbook_engine.testing.context import RUN

SLACK, TEAMS, HOOK = "/services/T0/B0/verysecret", "/workflows/verysecret/invoke?sig=verysecret", "/hook/verysecret"
BUSY = (429, {"Retry-After": "30"}, b"slow down")


@pytest.fixture(scope="module")
def services():
    server = ChatServices()
    yield server
    server.close()


@pytest.fixture
def chat(services):
    services.posts.clear()
    services.incidents.clear()
    services.faults.clear()
    services.requests = 0
    return services


def slack(chat, **more):
    return NotifySlack(), {"url": chat.url(SLACK), "text": "moving", **more}


def teams(chat, **more):
    return NotifyTeams(), {"url": chat.url(TEAMS), "text": "moving", **more}


def hook(chat, **more):
    return NotifyWebhook(), {"url": chat.url(HOOK), "text": "moving", **more}


def pager(chat, **more):
    return NotifyPagerDuty(), {
        "routing_key": "verysecret", "endpoint": chat.url("/v2/enqueue"), "summary": "moving", **more,
    }  # fmt: skip


ALL = pytest.mark.parametrize("make", [slack, teams, hook, pager])
UNREPEATABLE = pytest.mark.parametrize("make", [slack, teams, hook])


def do(made, context):
    action, params = made
    return action.apply(action.Params.model_validate(params), context)


def check(made, context):
    action, params = made
    params = action.Params.model_validate(params)
    return action.check(params, context.reading(action, params))


@ALL
def test_each_is_posted_once_and_the_address_shows_nowhere(chat, make, real):
    context = real()
    seen = check(make(chat), context)
    assert not chat.posts, "a check posts nothing"
    done = do(make(chat), context)
    assert len(chat.posts) == 1
    assert "verysecret" not in json.dumps([seen.model_dump(mode="json"), done.model_dump(mode="json")])
    assert "moving" in seen.changes[0].after


@ALL
def test_a_checks_hands_post_nothing(chat, make, real):
    with pytest.raises(ReadOnlyError):
        do(make(chat), real(http=HttpxClient(read_only=True)))
    assert not chat.posts


@ALL
def test_a_busy_service_is_given_the_time_that_it_asks_for(chat, make, real):
    chat.faults += [BUSY, (429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, b"")]
    context = real()
    before = context.clock.monotonic()
    do(make(chat), context)
    assert context.clock.monotonic() - before >= 31
    assert len(chat.posts) == 1


@pytest.mark.parametrize(("asked", "least"), [("30", 30), ("0", 1)])
def test_a_pause_that_comes_out_a_tenth_shorter_is_as_long_as_the_service_asks(chat, real, asked, least):
    chat.faults.append((429, {"Retry-After": asked}, b""))
    context = real()
    do(slack(chat), context)
    assert context.clock.monotonic() * 0.9 >= least


@pytest.mark.parametrize("asked", ["soon", "²", "-5", "1e3", "", "1 Jan 99999999999 00:00:00"])
def test_what_is_no_time_to_wait_is_a_wait_of_our_own(chat, real, asked):
    chat.faults.append((429, {"Retry-After": asked}, b""))
    context = real()
    do(slack(chat), context)
    assert len(chat.posts) == 1
    assert context.clock.monotonic() > 0


def test_no_request_outlasts_the_step(chat, real):
    seconds = []

    class Watched(HttpxClient):
        def request(self, method, url, **more):
            seconds.append(more["timeout"])
            return super().request(method, url, **more)

    do(slack(chat, timeout="30s"), real(http=Watched(read_only=False), timeout=7.0))
    assert seconds == [7.0]


@ALL
def test_a_service_that_is_busy_for_longer_than_there_is_fails_at_once(chat, make, real):
    chat.faults.append((429, {"Retry-After": "7200"}, b""))
    with pytest.raises(ActionFailedError, match=r"asks to wait 7200 s, but only 60 s remain for this try") as raised:
        do(make(chat), real(timeout=60.0))
    assert "give the step a longer timeout" in raised.value.message
    assert not raised.value.for_good
    assert chat.requests == 1


@UNREPEATABLE
@pytest.mark.parametrize("fault", ["lost", "refused", (500, {}, b"oops verysecret"), (503, {}, b"")])
def test_what_may_have_been_posted_is_never_posted_again_blindly(chat, make, real, fault):
    chat.faults.append(fault)
    with pytest.raises(ServiceUnreachableError) as raised:
        do(make(chat), real())
    assert chat.requests == 1
    assert "verysecret" not in f"{raised.value.message} {raised.value.hint} {raised.value.__context__}"


@pytest.mark.parametrize("fault", ["lost", "refused", (500, {}, b""), (503, {"Retry-After": "2"}, b"")])
def test_pagerduty_knows_the_second_for_the_first(chat, real, fault):
    chat.faults += [fault, fault]
    done = do(pager(chat), real())
    assert set(chat.incidents) == {RUN.id}
    assert done.outputs["dedup_key"] == RUN.id
    do(pager(chat, action="resolve", summary=None), real())
    assert chat.incidents[RUN.id][-1] == "resolve"


def test_a_receiver_that_says_so_is_asked_again_with_the_same_identity(chat, real):
    chat.faults += ["lost", "lost"]
    do(hook(chat, idempotent=True), real())
    assert len({headers["idempotency-key"] for _, _, headers in chat.posts}) == 1
    assert len(chat.posts) == 3


@ALL
def test_a_service_that_gives_no_connection_was_sent_nothing(make, real, chat):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    action, params = make(chat)
    name = "endpoint" if "endpoint" in params else "url"
    with pytest.raises(ActionFailedError, match="can't be reached; nothing was sent"):
        do((action, {**params, name: f"http://127.0.0.1:{port}/verysecret"}), real())


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda chat: (NotifySlack(), {"url": chat.url("/services/gone"), "text": "x"}), "HTTP 404: no_service"),
        (lambda chat: pager(chat, routing_key="bad"), "routing key …"),
        (lambda _: (NotifyWebhook(), {"url": "http://127.0.0.1:1:1/verysecret", "text": "x"}), "not valid"),
        (lambda _: (NotifySlack(), {"url": "ftp://127.0.0.1/verysecret", "text": "x"}), "not valid"),
    ],
)
def test_a_refusal_is_told_in_the_services_words(chat, real, made, words):
    with pytest.raises(ActionFailedError) as raised:
        do(made(chat), real())
    assert words in raised.value.message
    assert "verysecret" not in raised.value.message


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (lambda chat: (NotifySlack(), {"url": chat.url("/services/T/B/verysecret"), "text": "x"}), 200),
        (lambda chat: (NotifyTeams(), {"url": chat.url("/workflows/verysecret"), "text": "x"}), 200),
        (lambda chat: (NotifyWebhook(), {"url": chat.url("/hook/verysecret"), "text": "x"}), 200),
    ],
)
def test_a_login_page_in_its_place_took_nothing(chat, real, made, status):
    chat.faults.append((status, {"content-type": "text/html"}, b"\n<HTML><body>Please log in</body></html>"))
    with pytest.raises(ActionFailedError, match="but not the service's own answer: <HTML>") as raised:
        do(made(chat), real())
    assert "login page" in raised.value.message
    assert "verysecret" not in raised.value.message


def test_what_a_service_says_at_length_is_cut_and_without_the_headers_of_ours(chat, real):
    chat.faults.append((400, {}, b"Bearer of-a-token is wrong " * 300))
    made = hook(chat, headers={"Authorization": "Bearer of-a-token"})
    with pytest.raises(ActionFailedError) as raised:
        do(made, real())
    assert "of-a-token" not in raised.value.message
    assert "… is wrong" in raised.value.message
    assert len(raised.value.message) < 400


@pytest.mark.parametrize(
    ("status", "for_good"), [(302, True), (400, True), (404, True), (410, True), (408, False), (425, False)]
)
def test_what_is_refused_for_what_it_is_is_told_from_what_may_pass(chat, real, status, for_good):
    chat.faults.append((status, {}, b"no"))
    with pytest.raises(ActionFailedError) as raised:
        do(slack(chat), real())
    assert raised.value.for_good is for_good
    two = [chat.url("/services/one"), chat.url("/services/two")]
    chat.faults += [(404, {}, b"gone"), (status, {}, b"no")]
    with pytest.raises(ActionFailedError) as raised:
        do((NotifySlack(), {"audience": "customers", "text": "x"}), real(audiences={"customers": two}))
    assert raised.value.for_good is for_good, "one that may pass is worth another try"


def test_redirects_are_not_followed(chat, real):
    chat.faults.append((302, {"Location": chat.url("/elsewhere")}, b""))
    with pytest.raises(ActionFailedError, match="leads elsewhere"):
        do(slack(chat), real())
    assert chat.requests == 1


def test_a_drill_posts_to_the_sandbox_and_an_audience_to_each_address_once(chat, real):
    two = [chat.url("/services/one"), chat.url("/services/two")]
    many = (NotifySlack(), {"audience": "customers", "text": "x"})
    assert "2 slack addresses" in check(many, real(audiences={"customers": [*two, two[0]]})).summary
    do(many, real(audiences={"customers": [*two, two[0]]}))
    assert [path for path, _, _ in chat.posts] == ["/services/one", "/services/two"]
    drill = RUN.model_copy(update={"mode": Mode.DRILL})
    do(many, real(audiences={"customers": two}, sandbox=[chat.url("/services/drill")], run=drill))
    do(slack(chat), real(sandbox=[chat.url("/services/drill")], run=drill))
    assert [path for path, _, _ in chat.posts][2:] == ["/services/drill"] * 2
    with pytest.raises(ActionFailedError, match="no sandbox"):
        do(slack(chat), real(run=drill))


def test_a_later_attempt_posts_to_those_only_that_have_it_not_yet(chat, real):
    addresses = [chat.url("/services/one"), chat.url("/services/gone"), chat.url("/services/three")]
    many = (NotifySlack(), {"audience": "customers", "text": "x"})
    with pytest.raises(ActionFailedError) as raised:
        do(many, real(audiences={"customers": addresses}))
    assert len(raised.value.outputs["accepted"]) == 2
    addresses[1] = chat.url("/services/two")
    again = real(audiences={"customers": addresses}).with_recorded(raised.value.outputs)
    assert "1 slack address" in check(many, again).summary
    do(many, again)
    assert [path for path, _, _ in chat.posts] == ["/services/one", "/services/three", "/services/two"]


def test_what_was_taken_before_an_answer_was_lost_is_known_to_the_next_attempt(chat, real):
    addresses = {"customers": [chat.url("/services/one"), chat.url("/services/two")]}
    many = (NotifySlack(), {"audience": "customers", "text": "x"})
    chat.faults += [(200, {}, b"ok"), "lost"]
    with pytest.raises(ServiceUnreachableError) as raised:
        do(many, real(audiences=addresses))
    assert len(raised.value.outputs["accepted"]) == 1
    assert "1 slack address" in check(many, real(audiences=addresses).with_recorded(raised.value.outputs)).summary


def test_what_a_host_said_calls_nobody(chat, real):
    evil = "<!channel> & <http://evil.example|click>"
    text = {"type": "mrkdwn", "text": evil, "id": "a&b"}
    do(slack(chat, text=evil, blocks=[{"type": "section", "text": text}]), real())
    do(slack(chat, text=evil, markdown=True), real())
    inert = "&lt;!channel&gt; &amp; &lt;http://evil.example|click&gt;"
    assert chat.posts[0][1] == {
        "text": inert,
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": inert, "id": "a&b"}}],
    }
    assert chat.posts[1][1]["text"] == evil


def test_teams_gets_an_adaptive_card_of_plain_text(chat, real):
    do(teams(chat, title="T", text="a\n\n[x](http://evil)", facts={"Run": "**r**"}, links={"S": "https://s"}), real())
    (attachment,) = chat.posts[0][1]["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    texts = ["".join(run["text"] for run in part["inlines"]) for part in card["body"]]
    assert texts == ["T", "a", " ", "[x](http://evil)", "Run: **r**"]
    assert {part["type"] for part in card["body"]} == {"RichTextBlock"}
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "S", "url": "https://s"}]


def test_pagerduty_gets_an_event_of_its_form(chat, real):
    do(pager(chat, summary="x" * 2000, severity="warning", component="db", details={"a": 1}, dedup_key="k"), real())
    body = chat.posts[0][1]
    assert (body["event_action"], body["dedup_key"], len(body["payload"]["summary"])) == ("trigger", "k", 1024)
    assert body["payload"]["component"] == "db"
    assert body["payload"]["custom_details"] == {"a": 1}


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_" + base64.b64encode(b"0123456789").decode(), b"0123456789"),
        ("plain words", b"plain words"),
        ("whsec_is no Base64", b"whsec_is no Base64"),
        ("whsec_é", "whsec_é".encode()),
    ],
)
def test_a_webhook_is_signed_as_standard_webhooks_say(chat, real, secret, key):
    do(hook(chat, secret=secret, headers={"X-Team": "dr", "Webhook-Id": "forged"}, json={"b": 1, "a": "ü"}), real())
    _, body, headers = chat.posts[0]
    assert body == {"b": 1, "a": "ü"}
    content = '{"a":"ü","b":1}'.encode()
    assert is_signed(key, headers, content)
    assert not is_signed(b"other", headers, content)
    assert headers["x-team"] == "dr"
    assert headers["webhook-id"] == f"msg_{RUN.token}"


@pytest.mark.parametrize(
    ("action", "params"),
    [
        (NotifySlack(), {"text": "x"}),
        (NotifySlack(), {"text": "x", "url": "https://x", "audience": "y"}),
        (NotifyPagerDuty(), {"routing_key": "k"}),
        (NotifyPagerDuty(), {"summary": "k"}),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(action, params):
    with pytest.raises(ValueError, match=r"give exactly one|needs a summary"):
        action.Params.model_validate(params)
