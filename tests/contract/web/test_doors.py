"""Who is let in, and who is not: without a login, from elsewhere, with somebody else's secrets."""

import httpx
import pytest
from support.dashboard import TEAM, served
from support.ticks import Ticks

from runbook_engine.web.security.token_file import remove_token
from runbook_engine.web.security.tokens import new_token

PAGES = ["/", "/runbooks", "/runbooks/gated", "/compliance", "/journal"]


def run_pages(run):
    return [f"/runs/{run}{rest}" for rest in ("", "/live", "/report", "/tasks?step=probe", "/task?task=probe@localhost", "/output/probe@localhost/1")]  # fmt: skip


@pytest.fixture(scope="module")
def run(place):
    return place.run("gated")


def test_without_a_login_there_is_only_the_door(stage, run):
    with stage.browser() as nobody:
        for path in [*PAGES, *run_pages(run), f"/runs/{run}/events", "/metrics", "/nothing", "/runs/none"]:
            answer = nobody.get(path)
            assert (answer.status_code, answer.text) == (401, "log in first\n"), path
            led = nobody.get(path, headers={"accept": "text/html"})
            assert (led.status_code, led.text) == (303, ""), path
            assert led.headers["location"].startswith("/login"), path
        assert nobody.post(f"/runs/{run}/pause", data={"csrf": ""}).status_code == 401
        page = nobody.post(f"/runs/{run}/pause", data={"csrf": ""}, headers={"accept": "text/html"})
        assert (page.status_code, "not logged in any more, and nothing was recorded" in page.text) == (401, True)
        assert f'href="/login?next=%2Fruns%2F{run}"' in page.text
        assert (nobody.get("/healthz").status_code, nobody.get("/healthz").text) == (200, "ok\n")
        assert nobody.get("/login").status_code == 200


def test_who_is_logged_in_sees_every_page(stage, run):
    with stage.login("vera") as vera:
        for path in [*PAGES, *run_pages(run), "/metrics"]:
            answer = vera.get(path)
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert "server" not in answer.headers


def test_pages_may_run_nothing_that_stands_in_them(stage, run):
    with stage.login("vera") as vera:
        policy = vera.get("/").headers["content-security-policy"]
        document = vera.get(f"/runs/{run}/report").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert document.startswith("sandbox; default-src 'none';")
    assert "script" not in document


def test_one_goes_on_where_one_wanted_to_go(stage, run):
    token = new_token(stage.root, "dana")
    with stage.browser(accept="text/html") as dana:
        door = dana.get(f"/runs/{run}?x=1").headers["location"]
        assert f"/runs/{run}?x=1" in dana.get(door).text
        answer = dana.post("/login", data={"token": token, "next": f"/runs/{run}?x=1"})
        assert answer.headers["location"] == f"/runs/{run}?x=1"
        again = dana.get("/login")
        assert (again.status_code, 'data-next="/"' in again.text) == (200, True)


@pytest.mark.parametrize(
    "there",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/login", "/a\r\nx: y", ""],
)
def test_nobody_is_led_elsewhere(stage, there):
    token = new_token(stage.root, "dana")
    with stage.browser() as dana:
        location = dana.post("/login", data={"token": token, "next": there}).headers["location"]
    assert location in {"/", "/a%0Ax:%20y", "/%5Cevil.example"}


def test_the_cookie_stays_with_the_browser(stage):
    token = new_token(stage.root, "dana")
    with stage.browser() as dana:
        cookie = dana.post("/login", data={"token": token}).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Max-Age" not in cookie
    assert "Domain" not in cookie


def test_a_session_is_a_new_one_whatever_the_browser_had(stage):
    token = new_token(stage.root, "dana")
    with stage.browser() as victim:
        victim.cookies.set(stage.desk.settings.cookie, "chosen-by-somebody-else")
        answer = victim.post("/login", data={"token": token})
        made = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert made != "chosen-by-somebody-else"
    with stage.browser(cookie=f"{stage.desk.settings.cookie}=chosen-by-somebody-else") as other:
        assert other.get("/").status_code == 401


