"""Asks for a secret at the terminal: what is typed is not shown, and Ctrl-C ends the question."""

import contextlib
import select
import sys
import termios
from collections.abc import Callable, Iterator

from runbook_engine.cli.plain_text import plain

_LOOK_SECONDS = 0.2


def ask_secret(question: str, stopped: Callable[[], bool]) -> str:
    """Ask on stderr and read a line from the keyboard; empty when there is none.

    Raises:
        KeyboardInterrupt: `stopped` came true before the line did.
    """
    print(plain(question), end=" ", file=sys.stderr, flush=True)
    try:
        with _unseen():
            while not stopped():
                if select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
                    return sys.stdin.readline().rstrip("\n")
    finally:
        print(file=sys.stderr, flush=True)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Switch off the terminal's echo; what was typed before the question is thrown away."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
