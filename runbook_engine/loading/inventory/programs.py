"""Runs the programs that an inventory may have: no shell, no input, bounded in time and output."""

import contextlib
import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from runbook_engine.model.quoting import neutral

SECONDS = 30.0
LARGEST_OUTPUT = 16 * 1024 * 1024
_PIECE = 65536
_LAST_WORDS = 4096
_LONGEST_LINE = 300


class ProgramError(Exception):
    """A program may not be run, or did not do what it is for.

    Args:
        message: what is wrong, without the program's name.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def refuse_unsafe(path: Path) -> None:
    """Refuse a program that somebody else could have written: it would run in the operator's name.

    Raises:
        ProgramError: the file or its folder belongs to somebody else but root, or everybody may write it.
    """
    real = Path(os.path.realpath(path))
    for one, what in ((real, "the program"), (real.parent, "the program's folder")):
        facts = one.stat()
        if facts.st_uid not in {0, os.geteuid()}:
            raise ProgramError(
                f"{what} belongs to another user (uid {facts.st_uid}), so it is not run",
                "make it yours if you trust it, or take the right to execute away: chmod -x",
            )
        # In a folder with the sticky bit (/tmp) nobody can exchange another's file.
        open_to_all = facts.st_mode & stat.S_IWOTH and not (one is not real and facts.st_mode & stat.S_ISVTX)
        if open_to_all:
            raise ProgramError(
                f"{what} may be written by everybody (mode {stat.S_IMODE(facts.st_mode):04o}), so it is not run",
                "take the right to write away from others: chmod o-w",
            )


def run_program(
    path: Path,
    arguments: Sequence[str],
    *,
    cwd: Path,
    seconds: float = SECONDS,
    largest: int = LARGEST_OUTPUT,
) -> bytes:
    """Run a program and give what it printed; it and all that it started are gone afterwards.

    Args:
        cwd: the folder it runs in.
        seconds: how long it may take.
        largest: how many bytes it may print.

    Raises:
        ProgramError: it can't be started, fails, takes too long, or prints too much.
    """
    try:
        child = subprocess.Popen(
            [str(path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise ProgramError(
            f"it can't be run: {error.strerror}",
            "a script needs a first line such as #!/usr/bin/env python3; a file that is data must not be executable: "
            "chmod -x",
        ) from None
    try:
        printed, words = _collect(child, seconds, largest)
        status = child.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        raise _too_slow(seconds) from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    if status:
        ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        raise ProgramError(f"it {ended}{_said(words)}", f"try it yourself: {path} {' '.join(arguments)}".rstrip())
    return printed


def _collect(child: subprocess.Popen[bytes], seconds: float, largest: int) -> tuple[bytes, bytes]:
    """Read both pipes to their ends; of stderr only the end is kept."""
    printed, words = bytearray(), bytearray()
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((child.stdout, printed), (child.stderr, words)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, kept)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready or time.monotonic() > end:
                raise _too_slow(seconds)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                key.data.extend(piece)
                if not piece:
                    selector.unregister(key.fileobj)
            del words[:-_LAST_WORDS]
            if len(printed) > largest:
                raise ProgramError(f"it prints more than {largest:,} bytes", "let it print fewer hosts or variables")
    return bytes(printed), bytes(words)


def _too_slow(seconds: float) -> ProgramError:
    return ProgramError(f"it did not end within {seconds:g} seconds", "make it faster, or write its hosts to a file")


def _said(words: bytes) -> str:
    lines = [line.strip() for line in words.decode("utf-8", "replace").splitlines() if line.strip()]
    return f": {neutral(lines[-1])[:_LONGEST_LINE]}" if lines else " and said nothing"
