import subprocess

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.age_by_passphrase import by_passphrase

from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.age import AgeFiles, read_age_file, seal
from runbook_engine.secrets.age_keys import VARIABLE, LockedError, has_passphrase, identity_files, recipients
from runbook_engine.secrets.store import Secrets, age_scheme

PLAIN = "smtp:\n  password: hush-hush\n"
KEY = pyrage.x25519.Identity.generate()
PUBLIC = str(KEY.to_public())
OTHER = pyrage.x25519.Identity.generate()


def identity(folder, key=KEY, name="age.key", mode=0o600):
    path = folder / name
    path.write_text(f"# a comment\n{key}\n")
    path.chmod(mode)
    return path


def sealed(folder, content=None, *, to=(PUBLIC,), **more):
    path = folder / "all.yml.age"
    path.write_bytes(seal(PLAIN.encode() if content is None else content, to=to, **more))
    return path


def ssh_key(folder, kind="ed25519", passphrase=""):
    path = folder / f"id_{kind}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path], check=True)
    return path, path.with_suffix(".pub").read_text().strip()


def test_a_file_is_opened_by_the_identity_among_many(tmp_path):
    files = AgeFiles([identity(tmp_path, OTHER, "other.key"), identity(tmp_path)])
    assert files.open(sealed(tmp_path)) == PLAIN.encode()


def test_whole_and_by_field_through_the_store(tmp_path):
    sealed(tmp_path)
    store = Secrets({"age": age_scheme(AgeFiles([identity(tmp_path)]))}, tmp_path)
    assert store.resolve("age:all.yml.age#smtp.password") == "hush-hush"
    assert store.resolve("age:all.yml.age") == PLAIN.removesuffix("\n")
    assert "hush-hush" not in store.redactor.text("password is hush-hush")


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_ssh_key_opens_what_is_made_for_its_public_half(tmp_path, kind):
    key, public = ssh_key(tmp_path, kind)
    assert AgeFiles([key]).open(sealed(tmp_path, to=[public])) == PLAIN.encode()


def test_an_ssh_key_with_a_passphrase(tmp_path):
    key, public = ssh_key(tmp_path, passphrase="open it")
    path = sealed(tmp_path, to=[public])
    with pytest.raises(LockedError) as caught:
        AgeFiles([key]).open(path)
    assert caught.value.path == key
    with pytest.raises(LockedError):
        AgeFiles([key], {key: "wrong"}).open(path)
    assert AgeFiles([key], {key: "open it"}).open(path) == PLAIN.encode()


def test_a_locked_key_is_not_asked_for_when_another_opens(tmp_path):
    key, public = ssh_key(tmp_path, passphrase="open it")
    path = sealed(tmp_path, to=[public, PUBLIC])
    assert AgeFiles([key, identity(tmp_path)]).open(path) == PLAIN.encode()


def test_an_identity_file_that_is_itself_encrypted(tmp_path):
    file = tmp_path / "age.key.age"
    file.write_bytes(by_passphrase(str(KEY).encode(), "open it"))
    file.chmod(0o600)
    with pytest.raises(LockedError):
        AgeFiles([file]).open(sealed(tmp_path))
    assert AgeFiles([file], {file: "open it"}).open(sealed(tmp_path)) == PLAIN.encode()


@pytest.mark.parametrize("armoured", [True, False])
def test_a_file_by_passphrase(tmp_path, armoured):
    path = tmp_path / "all.yml.age"
    path.write_bytes(by_passphrase(PLAIN.encode(), "open it", armoured=armoured))
    with pytest.raises(LockedError) as caught:
        AgeFiles([identity(tmp_path)]).open(path)
    assert caught.value.path == path
    with pytest.raises(LockedError, match="passphrase is wrong"):
        AgeFiles([], {path: "wrong"}).open(path)
    assert AgeFiles([], {path: "open it"}).open(path) == PLAIN.encode()


def test_a_passphrase_of_ones_own_seals(tmp_path):
    path = tmp_path / "x.age"
    path.write_bytes(seal(b"x", passphrase="open it"))
    assert has_passphrase(path.read_bytes())


