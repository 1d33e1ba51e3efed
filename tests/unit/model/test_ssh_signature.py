"""Signatures: what ssh-keygen signs is accepted, and nothing that was changed, or was made for another purpose, is."""

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.person_keys import KINDS, PersonKey, keygen, make_key

from runbook_engine.model.ssh_signature import SignatureError, fingerprint, key_blob, key_line, verify

MESSAGE = '{"decision":"approved","person":"däna"}'.encode()


@pytest.fixture(scope="module", params=KINDS)
def key(request, tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"), request.param)


def test_what_ssh_keygen_signed_verifies_and_names_the_key(key):
    assert verify(key.sign(MESSAGE), MESSAGE) == key_blob(key.line)


def test_another_message_does_not_fit(key):
    with pytest.raises(SignatureError, match="does not fit what was signed"):
        verify(key.sign(MESSAGE), MESSAGE + b" ")


def test_a_signature_for_another_purpose_is_refused(key):
    with pytest.raises(SignatureError, match="another purpose, 'git'"):
        verify(key.sign(MESSAGE, namespace="git"), MESSAGE)


def test_the_key_is_named_as_openssh_names_it(key):
    assert fingerprint(key_blob(key.line)) == key.fingerprint
    assert key.line == f"{key_line(key_blob(key.line))} dana@laptop"


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    key = make_key(tmp_path_factory.mktemp("keys"), "ed25519")
    return key.sign(MESSAGE)


def armored(blob):
    return f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(blob).decode()}\n-----END SSH SIGNATURE-----\n"


def blob_of(signature):
    return base64.b64decode("".join(signature.splitlines()[1:-1]))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_changed_byte_and_no_cut_gives_a_signature_that_fits(signed, data):
    blob = bytearray(blob_of(signed))
    if data.draw(st.booleans()):
        blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del blob[data.draw(st.integers(0, len(blob) - 1)) :]
    with pytest.raises(SignatureError):
        verify(armored(bytes(blob)), MESSAGE)


@given(text=st.text(max_size=60) | st.binary(max_size=60).map(armored))
def test_what_is_no_signature_is_said_to_be_none(text):
    with pytest.raises(SignatureError):
        verify(text, MESSAGE)


def string(value):
    return struct.pack(">I", len(value)) + value


def test_something_behind_the_signature_is_refused(signed):
    with pytest.raises(SignatureError, match="behind its end"):
        verify(armored(blob_of(signed) + b"x"), MESSAGE)


def test_another_keys_public_part_does_not_fit(signed, tmp_path):
    other = key_blob(make_key(tmp_path).line)
    own = verify(signed, MESSAGE)
    with pytest.raises(SignatureError, match="does not fit"):
        verify(armored(blob_of(signed).replace(own, other)), MESSAGE)


def test_a_short_rsa_key_proves_nothing(tmp_path):
    keygen("-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "key"))
    weak = PersonKey(tmp_path / "key", (tmp_path / "key.pub").read_text())
    with pytest.raises(SignatureError, match="2048 bits"):
        verify(weak.sign(MESSAGE), MESSAGE)


def test_an_rsa_signature_with_sha_1_proves_nothing(tmp_path):
    key = make_key(tmp_path, "rsa")
    sha_1 = blob_of(key.sign(MESSAGE)).replace(string(b"rsa-sha2-512"), string(b"ssh-rsa"))
    length = struct.pack(">I", len(string(b"ssh-rsa")) + 4 + 256)
    at = sha_1.rindex(string(b"ssh-rsa"))
    with pytest.raises(SignatureError, match="SHA-1"):
        verify(armored(sha_1[: at - 4] + length + sha_1[at:]), MESSAGE)


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])
def test_a_key_on_a_token_is_refused_by_name(kind):
    blob = string(kind.encode()) + string(b"x" * 32) + string(b"ssh:")
    with pytest.raises(SignatureError, match="security token"):
        key_blob(f"{kind} {base64.b64encode(blob).decode()} dana@token")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "no public key"),
        ("~/.ssh/id_ed25519", "no public key"),
        ("ssh-ed25519", "no public key"),
        ("ssh-ed25519 ÄÄÄÄ", "no public key"),
        ("ssh-ed25519 AAAA", "cut off"),
        ("ssh-dss " + base64.b64encode(string(b"ssh-dss") + string(b"p")).decode(), "ssh-dss"),
        ("ssh-rsa " + base64.b64encode(string(b"ssh-ed25519") + string(b"p")).decode(), "no public key"),
    ],
)
def test_what_is_no_usable_key_is_said(line, problem):
    with pytest.raises(SignatureError, match=problem):
        key_blob(line)
