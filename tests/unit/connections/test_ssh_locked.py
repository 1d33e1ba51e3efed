"""Which keys a person has to be asked for: those without whose passphrase a host can't be reached."""

import os
import subprocess

import pytest

from runbook_engine.connections.ssh_locked import agent_blobs, is_locked, keys_to_unlock, public_blob
from runbook_engine.connections.ssh_settings import SshSettings
from runbook_engine.sdk import Target


def make(path, passphrase="", kind="ed25519", form="RFC4716"):
    path.parent.mkdir(parents=True, exist_ok=True)
    more = ["-m", form] if form != "RFC4716" else []
    words = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, *more, "-f", str(path)]
    subprocess.run(words, check=True)
    return path


@pytest.fixture
def locked(tmp_path):
    return make(tmp_path / "locked", "open sesame")


@pytest.fixture
def ask(tmp_path):
    settings = SshSettings(home=tmp_path / "home", config=(), known_hosts=(), agent=False)

    def go(*variables):
        return keys_to_unlock([Target(name=f"h{n}", variables=one) for n, one in enumerate(variables)], settings)

    return go


@pytest.mark.parametrize(
    ("kind", "form"), [("ed25519", "RFC4716"), ("rsa", "RFC4716"), ("rsa", "PEM"), ("rsa", "PKCS8")]
)
def test_a_locked_key_is_told_from_an_open_one_in_every_format(tmp_path, kind, form):
    assert is_locked(make(tmp_path / "a", "open sesame", kind, form))
    assert not is_locked(make(tmp_path / "b", "", kind, form))
    expected = (tmp_path / "a.pub").read_text().split()[1]
    import base64

    assert base64.b64encode(public_blob(tmp_path / "a")).decode() == expected


@pytest.mark.parametrize(
    "content",
    [b"", b"no key", b"-----BEGIN OPENSSH PRIVATE KEY-----\n!!\n", b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3A="],
)
def test_what_is_no_key_is_neither_locked_nor_public(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert not is_locked(tmp_path / "x")
    assert public_blob(tmp_path / "x") is None
    assert not is_locked(tmp_path / "none")


def test_each_key_is_asked_for_once(ask, locked):
    key = {"ansible_ssh_private_key_file": str(locked)}
    assert ask(key, {**key, "ansible_port": 2222}, {**key, "ansible_user": "other"}) == (locked,)


@pytest.mark.parametrize(
    "more",
    [{"ansible_private_key_passphrase": "x"}, {"ansible_ssh_private_key_passphrase": "x"}, {"ansible_password": "x"}],
)
def test_a_variable_spares_the_question(ask, locked, more):
    assert ask({"ansible_ssh_private_key_file": str(locked), **more}) == ()


def test_a_default_key_is_asked_for_when_it_is_the_only_way(ask, tmp_path):
    only = make(tmp_path / "home" / ".ssh" / "id_ed25519", "open sesame")
    assert ask({}) == (only,)
    make(tmp_path / "home" / ".ssh" / "id_rsa", "", "rsa")
    assert ask({}) == ()


def test_a_jump_hosts_key_is_asked_for_too(tmp_path, locked):
    config = tmp_path / "config"
    config.write_text(f"Host jump\n  HostName 10.0.0.1\n  IdentityFile {locked}\n")
    settings = SshSettings(home=tmp_path / "home", config=(config,), known_hosts=(), agent=False)
    target = Target(name="inner", variables={"jump_host": "jump", "ansible_password": "x"})
    assert keys_to_unlock([target], settings) == (locked,)


def test_a_host_whose_variables_are_wrong_asks_nothing(ask, locked):
    assert ask({"ansible_ssh_private_key_file": str(locked), "ansible_port": "abc"}) == ()


def test_no_agent_has_no_keys(tmp_path):
    assert agent_blobs(str(tmp_path / "none")) == ()


def test_a_pipe_is_no_key_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "key")
    assert public_blob(tmp_path / "key") is None
    assert not is_locked(tmp_path / "key")
