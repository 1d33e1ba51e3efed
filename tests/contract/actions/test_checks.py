"""http.check, tcp.check, wait.until and status_page.check against real servers."""

import codecs
import hashlib
import json

import pytest

from runbook_engine.actions.http_check import HttpCheck
from runbook_engine.actions.status_page import StatusPageCheck
from runbook_engine.actions.tcp_check import TcpCheck
from runbook_engine.actions.wait_until import WaitUntil
from runbook_engine.sdk import ActionFailedError


def look(action, params, context):
    params = action.Params.model_validate(params)
    return action.check(params, context.reading(action, params))


def test_health_page(real, serve):
    url = serve(lambda _: (200, {"Content-Type": "application/json"}, b'{"db": "ok"}'))
    assert look(HttpCheck(), {"url": f"{url}/health", "json": {"db": "ok"}, "in_a_row": 3}, real()).satisfied
    finding = look(HttpCheck(), {"url": f"{url}/health", "json": {"db": "missing"}}, real())
    assert finding.summary == f'{url}/health: db is "ok" instead of "missing"'


def test_redirects_are_not_followed_beyond_the_limit(real, serve):
    url = serve(lambda path: (302, {"Location": path + "x"}, b""))
    finding = look(HttpCheck(), {"url": f"{url}/", "redirects": 3}, real())
    assert finding.status == "unsatisfied"
    assert "redirect" in finding.summary


def test_text_that_is_sought_in_a_body_that_was_cut_off(real, serve):
    body = b"x" * 10_000_000 + b"needle"
    url = serve(lambda _: (200, {}, body))
    finding = look(HttpCheck(), {"url": url, "body_contains": "needle", "body_matches": "need+le"}, real())
    cut = "(it was cut off after 10000000 bytes; the rest was not read)"
    assert finding.summary == f"{url}: the body does not hold 'needle' {cut}; the body does not match 'need+le' {cut}"


def test_text_that_is_not_in_a_whole_body(real, serve):
    url = serve(lambda _: (200, {}, b"hay"))
    finding = look(HttpCheck(), {"url": url, "body_contains": "needle"}, real())
    assert finding.summary == f"{url}: the body does not hold 'needle'"


def test_closed_port_and_open_port(real, serve):
    port = int(serve(lambda _: (200, {}, b"")).rpartition(":")[2])
    assert look(TcpCheck(), {"host": "127.0.0.1", "port": port}, real()).satisfied
    assert not look(TcpCheck(), {"host": "127.0.0.1", "port": port, "state": "closed"}, real()).satisfied


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_name_that_does_not_exist_is_told(real, host):
    assert look(TcpCheck(), {"host": host, "port": 80}, real()).status == "unsatisfied"


def test_wait_until_the_page_is_well(real, serve, step):
    state = {"status": 503}

    def recover():
        state["status"] = 200

    url = serve(lambda _: (state["status"], {}, b""))
    context = real(on_pause=recover)
    assert step(WaitUntil(), {"http": {"url": url}, "poll": "5s"}, context)[0] == "changed"
    assert "status 503" in context.progress_texts[0]


def test_wait_until_gives_up_with_what_it_saw_last(real, serve):
    url = serve(lambda _: (503, {}, b""))
    action = WaitUntil()
    with pytest.raises(ActionFailedError, match=r"waited 1m in vain, last seen: http.*status 503"):
        action.apply(action.Params.model_validate({"http": {"url": url}}), real(timeout=60.0))


def aws_feed(region):
    events = [
        {"arn": f"arn:aws:health:{region}::event/EC2/X/1", "status": "3", "summary": "Größere Störung", "date": "1"},
    ]
    return codecs.BOM_UTF16_BE + json.dumps(events, ensure_ascii=False).encode("utf-16-be")


def test_aws_feed_is_read_in_its_own_encoding(real, serve):
    body = aws_feed("us-east-1")
    url = serve(lambda _: (200, {"Content-Type": "application/json;charset=utf-16"}, body))
    params = {"provider": "aws", "url": f"{url}/public/currentevents", "region": "us-east-1", "expect": "degraded"}
    finding = look(StatusPageCheck(), params, real())
    assert finding.satisfied
    assert finding.evidence["sha256"] == hashlib.sha256(body).hexdigest()
    assert "Größere Störung" in finding.evidence["raw"]
    assert finding.outputs["events"][0]["summary"] == "Größere Störung"
    assert look(StatusPageCheck(), {**params, "region": "eu-west-1"}, real()).status == "unsatisfied"


def test_page_that_is_down_is_unknown(real):
    params = {"provider": "aws", "url": "http://127.0.0.1:1/", "expect": "degraded"}
    finding = look(StatusPageCheck(), params, real())
    assert finding.status == "unknown"
    assert "unknown" in finding.summary


def test_several_sources_are_kept_as_evidence_each_with_its_raw_answer(real, serve):
    body = aws_feed("us-east-1")
    answers = {"/feed": (200, {}, body), "/health": (503, {"Retry-After": "120"}, b"down")}
    url = serve(lambda path: answers[path])
    params = {
        "provider": "aws",
        "url": f"{url}/feed",
        "region": "us-east-1",
        "expect": "degraded",
        "also": [
            {"provider": "probe", "url": f"{url}/health"},
            {"provider": "statuspage", "url": "http://127.0.0.1:1"},
        ],
    }
    finding = look(StatusPageCheck(), params, real())
    assert finding.satisfied
    feed, probe, page = finding.evidence["sources"]
    assert (feed["state"], feed["sha256"]) == ("active", hashlib.sha256(body).hexdigest())
    assert (probe["state"], probe["raw"], probe["retry_after"]) == ("active", "down", "120")
    assert page["state"] == "unknown"
    assert finding.evidence["quorum"] == 2


def test_a_raw_answer_that_is_cut_says_so(real, serve):
    url = serve(lambda _: (200, {}, b"[" + b" " * 300_000 + b"]"))
    finding = look(StatusPageCheck(), {"provider": "aws", "url": f"{url}/"}, real())
    assert (finding.evidence["bytes"], len(finding.evidence["raw"]), finding.evidence["raw_cut"]) == (
        300_002,
        256 * 1024,
        True,
    )
