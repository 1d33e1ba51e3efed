"""Signing with a key's file or by an agent: ssh-keygen accepts what was signed, and what can't be is said."""

import pytest
from support.person_keys import KINDS, agent_with, make_key

from runbook_engine.connections.ssh_sign import NoKeyError, sign
from runbook_engine.model.ssh_signature import armor, key_blob, to_be_signed

MESSAGE = '{"person":"däna"}'.encode()


def signed(key, *, files=(), agent=None, ask=None):
    return armor(*sign(to_be_signed(MESSAGE), usable={key_blob(key.line)}, files=files, agent=agent, ask=ask))


def unasked(question):
    pytest.fail(f"asked: {question}")


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_accepts_what_a_file_signed(kind, tmp_path):
    key = make_key(tmp_path, kind)
    signature = signed(key, files=[key.path], ask=unasked)
    assert key.accepts(signature, MESSAGE)
    assert not key.accepts(signature, MESSAGE + b"x")


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_accepts_what_an_agent_signed(kind, tmp_path):
    key, other = make_key(tmp_path, kind), make_key(tmp_path, name="other")
    with agent_with(other, key) as agent:
        assert key.accepts(signed(key, agent=agent), MESSAGE)


def test_the_agent_goes_before_a_file_that_would_have_to_be_opened(tmp_path):
    locked = make_key(tmp_path, passphrase="secret")
    open_one = make_key(tmp_path, name="open")
    with agent_with(open_one) as agent:
        signature = signed(open_one, files=[locked.path], agent=agent, ask=unasked)
    assert open_one.accepts(signature, MESSAGE)


def test_a_public_file_stands_for_the_key_that_the_agent_has(tmp_path):
    key = make_key(tmp_path)
    with agent_with(key) as agent:
        key.path.unlink()
        assert key.accepts(signed(key, files=[key.path.with_suffix(".pub")], agent=agent), MESSAGE)
    with pytest.raises(NoKeyError, match="none of the keys that count"):
        signed(key, files=[key.path.with_suffix(".pub")])


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_locked_key_asks_for_its_passphrase(kind, tmp_path):
    key = make_key(tmp_path, kind, passphrase="secret")
    questions = []

    def answer(question):
        questions.append(question)
        return "secret"

    assert key.accepts(signed(key, files=[key.path], ask=answer), MESSAGE)
    assert questions == [f"Passphrase of {key.path}:"]
    with pytest.raises(NoKeyError, match="passphrase is wrong"):
        signed(key, files=[key.path], ask=lambda _: "guess")
    with pytest.raises(NoKeyError, match="nobody is here to ask"):
        signed(key, files=[key.path])


def test_a_key_that_does_not_count_is_never_used(tmp_path):
    key, other = make_key(tmp_path), make_key(tmp_path, name="other")
    with agent_with(other) as agent, pytest.raises(NoKeyError, match=r"none of the keys that count.*other") as caught:
        signed(key, files=[other.path], agent=agent)
    assert "--key" in caught.value.hint


def test_an_agent_that_refuses_is_told_from_none(tmp_path):
    key = make_key(tmp_path)
    with agent_with(key, confirm=True) as agent, pytest.raises(NoKeyError, match="refused to sign"):
        signed(key, agent=agent)
    with pytest.raises(NoKeyError, match="none of the keys"):
        signed(key, agent=str(tmp_path / "nobody.sock"))
