"""Hostile paths, forms and texts: nothing acts, nothing leaks, nothing ends in a 500."""

import re
import socket
import subprocess
from urllib.parse import quote

import pytest
from support.dashboard import served

from runbook_engine.app.project import open_project
from runbook_engine.model.errors import JournalError

SECRET_FILES = ("team.yml", "runbook.toml", ".runbook/journal.db", ".runbook/dashboard-tokens.json")


def raw(stage, request):
    """Send bytes as they are, and give the answer: all that its head says there is, or that comes before the end."""
    host, _, port = stage.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while (left := _left(answer)) and (part := connection.recv(min(left, 65536))):
            answer += part
    return answer


def _left(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return 65536 if not end or length is None else int(length.group(1)) - len(body)


def get(stage, cookie, path):
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {stage.url.removeprefix('http://')}",
        f"Cookie: {cookie}",
        "Connection: close",
    ]
    return raw(stage, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


@pytest.fixture(scope="module")
def run(place):
    return place.run("gated")


@pytest.fixture(scope="module")
def cookie(stage):
    with stage.login("vera") as vera:
        name = stage.desk.settings.cookie
        return f"{name}={vera.cookies[name]}"


@pytest.mark.parametrize("file", SECRET_FILES)
@pytest.mark.parametrize(
    "way",
    ["/assets/{up}{file}", "/assets/..%2f..%2f..%2f{file}", "/assets/%2e%2e/%2e%2e/{file}", "/assets//{root}/{file}", "/assets/..\\..\\{file}", "/runbooks/{up}{file}", "/runbooks/..%2f{file}", "/runbooks/{file}", "/runs/..%2f{file}", "/{file}", "/runs/x/output/..%2f..%2f{file}/1"],
)  # fmt: skip
def test_no_path_leads_to_a_file(stage, cookie, file, way):
    path = way.format(up="../../../", file=file, root=stage.root)
    answer = get(stage, cookie, path)
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 405")), answer[:200]
    for words in (b"roles:", b"SQLite format", b'"tokens"'):
        assert words not in answer


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "%ff%fe", "%f0%9f%92%a3", "..", ".", "%2e%2e", "x" * 3000, "-i", "<script>", "%0d%0aX-Evil:%201", "'%20OR%201=1--", "{{7*7}}", "monitor", "last"],
)  # fmt: skip
def test_a_name_that_is_none_is_not_there(stage, cookie, run, name):
    for path in (f"/runs/{name}", f"/runs/{name}/events", f"/runs/{name}/live", f"/runs/{name}/report", f"/runbooks/{name}", f"/runs/{run}/output/{name}/1", f"/runs/{run}/output/{name}/99999999999999999999"):  # fmt: skip
        answer = get(stage, cookie, path)
        assert answer.split(b"\r\n")[0].split()[1] in {b"404", b"400", b"303", b"200"}, (path, answer[:300])
        if b" 200 " in answer.split(b"\r\n")[0]:
            assert path.endswith("/."), path  # (that is the list of them, for a client that takes the dot away)
        assert b"\r\nX-Evil" not in answer
        assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "query", ["page=-1", "page=x", "before=%00", "before='", "status=<b>", "runbook=" + "x" * 3000, "a=1&" * 500]
)
def test_a_query_that_is_none_is_no_defect(stage, cookie, query):
    answer = get(stage, cookie, f"/?{query}")
    assert answer.split()[1] in {b"200", b"404", b"400"}, answer[:300]
    assert b"<b>" not in answer


