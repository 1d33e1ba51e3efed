"""Where requests come from: names, senders, reverse proxies."""

import pytest

from runbook_engine.web.security.origin import client_address, host_problem, is_loopback, sender_problem
from runbook_engine.web.settings import Settings

OURS = "http://127.0.0.1:8420"
HERE = Settings(origins=(OURS, "http://localhost:8420"))
PUBLIC = Settings(origins=("https://dr.example.com",), proxies=frozenset({"10.0.0.9"}))


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost:8420", "LOCALHOST:8420"])
def test_our_own_names_are_taken(host):
    assert host_problem({"host": host}, HERE) == ""


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "localhost",
        "evil.example",
        "evil.example:8420",
        "127.0.0.1:8420.evil.example",
        "x@127.0.0.1:8420",
    ],
)
def test_names_that_lead_here_and_are_not_ours_are_refused(host):
    assert host_problem({"host": host}, HERE)


def test_the_usual_port_may_be_left_out_or_not():
    assert host_problem({"host": "dr.example.com"}, PUBLIC) == ""
    assert host_problem({"host": "dr.example.com:443"}, PUBLIC) == ""
    assert host_problem({"host": "dr.example.com:8420"}, PUBLIC)
    assert PUBLIC.secure
    assert not HERE.secure
    assert PUBLIC.cookie.startswith("__Host-")


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"origin": OURS}, True),
        ({"origin": OURS, "sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://localhost:8420"}, True),
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"origin": "null"}, False),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "http://127.0.0.1:9999"}, False),
        ({"origin": "https://127.0.0.1:8420"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": OURS, "sec-fetch-site": "cross-site"}, False),
        ({"origin": OURS, "sec-fetch-site": "none"}, False),
    ],
)  # fmt: skip
def test_what_changes_something_comes_from_our_pages_alone(headers, taken):
    assert (sender_problem("POST", headers, HERE) == "") is taken
    assert (sender_problem("DELETE", headers, HERE) == "") is taken


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}, False),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, False),
    ],
)  # fmt: skip
def test_other_sites_may_link_to_us_and_not_fetch_from_us(headers, taken):
    assert (sender_problem("GET", headers, HERE) == "") is taken


def test_who_passes_by_the_proxy_is_refused_and_its_word_is_believed_for_one_address():
    said = {"x-forwarded-for": "6.6.6.6, 192.0.2.7"}
    assert client_address("192.0.2.7", said, HERE) == "192.0.2.7"
    assert client_address("6.6.6.6", said, HERE) == "6.6.6.6"
    assert client_address("192.0.2.7", said, PUBLIC) is None
    assert client_address("10.0.0.9", said, PUBLIC) == "192.0.2.7"
    assert client_address("10.0.0.9", {}, PUBLIC) == "10.0.0.9"


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.5", False), ("::", False), ("127.0.0.1.evil.example", False)],
)  # fmt: skip
def test_what_is_this_machines_own(host, own):
    assert is_loopback(host) is own
