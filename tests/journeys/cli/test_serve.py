"""`runbook serve` as it is started: its link, its tokens, its end, and where it may not be served."""

import re
import signal
import socket
import ssl
import subprocess
import time

import httpx
import pytest

TEAM = """\
roles: {director: {}, engineering: {}}
people:
  dana: {name: Dana, roles: [director]}
  vera: {name: Vera}
"""
SLOW = """\
runbook: slow
steps:
  - {id: ask, gate.approval: {roles: [director]}}
  - {id: loop, loop: "{{ range(30) | list }}", command.run: {argv: [sh, -c, "sleep 0.05; echo done"]}}
"""


class Served:
    """A dashboard's process, and a browser at it."""

    def __init__(self, runbook, *words):
        self.process = runbook.start("serve", "--port", "0", "--as", "dana", *words)
        self.link = self.process.stdout.readline().strip()
        self.url, _, self.secret = self.link.partition("/login#")
        self.browser = httpx.Client(base_url=self.url, headers={"origin": self.url}, timeout=60)

    def log_in(self, secret=None):
        return self.browser.post("/login", data={"token": secret or self.secret})

    def csrf(self, path="/"):
        return re.search(r'name="csrf" value="([^"]+)"', self.browser.get(path).text).group(1)

    def end(self, number=signal.SIGTERM):
        self.browser.close()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture
def project(runbook):
    runbook.write("team.yml", TEAM)
    runbook.write("runbooks/slow.yml", SLOW)
    return runbook


@pytest.fixture
def dashboard(project):
    served = Served(project)
    yield served
    if served.process.poll() is None:
        served.end(signal.SIGKILL)


def test_the_link_logs_one_person_in_and_the_run_is_led_from_the_browser(project, dashboard):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/login#[\w-]{43}", dashboard.link)
    assert dashboard.log_in().status_code == 303
    assert "Dana" in dashboard.browser.get("/").text
    run = project.start("run", "slow", "--yes", "--wait")
    try:
        ident = wait_for(lambda: re.search(r"/runs/([\w-]+)", dashboard.browser.get("/").text)).group(1)
        wait_for(lambda: "approve" in dashboard.browser.get(f"/runs/{ident}").text)
        form = {"csrf": dashboard.csrf(f"/runs/{ident}"), "answer": "approve", "task": "ask@localhost", "reason": "go"}
        assert dashboard.browser.post(f"/runs/{ident}/answer", data=form).status_code == 303
        run.communicate(timeout=120)
    finally:
        if run.poll() is None:
            run.kill()
    assert run.returncode == 0
    answer = project("report", ident, "--format", "json").json["gates"][0]["answers"][0]
    assert (answer["said"], answer["person"], answer["reason"]) == ("approved", "dana", "go")
    assert ", by the dashboard from 127.0.0.1" in answer["by"]["host"]


def test_two_hundred_watch_while_a_run_runs_and_the_end_comes_within_seconds(project, dashboard):
    assert dashboard.log_in().status_code == 303
    run = project.start("run", "slow", "--yes", "--wait")
    ident = wait_for(lambda: re.search(r"/runs/([\w-]+)", dashboard.browser.get("/").text)).group(1)
    watchers = [watch(dashboard, ident) for _ in range(200)]
    try:
        wait_for(lambda: project("status", ident, "--output", "json").json["gates"])
        assert project("approve", ident, "ask", "--as", "dana").status == 0
        run.communicate(timeout=120)
        assert run.returncode == 0
        last = project("audit", "log", ident, "--output", "json").json[-1]["seq"]
        for watcher in watchers:
            read_until(watcher, f"id: {last}\n".encode())
        dashboard.process.send_signal(signal.SIGTERM)
        for watcher in watchers:
            read_until(watcher, b"")
        status, said = dashboard.end()
        assert (status, "Traceback" in said) == (0, False)
    finally:
        for watcher in watchers:
            watcher.close()


