"""The client layer over real HTTP: waiting, repeating, never blindly a change, and no token anywhere but in its header."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from support.plugins import plugin
from support.vendor_documents import Answer
from support.vendor_server import busy, dropped, half, html, huge, serve_vendor, silence, unavailable

from runbook_engine.connections.http import HttpxClient
from runbook_engine.sdk import ActionFailedError, DeadlineError, ReadOnlyError, ServiceUnreachableError
from runbook_engine.testing import http_answer

TOKEN = "ATATT3xFfGF0-secret"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MODULES = plugin("atlassian")
ERRORS = MODULES["errors"]


class Notes:
    """Keeps notes: POST makes one, PUT sets one, GET lists them by whatever way of paging is asked for."""

    def __init__(self):
        self.notes = []

    def answer(self, seen):
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"errorMessages": ["Client must be authenticated to access this resource."]})
        if seen.method in {"POST", "PUT"}:
            self.notes = [*self.notes, seen.json] if seen.method == "POST" else [seen.json]
            return Answer(201, {"id": len(self.notes)})
        return SPECIAL.get(seen.path) or Answer(200, {"notes": self.notes})


SPECIAL = {
    "/none": Answer(404, {"error": {"message": "Note not found"}}),
    "/forbidden": Answer(403, {"error": "no"}),
    "/gone": Answer(410, {"errorMessages": ["The requested API has been removed."], "errors": {}}),
    "/wrong": Answer(400, {"errorMessages": [], "errors": {"summary": "Field is required."}}),
    "/moved": Answer(302, headers={"Location": "https://login.example.com/?token=abc"}),
    "/empty": Answer(204),
}


@pytest.fixture
def notes():
    with serve_vendor(Notes()) as server:
        yield server


@pytest.fixture
def client(notes, web):
    def make(context=None, token=TOKEN, **more):
        bearer = MODULES["login"].bearer(SecretStr(token))
        return MODULES["client"].Client(context or web(), notes.url, bearer, **more)

    return make


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (busy(retry_after=7), 7),
        (busy(420, 3), 3),
        (busy(), 1),
        (busy(retry_after="soon"), 1),
        (unavailable(retry_after=5), 5),
        (unavailable(retry_after=-5), 1),
    ],
)
def test_read_waits_as_long_as_the_service_asks(notes, client, asked, waited):
    notes.fault(asked)
    own = client()
    assert own.get("/notes") == {"notes": []}
    assert own.context.clock.monotonic() == pytest.approx(waited, abs=0.1)


def test_wait_until_a_date_goes_by_the_services_own_clock(atlassian, web):
    headers = {"Date": "Wed, 25 Nov 2026 09:00:00 GMT", "Retry-After": "Wed, 25 Nov 2026 09:00:42 GMT"}
    now = web().clock.now()
    assert atlassian["answers"].retry_after(http_answer(429, headers=headers), now) == 42
    del headers["Date"]
    assert atlassian["answers"].retry_after(http_answer(429, headers=headers), now) == 0


@given(st.text(max_size=40))
def test_any_retry_after_is_a_time_or_none(text):
    found = MODULES["answers"].retry_after(http_answer(429, headers={"Retry-After": text}), NOW)
    assert found is None or 0 <= found < 1e9


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["error", "errors", "errorMessages", "message", "x"]), inner, max_size=4)
    ),
)


@given(JSON.map(json.dumps) | st.binary(max_size=200))
@example('{"error": "\\u001b]0;owned\\u0007 \\n second line"}')
@example("[" * 100_000)
@example(b"<title>\x1b[2J</title>")
def test_words_of_any_answer_are_one_plain_short_line(body):
    answer = http_answer(500, body, headers={"content-type": "text/\x1b[2Jhtml"})
    words = MODULES["answers"].words_of(answer)
    assert len(words) <= 500
    assert words.isprintable()


@pytest.mark.parametrize("trouble", [unavailable(times=2), dropped(times=2), half(times=2), busy(500, times=2)])
def test_read_is_repeated(notes, client, trouble):
    notes.fault(trouble)
    assert client().get("/notes") == {"notes": []}
    assert len(notes.seen) == 3


def test_read_is_given_up_in_the_end(notes, client):
    notes.fault(busy(500, times=None))
    with pytest.raises(ServiceUnreachableError, match=r"status 500: Rate limit exceeded\., 4 times"):
        client().get("/notes")
    assert len(notes.seen) == 4


def test_limit_that_lasts_longer_than_the_step_is_told(notes, client, web):
    notes.fault(busy(retry_after=3600))
    with pytest.raises(ERRORS.BusyError, match="asks to wait 3600 s, and 60 s are left"):
        client(web(timeout=60)).get("/notes")


def test_limit_without_an_end_is_told(notes, client, web):
    notes.fault(busy(retry_after=1, times=None))
    with pytest.raises(ERRORS.BusyError):
        client(web(timeout=1e6)).send("POST", "/notes", {})
    assert len(notes.seen) == 10
    assert notes.fake.notes == []


def test_change_waits_when_it_was_refused_for_the_rate(notes, client):
    notes.fault(busy(retry_after=2), busy(420, 1))
    assert client().send("POST", "/notes", {"text": "Größe"}) == {"id": 1}
    assert notes.fake.notes == [{"text": "Größe"}]


@pytest.mark.parametrize(
    "trouble",
    [
        silence(),
        dropped(),
        dropped(applied=True),
        half(),
        unavailable(retry_after=1),
        unavailable(applied=True),
        busy(502, applied=True),
        html(applied=True),
        huge(applied=True),
    ],
    ids=lambda fault: f"{fault.kind} {fault.answer.status if fault.answer else ''} {fault.applied}",
)
def test_change_whose_answer_is_lost_is_not_made_again(notes, client, trouble):
    notes.fault(trouble)
    with pytest.raises(ERRORS.LostAnswerError):
        client(timeout=2 if trouble.kind == "silence" else 30).send("POST", "/notes", {"text": "once"})
    assert len(notes.seen) == 1
    assert len(notes.fake.notes) == int(trouble.applied)


def test_change_that_may_be_repeated_is(notes, client):
    notes.fault(unavailable(), dropped(applied=True), busy(retry_after=1))
    assert client().send("PUT", "/notes", {"text": "set"}, repeatable=True) == {"id": 1}
    assert len(notes.seen) == 4


def test_check_changes_nothing(notes, client, web):
    own = client(web(http=HttpxClient(read_only=True)))
    with pytest.raises(ReadOnlyError):
        own.send("POST", "/notes", {})
    assert notes.seen == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (html(), r"it is not JSON but text/html; charset=utf-8 \('Log in'\)"),
        (huge(), "it is longer than 10000000 bytes"),
    ],
)
def test_page_that_is_not_what_was_promised_is_told(notes, client, page, words):
    notes.fault(page)
    with pytest.raises(ERRORS.UnreadableAnswerError, match=words):
        client().get("/notes")


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/none", "NotThereError", "GET http.*/none: status 404: Note not found"),
        ("/forbidden", "ForbiddenError", "status 403: no"),
        ("/gone", "NotThereError", "status 410: The requested API has been removed."),
        ("/wrong", "RefusedError", r"status 400: summary: Field is required\."),
        ("/moved", "RefusedError", "status 302, a redirect to https://login.example.com:443$"),
    ],
)
def test_refusal_is_told_in_the_services_words(client, path, kind, words):
    with pytest.raises(getattr(ERRORS, kind), match=words) as refused:
        client().get(path)
    assert refused.value.for_good, "the same once more would be refused again"


def test_no_content_is_none(client):
    assert client().get("/empty") is None


def test_wrong_token_is_told_without_it(client):
    with pytest.raises(ERRORS.LoginRefusedError) as refused:
        client(token="wrong-secret").get("/notes")
    assert "wrong-secret" not in f"{refused.value} {refused.value.hint}"
    assert refused.value.for_good


def test_token_is_in_no_address_message_or_representation(notes, client):
    own = client()
    own.get("/notes", {"q": "x y", "deep": True, "none": None})
    [seen] = notes.seen
    assert str(seen) == "GET /notes?q=x+y&deep=true"
    notes.fault(dropped(times=None))
    with pytest.raises(ServiceUnreachableError) as lost:
        own.get("/notes", {"q": "private"})
    for text in (repr(own), str(lost.value), str(lost.value.__cause__)):
        assert TOKEN not in text
    assert "private" not in str(lost.value)


@pytest.mark.parametrize("token", ["", "a b", "line\n", "\x00", "schlüssel", "tab\t"])
def test_token_that_no_header_can_hold_is_refused_unsaid(atlassian, token):
    with pytest.raises(ActionFailedError, match="the token ") as refused:
        atlassian["login"].bearer(SecretStr(token))
    assert not token or token not in str(refused.value)


def test_basic_login_is_email_and_token(atlassian):
    site = atlassian["login"].Site(url="https://example.atlassian.net/", email="ada@example.com", token=TOKEN)
    assert site.url == "https://example.atlassian.net"
    assert base64.b64decode(site.authorization().removeprefix("Basic ")).decode() == f"ada@example.com:{TOKEN}"
    assert TOKEN not in repr(site)


@pytest.mark.parametrize("email", ["", "a:b@example.com", "a\nb@example.com"])
def test_email_that_breaks_the_header_is_refused(atlassian, email):
    with pytest.raises(ActionFailedError):
        atlassian["login"].basic(email, SecretStr(TOKEN))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.atlassian.net",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "https://user:password@example.atlassian.net",
        "https://example.atlassian.net/?token=1",
        "ftp://example.com",
        "example.atlassian.net",
        "https://",
    ],
)
def test_address_that_would_leak_the_token_is_refused(atlassian, url):
    with pytest.raises(ValueError, match=r"^(write|it must)"):
        atlassian["login"].trusted_address(url)


def test_this_machine_may_be_asked_without_tls(atlassian):
    for url in ("http://127.0.0.1:80/v1", "http://[::1]:1", "http://localhost:8080"):
        assert atlassian["login"].trusted_address(url) == url


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b#c", "a b", "%2e", "ä"])
def test_name_in_a_path_leads_nowhere_else(notes, client, atlassian, name):
    client().get(f"/notes/{atlassian['client'].segment(name)}/x")
    [seen] = notes.seen
    assert seen.path.startswith("/notes/")
    assert seen.path.endswith("/x")
    assert seen.path.count("/") == 3
    assert seen.query == ""


def test_requests_of_one_token_keep_their_distance(notes, client, web, atlassian):
    pace = atlassian["pace"].Pace("notes:test", 1.0)
    context = web()
    first, second = client(context, pace=pace), client(context, pace=pace)
    first.get("/notes")
    second.get("/notes")
    first.get("/notes")
    assert context.clock.monotonic() == pytest.approx(2.0, abs=0.05)


def test_pace_never_lasts_beyond_the_step(client, web, atlassian):
    own = client(web(timeout=2), pace=atlassian["pace"].Pace("notes:slow", 5.0))
    own.get("/notes")
    with pytest.raises(DeadlineError):
        own.get("/notes")