def test_logging_in_again_ends_the_session_before(stage):
    token = new_token(stage.root, "dana")
    with stage.browser() as dana:
        dana.post("/login", data={"token": token})
        before = dana.cookies[stage.desk.settings.cookie]
        dana.post("/login", data={"token": token})
    assert stage.desk.sessions.find(before, used=False) is None


def test_logging_out_ends_the_session(stage):
    with stage.login("dana") as dana:
        cookie = dana.cookies[stage.desk.settings.cookie]
        assert dana.post("/logout", data={"csrf": "guessed"}).status_code == 403
        assert dana.get("/").status_code == 200
        assert stage.say(dana, "/logout").headers["location"] == "/login"
    with stage.browser(cookie=f"{stage.desk.settings.cookie}={cookie}") as left:
        assert left.get("/").status_code == 401


def test_a_one_time_link_is_used_once(stage):
    secret = stage.desk.links.make("dana")
    with stage.browser() as dana, stage.browser() as thief:
        assert dana.post("/login", data={"token": secret}).status_code == 303
        assert dana.get("/").status_code == 200
        again = thief.post("/login", data={"token": secret})
        assert again.status_code == 401
        assert "used or is too old" in again.text
        assert thief.get("/").status_code == 401


def test_a_session_ends_by_itself_and_an_open_page_does_not_keep_it(place, run):
    ticks = Ticks()
    with served(place.root, now=ticks, idle=100, longest=1000) as stage, stage.login("dana") as dana:
        ticks.later(60)
        assert dana.get(f"/runs/{run}/live").status_code == 200
        ticks.later(60)
        assert dana.get("/").status_code == 401


def test_a_token_that_is_taken_away_ends_the_session(place):
    ticks = Ticks()
    with served(place.root, now=ticks) as stage, stage.login("eli") as eli:
        assert eli.get("/").status_code == 200
        remove_token(place.root, "eli")
        ticks.later(1)
        assert eli.get("/").status_code == 401


def test_guessing_is_slowed_down(place):
    ticks = Ticks()
    with served(place.root, now=ticks) as stage, stage.browser() as guesser:
        token = new_token(place.root, "dana")
        for _ in range(8):
            assert guesser.post("/login", data={"token": "dana.guess"}).status_code == 401
        slowed = guesser.post("/login", data={"token": "dana.guess"})
        assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "300")
        assert guesser.get("/metrics", headers={"authorization": "Bearer dana.guess"}).status_code == 401
        ticks.later(300)
        assert guesser.post("/login", data={"token": "dana.guess"}).status_code == 401
        assert guesser.post("/login", data={"token": token}).status_code == 303


def test_who_guesses_keeps_nobody_out_at_the_same_address(place):
    with served(place.root, now=Ticks()) as stage, stage.browser() as guesser, stage.browser() as dana:
        token, secret = new_token(place.root, "dana"), stage.desk.links.make("dana")
        guesses = [guesser.post("/login", data={"token": "dana.guess"}).status_code for _ in range(9)]
        assert guesses == [401] * 8 + [429]
        assert dana.post("/login", data={"token": secret}).status_code == 303
        assert guesser.post("/login", data={"token": "dana.guess"}).status_code == 429
        assert dana.post("/login", data={"token": token}).status_code == 303


def test_a_program_with_a_wrong_token_keeps_only_itself_waiting(place):
    token = new_token(place.root, "vera")
    with served(place.root, now=Ticks()) as stage, stage.browser() as other:
        wrong = {"authorization": "Bearer vera.guess"}
        assert [other.get("/metrics", headers=wrong).status_code for _ in range(8)] == [401] * 8
        slowed = other.get("/metrics", headers=wrong)
        assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "300")
        assert other.post("/login", data={"token": "vera.guess"}).status_code == 401
        assert other.get("/metrics", headers={"authorization": f"Bearer {token}"}).status_code == 200


