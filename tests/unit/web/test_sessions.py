"""Sessions, one-time links and tries to log in, by a clock that the test moves."""

from support.ticks import Ticks

from runbook_engine.web.security.links import OneTimeLinks
from runbook_engine.web.security.sessions import Sessions
from runbook_engine.web.security.tries import Tries


def test_a_session_ends_when_it_is_not_used():
    ticks = Ticks()
    sessions = Sessions(ticks, idle=100, longest=1000)
    made = sessions.begin("dana", "c")
    ticks.later(99)
    assert sessions.find(made, used=True).person == "dana"
    ticks.later(99)
    assert sessions.find(made, used=False).person == "dana"
    ticks.later(1)
    assert sessions.find(made, used=False) is None
    assert sessions.find(made, used=True) is None


def test_a_session_that_is_used_ends_all_the_same():
    ticks = Ticks()
    sessions = Sessions(ticks, idle=100, longest=250)
    made = sessions.begin("dana", "c")
    for _ in range(4):
        ticks.later(60)
        assert sessions.find(made, used=True) is not None
    ticks.later(10)
    assert sessions.find(made, used=True) is None


def test_sessions_share_nothing():
    sessions = Sessions(Ticks(), idle=100, longest=1000)
    first, second = sessions.begin("dana", "c"), sessions.begin("dana", "c")
    assert first != second
    assert sessions.find(first, used=True).csrf != sessions.find(second, used=True).csrf
    sessions.end(first)
    assert sessions.find(first, used=True) is None
    assert sessions.find(second, used=True) is not None
    sessions.end("unheard of")


def test_the_one_used_least_lately_goes_when_there_are_too_many():
    ticks = Ticks()
    sessions = Sessions(ticks, idle=10_000, longest=10_000)
    first, second = sessions.begin("dana", "c"), sessions.begin("eli", "c")
    ticks.later(1)
    sessions.find(first, used=True)
    for _ in range(999):
        sessions.begin("sam", "c")
    assert sessions.find(first, used=False) is not None
    assert sessions.find(second, used=False) is None


def test_a_link_lets_in_once_and_not_for_long():
    ticks = Ticks()
    links = OneTimeLinks(ticks, 600)
    secret, late = links.make("dana"), links.make("eli")
    assert links.use("guessed") is None
    assert links.use(secret) == "dana"
    assert links.use(secret) is None
    ticks.later(600)
    assert links.use(late) is None


def test_an_address_may_not_try_for_ever():
    ticks = Ticks()
    tries = Tries(ticks, most=3, seconds=100)
    assert [tries.take("192.0.2.1") for _ in range(3)] == [0, 0, 0]
    ticks.later(10)
    assert tries.take("192.0.2.1") == 90
    assert tries.take("192.0.2.2") == 0
    ticks.later(90)
    assert tries.take("192.0.2.1") == 0


def test_who_came_in_has_all_their_tries_again():
    tries = Tries(Ticks(), most=2, seconds=100)
    tries.take("192.0.2.1")
    tries.take("192.0.2.1")
    tries.forgive("192.0.2.1")
    assert tries.take("192.0.2.1") == 0


def test_one_machine_with_many_addresses_is_one_guesser():
    tries = Tries(Ticks(), most=2, seconds=100)
    assert [tries.take(f"2001:db8::{number}") > 0 for number in range(3)] == [False, False, True]
    assert tries.take("2001:db8:0:1::1") == 0
