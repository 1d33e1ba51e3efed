"""Gates that ask for a signature: what counts is decided by the journal alone, whoever wrote to it."""

import hashlib
from datetime import UTC, datetime

import pytest
from support.person_keys import make_key
from support.plans import plan_of, planned
from support.simulation import RUN, Do, FakeCatalog, Simulation, ended

from runbook_engine.actions.gate import Approval
from runbook_engine.model.event import AnswerRefused, GateApproved, GateDeclined, GateOpened
from runbook_engine.model.runbook import ActionCall
from runbook_engine.model.signed_answer import sealed, statement
from runbook_engine.model.team import Person, Team

TASK = "declare@localhost"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"))


def team_of(*keys):
    return Team(people={"dana": Person(name="Dana", roles=("director",), ssh_keys=tuple(key.line for key in keys))})


def simulation_of(team, *more_steps, make=ended, **params):
    call = ActionCall(name="gate.approval", params={"roles": ["director"], "signed": True, **params})
    plan = plan_of(planned("declare", action=call), *more_steps, planned("restore", needs=["declare"]))
    return Simulation(plan, catalog=FakeCatalog(Do(), Approval()), team=team, make=make)


def answer(simulation, key=None, kind=GateApproved):
    """Answer the gate as it is open now."""
    opened = simulation.kinds(GateOpened)[-1]
    said = kind(task=TASK, person="dana", role="director", fingerprint=opened.fingerprint)
    if key is None:
        return said
    at = datetime(2026, 1, 1, tzinfo=UTC)
    text = statement(RUN, opened, said, at)
    return said.model_copy(update={"signature": sealed(text, at, key.sign(text.encode()))})


def test_a_signed_approval_lets_the_run_go_on(key):
    simulation = simulation_of(team_of(key))
    assert simulation.advance() == "waiting"
    assert simulation.kinds(GateOpened)[0].signers == {"dana": (key.fingerprint,)}
    simulation.say(answer(simulation, key))
    assert simulation.advance() == "succeeded"
    assert simulation.journal.verify() == []


@pytest.mark.parametrize("kind", [GateApproved, GateDeclined])
def test_an_unsigned_answer_that_was_written_past_the_command_decides_nothing(key, kind):
    simulation = simulation_of(team_of(key))
    simulation.advance()
    simulation.say(answer(simulation, kind=kind))
    assert simulation.advance() == "waiting"
    assert [damage.kind for damage in simulation.journal.verify()] == ["signature"]


def test_a_run_that_goes_on_records_why_an_answer_is_void(key, tmp_path):
    foreign = make_key(tmp_path)

    def make(order):
        simulation.say(answer(simulation, foreign))
        return ended(order, seconds=60)

    simulation = simulation_of(team_of(key), planned("slow"), make=make)
    assert simulation.advance() == "waiting"
    (refused,) = simulation.kinds(AnswerRefused)
    assert (refused.person, refused.reason) == (
        "dana",
        f"{foreign.fingerprint} was no key of dana when the gate opened",
    )


def test_keys_that_changed_before_anybody_answered_make_the_gate_be_asked_anew(key, tmp_path):
    simulation = simulation_of(team_of(key))
    simulation.advance()
    new = make_key(tmp_path)
    simulation.team = team_of(new)
    assert simulation.advance() == "waiting"
    assert len(simulation.kinds(GateOpened)) == 2
    simulation.say(answer(simulation, new))
    assert simulation.advance() == "succeeded"


def test_a_key_that_left_the_team_after_the_answer_leaves_the_answer_standing(key):
    simulation = simulation_of(team_of(key))
    simulation.advance()
    simulation.say(answer(simulation, key))
    simulation.team = Team()
    assert simulation.advance() == "succeeded"
    assert len(simulation.kinds(GateOpened)) == 1
    assert simulation.journal.verify() == []


def test_a_signature_from_before_the_gate_expired_is_none_for_the_gate_asked_anew(key):
    simulation = simulation_of(team_of(key), expires="30m")
    simulation.advance()
    late = answer(simulation, key)
    simulation.clock.sleep(3600)
    assert simulation.advance() == "waiting"
    assert len(simulation.kinds(GateOpened)) == 2
    simulation.say(late)
    assert simulation.advance() == "waiting"


def test_a_gate_that_asks_for_no_signature_checks_one_that_is_given(key, tmp_path):
    simulation = simulation_of(team_of(key), signed=False)
    simulation.advance()
    simulation.say(answer(simulation, make_key(tmp_path)))
    assert simulation.advance() == "waiting"
    simulation.say(answer(simulation))
    assert simulation.advance() == "succeeded"


def test_damaged_armor_in_the_journal_is_a_finding_and_no_crash(key):
    simulation = simulation_of(team_of(key))
    simulation.advance()
    said = answer(simulation, key)
    broken = said.signature.model_copy(update={"armor": hashlib.sha256(b"x").hexdigest()})
    simulation.say(said.model_copy(update={"signature": broken}))
    assert simulation.advance() == "waiting"
    (damage,) = simulation.journal.verify()
    assert (damage.kind, "no SSH signature" in damage.problem) == ("signature", True)