def test_a_key_that_does_not_fit_opens_nothing(tmp_path):
    with pytest.raises(SecretError, match="not made for the identity here") as caught:
        AgeFiles([identity(tmp_path, OTHER)]).open(sealed(tmp_path))
    assert "rekey" in caught.value.hint


def test_no_identity_at_all_is_told_with_what_is_wrong_with_those_named(tmp_path):
    with pytest.raises(SecretError, match="there is no identity") as caught:
        AgeFiles([tmp_path / "gone", identity(tmp_path, mode=0o644)]).open(sealed(tmp_path))
    assert "gone" in caught.value.message
    assert "chmod 600" in caught.value.message


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602])
def test_an_identity_that_others_may_read_or_write_opens_nothing(tmp_path, mode):
    with pytest.raises(SecretError, match="is open to others"):
        AgeFiles([identity(tmp_path, mode=mode)]).open(sealed(tmp_path))


def test_a_file_that_is_too_long_for_an_identity_is_none(tmp_path):
    key = identity(tmp_path)
    key.write_bytes(key.read_bytes() + b"#" * (1 << 20))
    with pytest.raises(SecretError, match="no file of at most 1 MiB"):
        AgeFiles([key]).open(sealed(tmp_path))


BIG = bytes(range(256)) * 1200  # several of age's chunks of 64 KiB
WHOLE = pyrage.encrypt(BIG, [KEY.to_public()])


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(WHOLE) - 1), flip=st.integers(0, 255))
def test_a_damaged_file_is_refused_whole(tmp_path_factory, at, flip):
    """Cut there (flip 0) or with the byte there changed."""
    folder = tmp_path_factory.mktemp("age")
    path = folder / "x.age"
    path.write_bytes(WHOLE[:at] if not flip else WHOLE[:at] + bytes([WHOLE[at] ^ flip]) + WHOLE[at + 1 :])
    with pytest.raises(SecretError):
        AgeFiles([identity(folder)]).open(path)


def test_a_file_that_is_damaged_behind_its_head_is_not_taken_for_somebody_elses(tmp_path):
    path = tmp_path / "x.age"
    path.write_bytes(WHOLE[:-1])
    with pytest.raises(SecretError, match="is damaged"):
        AgeFiles([identity(tmp_path)]).open(path)


def test_a_file_that_is_longer_than_any_secret_is_not_read_whole(tmp_path):
    path = sealed(tmp_path)
    with path.open("r+b") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(SecretError, match="larger than 16 MiB"):
        read_age_file(path)


@pytest.mark.parametrize("content", [b"", b"hush-hush", b"age-encryption.org/v2\n"])
def test_what_is_no_age_file_is_not_quoted(tmp_path, content):
    path = tmp_path / "x.age"
    path.write_bytes(content)
    with pytest.raises(SecretError, match="is no age file") as caught:
        read_age_file(path)
    assert "hush" not in caught.value.message


def test_what_can_not_be_read(tmp_path):
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(SecretError):
            read_age_file(path)


def test_nobody_to_encrypt_for(tmp_path):
    with pytest.raises(SecretError, match="nobody to encrypt for"):
        seal(b"x")
    _, ecdsa = ssh_key(tmp_path, "ecdsa")
    for text in ("age1nonsense", "nonsense", ecdsa, "ssh-ed25519 AAAA"):
        with pytest.raises(SecretError, match="is no recipient"):
            recipients([text])


def test_which_identities_are_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert identity_files((), tmp_path, {}) == ()
    (tmp_path / ".ssh").mkdir()
    key, _ = ssh_key(tmp_path / ".ssh")
    assert identity_files((), tmp_path, {}) == (key,)
    assert identity_files(("keys/a", "~/b"), tmp_path / "p", {}) == (tmp_path / "p/keys/a", tmp_path / "b")
    assert identity_files((), tmp_path, {VARIABLE: "/x"}) == (tmp_path.__class__("/x"),)
    assert identity_files(("keys/a",), tmp_path, {VARIABLE: "/x:/y"}) == tuple(map(tmp_path.__class__, ("/x", "/y")))
