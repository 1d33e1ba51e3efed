import os
import threading

import pytest

from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.redaction import REDACTED
from runbook_engine.secrets.store import SCHEMES, Secrets


@pytest.fixture
def store(tmp_path):
    return Secrets(SCHEMES, tmp_path)


def secret_file(path, content=b"s3cret\n", mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TEST_SECRET", "from-env")
    assert store.resolve("env:RUNBOOK_TEST_SECRET") == "from-env"
    assert store.redactor.text("x from-env y") == f"x {REDACTED} y"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"s3cret\n", "s3cret"),
        (b"s3cret", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b" a\n\n", " a\n"),
        ("ü".encode(), "ü"),
    ],
)
def test_from_a_file_without_its_last_line_end(store, tmp_path, content, value):
    secret_file(tmp_path / "pw", content)
    assert store.resolve("file:pw") == value


def test_files_by_absolute_path_and_from_home(store, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    secret_file(home / "pw")
    monkeypatch.setenv("HOME", str(home))
    assert store.resolve(f"file:{home / 'pw'}") == "s3cret"
    assert store.resolve("file:~/pw") == "s3cret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_file_open_to_others_is_refused(store, tmp_path, mode):
    secret_file(tmp_path / "pw", mode=mode)
    with pytest.raises(SecretError, match="open to others") as caught:
        store.resolve("file:pw")
    assert caught.value.hint == f"chmod 600 {tmp_path / 'pw'}"


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("vault:x", "no scheme 'vault'", "env, file"),
        ("PASSWORD", "is no reference", "scheme:name"),
        ("env:", "is no reference", "scheme:name"),
        ("env:RUNBOOK_NOT_SET", "not set", "export RUNBOOK_NOT_SET"),
        ("file:missing", "No such file", "check its path"),
        ("file:.", "is not a file", "check"),
        ("file:~nobody-at-all/x", "can't be read", "check"),
        ("file:empty", "is empty", "give it a value"),
        ("file:binary", "not UTF-8", "Base64"),
        ("file:large", "larger than", ""),
        ("file:pipe", "is not a file", ""),
        ("file:a\0b", "can't be read", ""),
    ],
)
def test_what_is_wrong_is_said_without_any_value(store, tmp_path, reference, message, hint):
    secret_file(tmp_path / "empty", b"\n")
    secret_file(tmp_path / "binary", b"\xff\xfe-value")
    secret_file(tmp_path / "large", b"x" * 1_000_001)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SecretError) as caught:
        store.resolve(reference)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "-value" not in str(caught.value)


def test_a_value_is_read_once_and_known_to_the_redactor_before_anybody_has_it(tmp_path):
    reads = []

    def scheme(name, project):
        reads.append((name, project))
        return f"value-of-{name}"

    store = Secrets({"test": scheme}, tmp_path)
    seen = []

    def use():
        value = store.resolve("test:x")
        seen.append(store.redactor.text(value))

    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [REDACTED] * 20
    assert reads == [("x", tmp_path)]
