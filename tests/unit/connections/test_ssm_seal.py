"""What we seal, the host's own openssl opens, and the other way round."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_engine.connections.ssm_seal import SHELL, new_key, seal, unseal, wrapped

PLAIN = b"\0\xff words\n" * 500


@pytest.fixture
def there(tmp_path):
    """Run shell text with the host's functions, in a session whose key is known."""
    key = new_key()
    (tmp_path / "key").write_text(key)

    def run(script, given=b""):
        done = subprocess.run(
            ["sh", "-c", f"s={tmp_path}\n{SHELL}{script}"], input=given, capture_output=True, check=True
        )
        return done.stdout

    run.key = key
    return run


def test_the_host_opens_what_we_sealed(there):
    assert there("unseal", seal(PLAIN, there.key).encode()) == PLAIN


def test_we_open_what_the_host_sealed(there):
    assert unseal(there("gzip -c | seal", PLAIN).decode(), there.key) == PLAIN


def test_the_host_opens_the_key_that_we_wrapped(tmp_path):
    key = new_key()
    subprocess.run(["openssl", "genrsa", "-out", tmp_path / "rsa", "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", tmp_path / "rsa", "-pubout"], check=True, capture_output=True)
    script = f"base64 -d | openssl pkeyutl -decrypt -inkey {tmp_path / 'rsa'} -pkeyopt rsa_padding_mode:oaep"
    opened = subprocess.run(
        ["sh", "-c", script], input=wrapped(key, public.stdout).encode(), capture_output=True, check=True
    )
    assert opened.stdout.decode() == key


@settings(max_examples=30)
@given(st.binary(max_size=300))
def test_nothing_but_the_key_opens_it(content):
    key = new_key()
    sealed = seal(content, key)
    assert unseal(sealed, key) == content
    for wrong in (sealed[:-5], "", "c2FsdA==", sealed.replace(sealed[30], "#", 1)):
        with pytest.raises(ValueError, match=r"."):
            unseal(wrong, key)
    with pytest.raises(ValueError, match=r"."):
        unseal(sealed, new_key())
