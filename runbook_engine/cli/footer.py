"""Lines that stay at the bottom of a terminal, kept up to date, while others scroll by above them."""

import io
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import TextIO

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

_SECONDS = 0.25
_SPARE = 2  # rows of the window that are left to the lines above
_LEAST = 3


class Footer:
    """Paints lines below everything that is printed through it, and what is written to standard error meanwhile.

    They are taken away row by row, as many as they take in the window as it is now: most terminals break lines anew
    when a window becomes narrower. A process that was stopped and continued (Ctrl-Z, `fg`) leaves alone what a shell
    wrote meanwhile, and one in the background paints nothing.

    Args:
        lines: gives the lines as they are to be now; must print nothing.
    """

    def __init__(self, console: Console, lines: Callable[[], Sequence[Text]]) -> None:
        self._console, self._lines = console, lines
        self._lock = threading.RLock()
        self._painted: list[int] = []
        self._shown = self._gone = False
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._stderr: TextIO | None = None
        self._soon: deque[str] = deque()
        self._continued: int | None = None

    def start(self) -> None:
        """Show the lines, and keep them up to date."""
        with self._lock:
            self._shown = True
            self._stderr, sys.stderr = sys.stderr, _Above(self, sys.stderr)
        self._heed_job_control()
        self.paint()
        self._over.clear()
        self._thread = threading.Thread(target=self._tick, name="footer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the lines away."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._shown = False
            if self._stderr is not None:
                sys.stderr.flush()
                sys.stderr, self._stderr = self._stderr, None
            self.paint()

    def soon(self, text: str) -> bool:
        """Print a line above the others at the next look at them, from where no lock may be taken (a signal's handler).

        False when the lines are not shown, and so nobody looks.
        """
        if self._shown:
            self._soon.append(text)
        return self._shown

    def paint(self, *above: Text) -> None:
        """Show the lines as they are now, and some others above them for good.

        A terminal that is gone is left alone.
        """
        with self._lock:
            if self._gone:
                return
            try:
                self._measure()
                with self._console:  # all in one write: nothing is seen half done
                    self._erase()
                    for text in (*self._announced(), *above):
                        self._console.print(text, soft_wrap=True)
                    lines = self._fitting() if self._shown and self._in_foreground() else []
                    for line in lines:
                        self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
                    self._painted = [min(line.cell_len, self._console.width) for line in lines]
            except (OSError, ValueError):
                # The terminal was closed or the pipe's reader left. The journal has everything; the run goes on.
                self._gone = True

    def _measure(self) -> None:
        """Take the window as it is: COLUMNS and LINES in the environment may be of another time."""
        with suppress(OSError, ValueError):  # (where it is no terminal, they count)
            columns, rows = os.get_terminal_size(self._console.file.fileno())
            self._console.size = ConsoleDimensions(max(1, columns), max(1, rows))

    def _announced(self) -> list[Text]:
        return [Text(self._soon.popleft()) for _ in range(len(self._soon))]

    def _erase(self) -> None:
        if self._was_stopped():
            self._painted = []  # what stands above the cursor now is a shell's
        if not self._painted:
            return
        width = max(1, self._console.width)
        rows = sum(max(1, -(-cells // width)) for cells in self._painted)
        one = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))
        here = (ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))
        self._console.control(Control(*here, *(one * min(rows, self._console.height - 1))))
        self._painted = []

    def _fitting(self) -> list[Text]:
        """Give the lines that have room in the window."""
        lines, room = list(self._lines()), max(_LEAST, self._console.height - _SPARE)
        if len(lines) <= room:
            return lines
        return [*lines[: room - 1], Text(f"  … and {len(lines) - room + 1} more lines", style="dim")]

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._console.file.fileno()) == os.getpgrp()
        except (OSError, ValueError):
            return True  # not a terminal that has a foreground: somebody wants to see it all the same

    def _tick(self) -> None:
        while not self._over.wait(_SECONDS):
            self.paint()

    def _heed_job_control(self) -> None:
        """Let the process's continuation be seen by whichever thread paints next.

        That is written down as the signal arrives; a handler would run when the main thread comes to it, which is late.
        """
        if self._continued is None and threading.current_thread() is threading.main_thread():
            self._continued, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            signal.set_wakeup_fd(told, warn_on_full_buffer=False)
            signal.signal(signal.SIGCONT, _heard)

    def _was_stopped(self) -> bool:
        try:
            return self._continued is not None and signal.SIGCONT in os.read(self._continued, 4096)
        except BlockingIOError:
            return False


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: it is the signal's arrival that is told."""


class _Above(io.TextIOBase):
    """Standard error while lines stay at the bottom: whole lines go above them."""

    def __init__(self, footer: Footer, behind: TextIO) -> None:
        self._footer, self._behind = footer, behind
        self._rest = ""
        self._lock = threading.Lock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # TextIOBase has it as an attribute
        """The terminal's."""
        return self._behind.encoding

    def write(self, text: str) -> int:
        """Print the lines that are whole."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            self._footer.paint(*(Text.from_ansi(line) for line in lines))
        return len(text)

    def flush(self) -> None:
        """Print what is left, as a line of its own."""
        with self._lock:
            rest, self._rest = self._rest, ""
        if rest:
            self._footer.paint(Text.from_ansi(rest))

    def isatty(self) -> bool:
        """Whether the terminal is one."""
        return self._behind.isatty()

    def fileno(self) -> int:
        """Give the terminal's descriptor."""
        return self._behind.fileno()

    def writable(self) -> bool:
        """Say yes."""
        return True