@pytest.mark.parametrize(
    "request_text",
    [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"POST /login HTTP/1.1\r\nHost: H\r\nOrigin: O\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 200) for n in range(400)) + b"\r\n", b"CONNECT evil.example:443 HTTP/1.1\r\nHost: H\r\n\r\n", b"GET / HTTP/1.1\r\nHost: H\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
)  # fmt: skip
def test_a_request_that_is_none_is_refused_and_the_next_one_is_served(stage, request_text):
    host = stage.url.removeprefix("http://").encode()
    answer = raw(
        stage, request_text.replace(b"Host: H", b"Host: " + host).replace(b"Origin: O", b"Origin: http://" + host)
    )
    assert not answer.startswith(b"HTTP/1.1 2"), answer[:200]
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
    with stage.browser() as nobody:
        assert nobody.get("/healthz").status_code == 200


def test_forms_have_their_limits(stage, run):
    with stage.login("eli") as eli:
        url, csrf = f"/runs/{run}/pause", stage.csrf(eli)
        assert eli.post(url, content=b"csrf=x", headers={"content-type": "text/plain"}).status_code == 415
        assert eli.post(url, json={"csrf": csrf}).status_code == 415
        assert eli.post(url, files={"csrf": (None, csrf)}).status_code == 415
        assert eli.post(url, data={"csrf": csrf, "reason": "x" * 70_000}).status_code == 413
        assert eli.post(url, data={f"f{n}": "x" for n in range(30)}).status_code == 400
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert eli.post(url, content=b"csrf=\xff\xfe", headers=form).status_code == 400
        assert eli.post(url, content=iter([b"csrf=", b"x" * 70_000]), headers=form).status_code == 413
        assert eli.get(url).status_code == 405
        assert eli.put(url).status_code == 405
        assert eli.post("/", data={"csrf": csrf}).status_code == 405


def test_what_a_task_printed_does_not_act(stage, place, run):
    plain = place.run("plain")
    with stage.login("vera") as vera:
        text = vera.get(f"/runs/{plain}/output/greet@localhost/1")
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert text.headers["content-security-policy"].startswith("sandbox")
        assert "hello\\x1b[31m\\x00<b>" in text.text
        scripts = [vera.get(path).text for path in (f"/runs/{run}", f"/runs/{run}/live", f"/runs/{run}/report", f"/runs/{run}/task?task=probe@localhost")]  # fmt: skip
    for page in scripts:
        assert "<script>alert" not in page
        assert "<b>Move" not in page
        assert "\x1b" not in page
    assert "&lt;script&gt;alert" in scripts[3]
    assert "&lt;b&gt;Move&lt;/b&gt;?" in scripts[0]


def test_what_people_write_does_not_act(stage, place, run):
    words = "</textarea><script>alert(2)</script>\u202e{{7*7}}"
    with stage.login("eli") as eli:
        assert stage.say(eli, f"/runs/{run}/notes", answer="note", text=words).status_code == 303
        assert stage.say(eli, f"/runs/{run}/pause", reason=words).status_code == 303
        for path in ("", "/live", "/report"):
            page = eli.get(f"/runs/{run}{path}").text
            assert "<script>alert" not in page
            assert "\u202e" not in page
        refused = stage.say(eli, f"/runs/{run}/holds/{quote(words, safe='')}", decision="skip", reason="x")
        assert refused.status_code == 409
        assert "<script>alert" not in refused.text
        assert stage.say(eli, f"/runs/{run}/continue").status_code == 303
    assert place.events(run)[-1].event.kind == "run.continued"


def test_a_client_that_says_half_a_form_holds_nobody_up(stage, run):
    host, _, port = stage.url.removeprefix("http://").partition(":")
    with stage.login("eli") as eli:
        cookie = f"{stage.desk.settings.cookie}={eli.cookies[stage.desk.settings.cookie]}"
        half = f"POST /runs/{run}/pause HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {stage.url}\r\nCookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ncsrf="
        opened = [socket.create_connection((host, int(port)), timeout=60) for _ in range(60)]
        for connection in opened:
            connection.sendall(half.encode())
        assert eli.get(f"/runs/{run}").status_code == 200
        for connection in opened:
            connection.close()
        assert eli.get(f"/runs/{run}").status_code == 200


def test_no_secret_of_a_login_is_printed(stage, capfd):
    with stage.login("dana") as dana:
        dana.get("/")
        stage.say(dana, "/runs/none/pause")
        assert dana.post("/login", data={"token": "dana.wrong-secret"}).status_code == 401
    told = "".join(capfd.readouterr())
    assert "wrong-secret" not in told
    assert (
        subprocess.run(["grep", "-r", "-l", "wrong-secret", stage.root], capture_output=True, check=False).returncode
        == 1
    )


class Strict:
    """A journal whose database refuses to look for a NUL, as PostgreSQL does."""

    def __init__(self, journal):
        self._journal = journal

    def __getattr__(self, name):
        found = getattr(self._journal, name)

        def asked(*words, **more):
            if any("\x00" in word for word in words if isinstance(word, str)):
                raise JournalError("text fields cannot contain NUL bytes")
            return found(*words, **more)

        return asked if callable(found) else found


def test_no_database_is_asked_for_a_name_that_none_can_have(place, run):
    with (
        served(place.root, journal=lambda: Strict(open_project(place.root).journal())) as stage,
        stage.login("vera") as vera,
    ):
        for path in (
            f"/runs/{run}/output/a%00b/1",
            f"/runs/{run}/task?task=%00",
            "/?before=%00",
            "/journal?run=%00",
            "/runs/%00",
        ):
            assert vera.get(path).status_code == 404, path
        assert vera.get(f"/runs/{run}").status_code == 200


@pytest.mark.parametrize("task", ["x" * 30_000, "x " * 15_000, "x" * 900, "<b> " * 200])
def test_a_refusal_does_not_repeat_all_that_was_sent(stage, run, task):
    with stage.login("dana") as dana:
        for answer in ("approve", "pass", "retry", "done"):
            told = stage.say(dana, f"/runs/{run}/answer", answer=answer, task=task)
            assert 400 <= told.status_code < 500, (answer, told.text)
            assert len(told.text) < 8000
            assert task.strip() not in told.text
            assert "x" * 201 not in told.text
