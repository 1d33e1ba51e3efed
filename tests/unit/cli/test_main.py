"""Every failure becomes one message and its exit code."""

import click
import pytest

from runbook_engine.cli import main
from runbook_engine.model.errors import ExitCode, JournalError, LeaseError, UsageError


@pytest.fixture
def command(monkeypatch, tmp_path):
    """Puts a command in place of the real ones that does what it is told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def put(action):
        monkeypatch.setattr(main, "cli", click.Command("runbook", callback=action))

    return put


def raising(error):
    def fail():
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("wrong", hint="do it right"), 2),
        (LeaseError("taken"), 5),
        (JournalError("torn"), 6),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.BadParameter("no"), 2),
    ],
)
def test_errors_carry_their_exit_code(command, capsys, error, status):
    command(raising(error))
    assert main.run_cli([]) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err


def test_message_and_hint_are_said_without_harm(command, capsys):
    command(raising(UsageError("bad \x1b[2J name", hint="try \u202eother")))
    main.run_cli([])
    assert capsys.readouterr().err == "error: bad \\x1b[2J name\nhint: try \\u202eother\n"


def test_a_defect_is_admitted_and_its_traceback_kept_in_a_private_file(command, capsys, tmp_path):
    command(raising(ZeroDivisionError("boom")))
    assert main.run_cli([]) == ExitCode.DEFECT
    err = capsys.readouterr().err
    assert "defect of runbook" in err
    assert "Traceback" not in err
    (kept,) = tmp_path.glob("runbook-defect-*")
    assert str(kept) in err
    assert "boom" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_a_defects_traceback_can_be_asked_for(command, capsys, monkeypatch):
    monkeypatch.setenv("RUNBOOK_DEBUG", "1")
    command(raising(ZeroDivisionError("boom")))
    main.run_cli([])
    assert "ZeroDivisionError: boom" in capsys.readouterr().err


def test_what_a_command_returns_is_the_exit_code(command):
    command(lambda: ExitCode.WAITING)
    assert main.run_cli([]) == 4
    command(lambda: None)
    assert main.run_cli([]) == 0
