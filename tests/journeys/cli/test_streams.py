"""Standard streams that are closed, full, gone, or of a narrow encoding never disturb what is done."""

import os
import subprocess
from pathlib import Path

import pytest

NARROW = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def through_shell(runbook, words, redirection, **environment):
    """Call the command line with a shell's redirection; what is not redirected is captured."""
    script = f'exec "$@" {redirection}'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *runbook.argv(*words)],
        cwd=runbook.root,
        env=runbook.environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def succeeded(runbook):
    return runbook("status", "--output", "json").json["status"] == "succeeded"


def test_without_a_keyboard_nobody_is_asked(runbook):
    status, _, err = through_shell(runbook, ["run", "restore-settings"], "<&-")
    assert status == 2
    assert "nobody can be asked" in err
    status, out, _ = through_shell(runbook, ["run", "restore-settings", "--yes"], "<&-")
    assert status == 0
    assert "SUCCEEDED" in out


def test_without_a_place_for_progress_the_run_is_done_and_its_result_written(runbook):
    status, out, _ = through_shell(runbook, ["run", "restore-settings", "--yes"], "2>&-")
    assert status == 0
    assert "SUCCEEDED" in out
    assert succeeded(runbook)


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("output", ["text", "json", "ndjson"])
def test_a_run_whose_result_has_no_place_is_done_and_says_so(runbook, redirection, output):
    status, _, err = through_shell(runbook, ["run", "restore-settings", "--yes", "--output", output], redirection)
    assert status == 1
    assert "standard output could not be written" in err
    assert succeeded(runbook)


def test_with_every_stream_closed_the_run_is_done(runbook):
    status, _, _ = through_shell(runbook, ["run", "restore-settings", "--yes"], "<&- >&- 2>&-")
    assert status == 1
    assert succeeded(runbook)


@pytest.mark.parametrize("words", [("status",), ("report", "last"), ("schema",), ("--help",), ("audit", "log", "last")])
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_result_that_has_no_place_is_a_failure(runbook, words, redirection):
    runbook("run", "restore-settings", "--dry-run")
    status, _, err = through_shell(runbook, words, redirection)
    assert status == 1
    assert "standard output could not be written" in err


def test_a_command_that_fails_says_so_by_its_code_without_a_place_for_messages(runbook):
    assert through_shell(runbook, ["run", "no-such-thing"], "2>&-")[0] == 3
    assert through_shell(runbook, ["rnu"], "2>&-")[0] == 2
    assert through_shell(runbook, ["rnu"], "2>/dev/full")[0] == 2


@pytest.mark.parametrize(
    "words", [("status",), ("validate",), ("--help",), ("report", "last"), ("audit", "log", "last"), ("actions",)]
)
def test_a_reader_that_left_is_no_failure(runbook, words):
    runbook("run", "restore-settings", "--dry-run")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            runbook.argv(*words), cwd=runbook.root, env=runbook.environment(), stdin=subprocess.DEVNULL,
            stdout=writing, stderr=subprocess.PIPE, text=True, timeout=180, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


@pytest.mark.parametrize("environment", [NARROW, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "ascii:strict"}])
def test_a_narrow_encoding_replaces_characters(runbook, environment):
    path = runbook.root / "runbooks/restore-settings.yml"
    path.write_text(path.read_text().replace("title: ", "title: Übung "), encoding="utf-8")
    ran = runbook("run", "restore-settings", "--yes", "--note", "Größe", **environment)
    assert ran.status == 0, ran.err
    assert ran.out.isascii()
    for words in (("status",), ("report", "last"), ("report", "last", "--format", "html"), ("validate",), ("doctor",)):
        called = runbook(*words, **environment)
        assert called.status in {0, 1}, called.err
        assert called.out.isascii()
    assert runbook("status", "--output", "json").json["note"] == "Größe", "kept as it was typed"


def test_an_argument_that_is_not_text_is_refused(runbook):
    argv = [*map(os.fsencode, runbook.argv("run", "restore-settings", "--dry-run", "--note")), b"\xff"]
    done = subprocess.run(argv, cwd=runbook.root, env=runbook.environment(), capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    assert b"not UTF-8" in done.stderr


def test_a_file_name_that_the_locale_can_not_say_is_an_error_not_a_defect(runbook):
    called = runbook("plan", "restore-settings", "-e", "@prüfung.yml", **NARROW)
    assert called.status in {2, 3}, called.err
    assert not list(Path(runbook.root).glob(".runbook/runbook-defect-*"))