def test_nobody_is_logged_in_by_a_token_in_an_address(stage):
    token, secret = new_token(stage.root, "eli"), stage.desk.links.make("dana")
    with stage.browser() as victim:
        led = victim.post("/login", data={"token": token, "by": "link"})
        assert (led.status_code, "set-cookie" in led.headers) == (401, False)
        assert victim.post("/login", data={"token": secret, "by": "link"}).status_code == 303


def test_the_door_does_not_lead_on_with_what_stands_behind_the_number_sign(stage):
    with stage.login("dana") as dana:
        answer = dana.get("/login")
    assert (answer.status_code, "location" in answer.headers) == (200, False)
    assert "You are logged in as Dana" in answer.text


def test_metrics_are_read_with_a_token_and_nothing_else_is(stage):
    token = new_token(stage.root, "vera")
    with stage.browser(authorization=f"Bearer {token}") as prometheus:
        assert "runbook_" in prometheus.get("/metrics").text
        assert prometheus.get("/").status_code == 401
    with stage.browser(authorization="Bearer vera.guess") as other:
        assert other.get("/metrics").status_code == 401


def test_another_name_for_this_address_is_refused(stage):
    with stage.login("dana") as dana:
        for host in ("evil.example", f"evil.example:{stage.url.rpartition(':')[2]}", "127.0.0.1", ""):
            answer = dana.get("/", headers={"host": host})
            assert answer.status_code in {400, 421}, host
            assert "Runs" not in answer.text
    with stage.browser() as nobody:
        assert nobody.get("/healthz", headers={"host": "evil.example"}).status_code == 421


def test_another_page_can_have_nothing_done(stage, place, run):
    before = place.kinds(run)
    with stage.login("dana") as dana:
        good = {"csrf": stage.csrf(dana), "decision": "approve"}
        url = f"{stage.url}/runs/{run}/gates/declare"
        cookies = dict(dana.cookies)
        with httpx.Client(cookies=cookies, timeout=60) as elsewhere:
            for headers in (
                {},
                {"origin": "null"},
                {"origin": "https://evil.example"},
                {"origin": stage.url.replace("http:", "https:")},
                {"origin": f"{stage.url}.evil.example"},
                {"origin": stage.url, "sec-fetch-site": "cross-site"},
                {"referer": f"{stage.url}/"},
            ):
                assert elsewhere.post(url, data=good, headers=headers).status_code == 403, headers
    assert place.kinds(run) == before


def test_a_form_of_another_session_is_not_taken(stage, place, run):
    before = place.kinds(run)
    with stage.login("dana") as dana, stage.login("eli") as eli:
        old = stage.csrf(dana)
        for csrf in ("", "guessed", "ü", stage.csrf(eli)):
            answer = dana.post(f"/runs/{run}/gates/declare", data={"csrf": csrf, "decision": "approve"})
            assert answer.status_code == 403
            assert "older than your login" in answer.text
        dana.post("/login", data={"token": new_token(stage.root, "dana")})
        assert dana.post(f"/runs/{run}/gates/declare", data={"csrf": old, "decision": "approve"}).status_code == 403
    assert place.kinds(run) == before


def test_other_pages_may_not_fetch_from_us(stage):
    with stage.login("dana") as dana:
        for mode, dest in (("no-cors", "script"), ("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
            headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode, "sec-fetch-dest": dest}
            assert dana.get("/", headers=headers).status_code == 403
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        assert dana.get("/", headers=headers).status_code == 200


def test_a_team_that_can_not_be_read_lets_nobody_in(place):
    ticks = Ticks()
    with served(place.root, now=ticks) as stage, stage.login("dana") as dana:
        (place.root / "team.yml").write_text("people: [")
        try:
            ticks.later(1)
            answer = dana.get("/")
            assert answer.status_code == 503
            assert "team.yml is not valid" in answer.text
        finally:
            (place.root / "team.yml").write_text(TEAM)
        assert dana.get("/").status_code == 200
