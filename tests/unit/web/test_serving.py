"""What may be served where: nothing goes to other machines in the clear, or under a name that nobody said."""

from pathlib import Path

import pytest

from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.web.server import Certificate, listen
from runbook_engine.web.serving import Wanted, _check, _origins

TLS = (Path("chain.pem"), Path("key.pem"))
PUBLIC = "https://dr.example.com"


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("127.0.0.1", 0),
        Wanted("::1", 0),
        Wanted("127.0.0.1", 0, certificate=TLS, public_url=PUBLIC),
        Wanted("127.0.0.1", 0, proxies=("127.0.0.1",), public_url=PUBLIC),
        Wanted("10.0.0.5", 0, allow_remote=True, certificate=TLS),
        Wanted("10.0.0.5", 0, allow_remote=True, proxies=("10.0.0.9",), public_url=f"{PUBLIC}/"),
        Wanted("0.0.0.0", 0, allow_remote=True, certificate=TLS, public_url="https://dr.example.com:8420"),
    ],
)
def test_what_is_safe_may_be_served(wanted):
    _check(wanted)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Wanted("10.0.0.5", 0), "this one alone"),
        (Wanted("10.0.0.5", 0, certificate=TLS), "this one alone"),
        (Wanted("10.0.0.5", 0, allow_remote=True), "need TLS"),
        (Wanted("127.0.0.1.example.com", 0), "this one alone"),
        (Wanted("0.0.0.0", 0, allow_remote=True, certificate=TLS), "which name"),
        (Wanted("10.0.0.5", 0, allow_remote=True, public_url=PUBLIC), "nothing here ends it"),
        (Wanted("127.0.0.1", 0, public_url=PUBLIC), "nothing here ends it"),
        (Wanted("127.0.0.1", 0, proxies=("127.0.0.1",)), "under its name"),
        (Wanted("127.0.0.1", 0, proxies=("127.0.0.1",), certificate=TLS, public_url=PUBLIC), "under its name"),
        (Wanted("127.0.0.1", 0, certificate=(Path("chain.pem"), None)), "belong together"),
        *(
            (Wanted("127.0.0.1", 0, certificate=TLS, public_url=url), "no address")
            for url in ("http://dr.example.com", "https://", "dr.example.com", "https://dr.example.com/x", "https://a@dr.example.com", "https://dr.example.com?x=1", "https://dr.example.com:0", "https://[")
        ),
    ],
)  # fmt: skip
def test_what_is_not_safe_is_refused_in_words(wanted, why):
    with pytest.raises(UsageError, match=why) as refused:
        _check(wanted)
    assert refused.value.exit_code == 2


def test_browsers_may_use_these_addresses_and_no_other():
    assert _origins(Wanted("127.0.0.1", 0), 8420) == ("http://127.0.0.1:8420", "http://localhost:8420")
    assert _origins(Wanted("::1", 0), 8420) == ("http://[::1]:8420", "http://localhost:8420", "http://127.0.0.1:8420")
    assert _origins(Wanted("10.0.0.5", 0, certificate=TLS), 8420) == ("https://10.0.0.5:8420",)
    assert _origins(Wanted("10.0.0.5", 0, public_url="https://DR.example.com:443/"), 8420) == (PUBLIC,)


def test_an_address_that_is_taken_is_told(tmp_path):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1 port {port}: Address already in use"):
            listen("127.0.0.1", port)
    with pytest.raises(UsageError, match="no address of this machine"):
        listen("no-such-host.invalid", 0)
    with pytest.raises(UsageError, match=r"can't be served at 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_a_certificate_that_is_none_is_told(tmp_path):
    (tmp_path / "chain.pem").write_text("no certificate")
    with pytest.raises(InvalidInputError, match="TLS can't be served"):
        Certificate(tmp_path / "chain.pem", tmp_path / "gone.pem").check()
    with pytest.raises(InvalidInputError, match="TLS can't be served"):
        Certificate(tmp_path / "chain.pem", tmp_path / "chain.pem").check()
