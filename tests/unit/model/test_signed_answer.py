"""A signed answer counts for what was asked and said, by a key of the person's, and for nothing else."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from support.person_keys import make_key

from runbook_engine.model.event import EVENT, GateApproved, GateDeclined, GateOpened
from runbook_engine.model.signed_answer import UNSIGNED, answer_problem, sealed, signers, statement, usable_keys
from runbook_engine.model.team import Person, Team

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TASK = "declare@localhost"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def opened(key):
    return GateOpened(
        task=TASK,
        roles=("director",),
        message="Fail over?",
        expires_at=AT + timedelta(minutes=30),
        fingerprint="f" * 64,
        signed=True,
        signers={"dana": (key.fingerprint,)},
    )


def signed(key, opened, *, kind=GateApproved, run="r1"):
    answer = kind(task=TASK, person="dana", role="director", reason="by phöne", fingerprint="f" * 64)
    text = statement(run, opened, answer, AT)
    return answer.model_copy(update={"signature": sealed(text, AT, key.sign(text.encode()))})


@pytest.mark.parametrize("kind", [GateApproved, GateDeclined])
def test_a_signed_answer_counts(key, opened, kind):
    answer = signed(key, opened, kind=kind)
    assert answer_problem("r1", opened, answer) is None
    assert answer_problem("r1", opened, EVENT.validate_json(answer.model_dump_json())) is None
    said = json.loads(answer.signature.statement)
    assert said["decision"] == ("approved" if kind is GateApproved else "declined")
    assert (said["run"], said["plan"], said["gate"]["message"]) == ("r1", "f" * 64, "Fail over?")
    assert answer.signature.fingerprint == key.fingerprint


def test_an_unsigned_answer_counts_only_where_none_is_asked_for(opened):
    answer = GateApproved(task=TASK, person="dana", role="director", fingerprint="f" * 64)
    assert answer_problem("r1", opened, answer) == UNSIGNED
    assert answer_problem("r1", opened.model_copy(update={"signed": False}), answer) is None


@pytest.mark.parametrize(
    "change",
    [
        {"person": "eve"},
        {"role": "engineering"},
        {"reason": "by phone"},
        {"fingerprint": "e" * 64},
        {"task": "other@localhost"},
    ],
)
def test_a_signature_is_for_one_answer(key, opened, change):
    answer = signed(key, opened).model_copy(update=change)
    assert answer_problem("r1", opened, answer) == "what was signed is not what the answer says"


def test_a_signature_is_for_one_decision_of_one_run(key, opened):
    answer = signed(key, opened)
    turned = GateDeclined.model_validate({**answer.model_dump(), "kind": "gate.declined"})
    assert "not what the answer says" in answer_problem("r1", opened, turned)
    assert "not what the answer says" in answer_problem("r2", opened, answer)


@pytest.mark.parametrize(
    "change",
    [{"message": "Delete it?"}, {"quorum": 2}, {"roles": ("anybody",)}, {"expires_at": AT + timedelta(hours=1)}],
)
def test_a_signature_is_for_one_question(key, opened, change):
    assert "not what" in answer_problem("r1", opened.model_copy(update=change), signed(key, opened))


def test_a_statement_that_was_changed_with_its_answer_does_not_fit_the_signature(key, opened):
    answer = signed(key, opened)
    other = answer.model_copy(update={"reason": "because"})
    text = statement("r1", opened, other, AT)
    forged = other.model_copy(update={"signature": answer.signature.model_copy(update={"statement": text})})
    assert answer_problem("r1", opened, forged) == "the signature is not valid: it does not fit what was signed"


def test_a_key_that_was_none_of_the_persons_when_the_gate_opened_does_not_count(key, opened, tmp_path):
    foreign = make_key(tmp_path)
    assert "was no key of dana" in answer_problem("r1", opened, signed(foreign, opened))
    eves = opened.model_copy(update={"signers": {"eve": (key.fingerprint,)}})
    assert "was no key of dana" in answer_problem("r1", eves, signed(key, opened))


@pytest.mark.parametrize("name", ["key", "fingerprint"])
def test_the_recorded_key_must_be_the_one_that_signed(key, opened, name):
    answer = signed(key, opened)
    signature = answer.signature.model_copy(update={name: "other"})
    problem = answer_problem("r1", opened, answer.model_copy(update={"signature": signature}))
    assert problem == "the recorded key is not the one that signed"


def test_the_keys_that_count_are_those_of_people_with_a_role(key):
    people = {
        "dana": Person(name="Dana", roles=("director",), ssh_keys=(key.line, "sk-nonsense")),
        "eve": Person(name="Eve", roles=("engineering",), ssh_keys=(key.line,)),
        "finn": Person(name="Finn", roles=("director",)),
    }
    assert signers(Team(people=people), ("director",)) == {"dana": (key.fingerprint,)}
    assert len(usable_keys(people["dana"])) == 1
