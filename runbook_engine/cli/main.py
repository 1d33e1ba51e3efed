"""The entry point `runbook`: calls the command, turns every failure into one clear message and its exit code."""

import errno
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runbook_engine.cli.group import LazyGroup
from runbook_engine.cli.signals import ignore_signals, interrupt_at_signals
from runbook_engine.cli.streams import guard_streams
from runbook_engine.model.errors import ExitCode, RunbookError, UsageError

# What a file system refuses for the name or the permissions of a file that somebody named or laid there.
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS})
_HELP = """Run disaster-recovery runbooks: plans first, journals everything, resumes where it stopped.

\b
Examples:
  runbook init my-project
  runbook validate
  runbook run region-failover -i production -e incident=INC-42 --dry-run

\b
Exit codes:
  0 done, and well          1 failed, or found what it looked for
  2 wrong usage             3 invalid runbook, inventory or configuration
  4 waits for a person      5 another process holds the run
  6 the journal is damaged or can't be written
  70 a defect of this program    130 interrupted; the run can be resumed

\b
Shell completion (bash; zsh and fish likewise):
  eval "$(_RUNBOOK_COMPLETE=bash_source runbook)"
"""


@click.command(cls=LazyGroup, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--log-format", type=click.Choice(["console", "json"]), default="console", help="How log lines look (on stderr)."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    help="The least important log line that is shown.",
)
@click.version_option(package_name="runbook-engine", prog_name="runbook", message="%(prog)s %(version)s")
def cli(log_format: str, log_level: str) -> None:
    """Take the options that every command shares."""
    from runbook_engine.cli.logs import configure_logs

    configure_logs(log_format, log_level)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with the documented exit code."""
    # A run keeps almost all that it makes, so that looking for garbage every 700 objects costs a sixth of it.
    gc.set_threshold(50_000, 20, 100)
    streams = guard_streams()
    interrupt_at_signals()
    status = run_cli(arguments)
    ignore_signals()
    status = streams.finish(status)
    # The end of the process gives everything back; without this the interpreter would first take it all to pieces.
    gc.disable()
    gc.freeze()
    sys.exit(status)


def run_cli(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; everything for people was said."""
    try:
        words = [_as_text(word) for word in (sys.argv[1:] if arguments is None else arguments)]
        result = cli.main(words, prog_name="runbook", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return _say(ExitCode.INTERRUPTED, "interrupted")
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except RunbookError as error:
        _show_findings(error)
        return _say(error.exit_code, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the last resort: whatever is left is a defect, and is told as one
        return _surroundings(error) or _defect(error)
    return result if isinstance(result, int) else ExitCode.OK


def _as_text(word: str) -> str:
    """Read an argument as UTF-8, whatever the locale says; what is not is refused."""
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeEncodeError:
        return word  # not from the process's arguments
    except UnicodeDecodeError as error:
        raise UsageError(f"the argument {word!r} is not UTF-8", hint="use a terminal that speaks UTF-8") from error


def _speaks_utf8() -> bool:
    return sys.getfilesystemencoding().lower().replace("-", "") == "utf8"


def _surroundings(error: Exception) -> int:
    """Say what is wrong with the place that we were started in, where that is all; 0 where it is not."""
    if isinstance(error, UnicodeEncodeError) and not _speaks_utf8():
        text = f"{error.object!r} can't be said in this locale ({sys.getfilesystemencoding()})"
        return _say(ExitCode.USAGE, text, "set LC_ALL=C.UTF-8")
    if isinstance(error, FileNotFoundError) and not _has_folder():
        return _say(ExitCode.USAGE, "the current folder is gone", "go to your project's folder")
    if isinstance(error, OSError) and error.errno in _REFUSED and error.filename is not None:
        from runbook_engine.loading.folder import read_hint, shown

        _debug(error)
        return _say(ExitCode.INVALID, f"{shown(os.fsdecode(error.filename))}: {error.strerror}", read_hint(error))
    return 0


def _has_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _show_findings(error: RunbookError) -> None:
    """Show every finding that an error about files carries, with its line."""
    from runbook_engine.model.diagnostic import Diagnostic

    diagnostics = [item for item in getattr(error, "diagnostics", ()) if isinstance(item, Diagnostic)]
    if diagnostics:
        from runbook_engine.cli.findings import say_findings

        say_findings(diagnostics, getattr(error, "sources", {}))


def _say(status: ExitCode, message: str, hint: str = "") -> int:
    from runbook_engine.cli.plain_text import plain

    print(f"error: {plain(message, lines=True)}", file=sys.stderr)
    if hint:
        print(f"hint: {plain(hint, lines=True)}", file=sys.stderr)
    return status


def _debug(error: Exception) -> None:
    """Print where an error came from, for those who asked for that."""
    if os.environ.get("RUNBOOK_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)


def _defect(error: Exception) -> int:
    """Say that it is our fault, and keep the details where they can be sent from."""
    import tempfile
    import traceback

    _debug(error)
    text = "".join(traceback.format_exception(error))
    folder = Path(".runbook") if Path(".runbook").is_dir() and os.access(".runbook", os.W_OK) else None
    try:
        handle, name = tempfile.mkstemp(prefix="runbook-defect-", suffix=".txt", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        where = f"the details are in {name}"
    except OSError as problem:
        where = f"the details could not be written ({problem.strerror}); RUNBOOK_DEBUG=1 prints them"
    return _say(
        ExitCode.DEFECT,
        f"this is a defect of runbook, not of yours ({type(error).__name__}); {where}",
        "report it with that file; the journal of a run is safe, and `runbook resume` goes on",
    )


if __name__ == "__main__":
    main()
