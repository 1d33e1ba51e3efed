"""Pipes, devices and links in place of files: nothing waits for them, none is replaced, none fills the memory."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.fixture
def ran(runbook):
    assert runbook("run", "restore-settings", "--dry-run").status == 0
    os.mkfifo(runbook.root / "pipe")
    return runbook


def test_no_command_waits_for_a_pipe_in_place_of_a_file(ran):
    for words in (
        ("audit", "check", "pipe"),
        ("audit", "check", "runbook.toml", "--signer", "pipe"),
        ("audit", "anchor", "--to", "pipe"),
        ("audit", "verify", "--anchor", "pipe"),
        ("audit", "export", "last", "--key", "pipe"),
        ("secrets", "encrypt", "pipe", "-r", KEY),
    ):
        called = ran(*words)
        assert called.status == 2, (words, called)
        assert "no plain file" in called.err, (words, called)
    assert (ran.root / "pipe").is_fifo()


def test_a_result_replaces_nothing_but_a_plain_file(ran):
    there = ran.write("elsewhere/report.md", "before")
    there.chmod(0o640)
    (ran.root / "link").symlink_to(there)
    (ran.root / "gone").symlink_to("nowhere")
    for words in (("report", "last", "-o"), ("compliance", "--ics"), ("audit", "export", "last", "-o")):
        for name in ("pipe", "/dev/null", "files", "gone"):
            called = ran(*words, name)
            assert called.status == 2, (words, name, called)
    assert (ran.root / "pipe").is_fifo()
    assert Path("/dev/null").is_char_device()
    assert (ran.root / "gone").is_symlink()
    assert ran("report", "last", "-o", "link").status == 0
    assert (ran.root / "link").is_symlink()
    assert there.read_text().startswith("# Restore")
    assert there.stat().st_mode & 0o777 == 0o640
    assert ran("report", "last", "-o", "x" * 300).status == 2
    assert not list(ran.root.glob(".runbook-*"))


def test_a_hyphen_is_the_standard_output(ran):
    for name in ("-", "/dev/stdout"):
        assert "# Restore" in ran("report", "last", "-o", name).out
        calendar = ran("compliance", "--ics", name)
        assert calendar.out.startswith("BEGIN:VCALENDAR")
        assert calendar.out.rstrip().endswith("END:VCALENDAR")
        assert "restore-settings" in calendar.err
    argv = ran.argv("audit", "export", "last", "-o", "-")
    done = subprocess.run(argv, cwd=ran.root, env=ran.environment(), capture_output=True, timeout=60, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:gz") as bundle:
        assert any(name.endswith("/manifest.json") for name in bundle.getnames())
    assert b"sha256 " in done.stderr
    for words in (("audit", "export", "last", "-o", "-"), ("compliance", "--ics", "-")):
        assert ran(*words, "--output", "json").status == 2
    assert not (ran.root / "-").exists()


def test_what_is_encrypted_is_a_file_of_bounded_size_and_goes_to_a_folder_that_is_there(runbook):
    plain = runbook.write("pl.yml", "user: a")
    lost = runbook("secrets", "encrypt", "pl.yml", "-o", "secrets/n/x.age", "-r", KEY)
    assert lost.status == 2
    assert "secrets/n/x.age can't be written: No such file or directory" in lost.err
    endless = runbook("secrets", "encrypt", "/dev/zero", "-o", "z.age", "-r", KEY)
    assert (endless.status, "no plain file" in endless.err) == (2, True)
    with plain.open("wb") as file:
        file.truncate(1 << 40)
    large = runbook("secrets", "encrypt", "pl.yml", "-o", "z.age", "-r", KEY)
    assert (large.status, "more than 16 MiB" in large.err) == (2, True)
    assert not (runbook.root / "z.age").exists()
