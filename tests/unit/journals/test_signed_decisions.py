"""What verification says of a decision whose signature is another's, is about something else, or was changed."""

from datetime import UTC, datetime

import pytest
from support.person_keys import make_key

from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import Actor, AttemptStarted, HoldResolved, LeaseTaken, RunOpened, TaskResolved
from runbook_engine.model.signed_answer import sealed
from runbook_engine.model.signed_decision import decision_statement

RUN = "20261123-100000-failover-aaaa"
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
DANA = Actor(name="dana")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"))


def sign(event, key, person="dana"):
    text = decision_statement(RUN, event, person, AT)
    return event.model_copy(update={"signature": sealed(text, AT, key.sign(text.encode()))})


def skip(number=1, **more):
    return HoldResolved(
        task="a@x", decision="skip", reason="known", number=number, roles=("director",), fingerprint="f", **more
    )


def problems(key, *events, actor=DANA):
    """Write a run in which attempt 1 of a@x was made, then the events; gives what verification finds."""
    journal = MemoryJournal()
    opened = RunOpened(runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1")
    journal.open_run(RUN, opened, DANA)
    begun = [LeaseTaken(holder="x", fence=1, signers={"dana": (key.fingerprint,)}), attempt(1)]
    journal.append(RUN, begun, Actor(kind="engine", name="engine"))
    for event in events:
        journal.append(RUN, [event], actor)
    found = journal.verify()
    assert {damage.kind for damage in found} <= {"signature"}
    return [damage.problem for damage in found]


def attempt(number):
    return AttemptStarted(task="a@x", number=number, token="t")


@pytest.mark.parametrize("event", [skip(), TaskResolved(task="a@x", number=1, truth="done", fingerprint="f")])
def test_a_signed_decision_is_in_order_and_so_is_an_unsigned_one(key, event):
    assert problems(key, sign(event, key)) == []
    assert problems(key, event) == []


def test_what_was_changed_after_it_was_signed_is_told(key):
    signed = sign(skip(), key)
    for change in ({"reason": "other"}, {"decision": "ignore"}, {"roles": ()}, {"fingerprint": "g"}):
        (problem,) = problems(key, signed.model_copy(update=change))
        assert "is not what the answer says" in problem
    (problem,) = problems(key, signed, actor=Actor(name="eli"))
    assert "is not what the answer says" in problem


def test_a_signature_is_none_for_the_next_attempt(key):
    signed = sign(skip(), key)
    (problem,) = problems(key, signed, attempt(2), signed)
    assert "signed for attempt 1, and is about attempt 2" in problem


def test_a_key_that_was_not_the_persons_is_told(key, tmp_path):
    foreign = make_key(tmp_path)
    (problem,) = problems(key, sign(skip(), foreign))
    assert f"{foreign.fingerprint} was no key of dana" in problem