def test_a_signal_ends_it_in_order(project):
    for number, code in ((signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)):
        status, said = Served(project).end(number)
        assert status == code
        assert "Traceback" not in said


def test_an_address_that_is_taken_ends_it_with_2(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = project("serve", "--port", str(port))
    assert told.status == 2
    assert f"can't be served at 127.0.0.1 port {port}: Address already in use" in told.err
    assert "--port 0 takes any that is free" in told.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--host", "0.0.0.0"), "reached by other machines"),
        (("--host", "192.0.2.1", "--allow-remote"), "other machines need TLS"),
        (("--public-url", "https://dr.example.com"), "nothing here ends it"),
        (("--tls-cert", "x.pem"), "belong together"),
        (("--as", "nobody"), "nobody in team.yml"),
        (("--new-token", "nobody"), "nobody in team.yml is called nobody"),
        (("--revoke-token", "dana"), "dana has no token"),
        (("--new-token", "dana", "--revoke-token", "dana"), "two commands"),
    ],
)
def test_what_may_not_be_served_is_refused_in_words(project, words, why):
    told = project("serve", "--port", "0", *words)
    assert told.status in {2, 3}
    assert why in told.err


def test_a_token_is_made_used_and_taken_away_while_it_runs(project, dashboard):
    made = project("serve", "--new-token", "vera")
    token = made.out.strip()
    assert (made.status, token.count("\n")) == (0, 0)
    assert dashboard.log_in(token).status_code == 303
    assert "Vera" in dashboard.browser.get("/").text
    assert project("serve", "--revoke-token", "vera").status == 0
    wait_for(lambda: dashboard.browser.get("/").status_code == 401)
    assert dashboard.log_in(token).status_code == 401
    status, said = dashboard.end()
    assert status == 0
    assert token.partition(".")[2] not in said


def test_a_certificate_serves_tls(project, tmp_path):
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    make += [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-out",
        chain,
        "-keyout",
        key,
    ]
    subprocess.run(make, check=True, capture_output=True, timeout=60)
    process = project.start("serve", "--port", "0", "--as", "dana", "--tls-cert", str(chain), "--tls-key", str(key))
    try:
        url, _, secret = process.stdout.readline().strip().partition("/login#")
        assert url.startswith("https://127.0.0.1:")
        trust = ssl.create_default_context(cafile=chain)
        with httpx.Client(base_url=url, headers={"origin": url}, verify=trust, timeout=60) as browser:
            answer = browser.post("/login", data={"token": secret})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-runbook")
            assert "; Secure" in cookie
            assert "max-age" in answer.headers["strict-transport-security"]
            assert browser.get("/").status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_who_comes_past_the_reverse_proxy_is_refused(project):
    process = project.start(
        "serve", "--port", "0", "--no-link", "--proxy", "192.0.2.1", "--public-url", "https://dr.example.com"
    )
    try:
        said = process.stderr.readline()
        assert "is at https://dr.example.com, and listens at 127.0.0.1 port " in said
        port = re.search(r"port (\d+)", said).group(1)
        headers = {"host": "dr.example.com", "x-forwarded-for": "192.0.2.1"}
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz", headers=headers, timeout=60)
        assert (answer.status_code, answer.text) == (403, "this dashboard is reached by its reverse proxy only\n")
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert out == ""


def wait_for(look):
    for _ in range(600):
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail("it never came to that")


def watch(dashboard, run):
    host, _, port = dashboard.url.removeprefix("http://").partition(":")
    cookies = "; ".join(f"{name}={value}" for name, value in dashboard.browser.cookies.items())
    watcher = socket.create_connection((host, int(port)), timeout=60)
    watcher.sendall(f"GET /runs/{run}/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n\r\n".encode())
    return watcher


def read_until(watcher, words):
    """Read until these words came; without words, to the end."""
    seen = b""
    while not words or words not in seen:
        part = watcher.recv(65536)
        if not part:
            assert not words, seen
            return
        seen += part
