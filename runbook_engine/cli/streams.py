"""Standard streams that never raise: what can't be written is remembered, what can't be encoded is escaped."""

import errno
import io
import os
import select
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from runbook_engine.model.errors import ExitCode

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class StandardStreams:
    """The process's output streams after `guard_streams`."""

    out: "_Output"

    def finish(self, status: int) -> int:
        """Write what is left, and give the exit code: a result that has no place makes success a failure.

        A reader that has gone (`runbook audit log last | head -1`) took what it wanted; that is none.
        """
        sys.stdout.flush()
        problem = self.out.problem
        if problem is None or problem.errno == errno.EPIPE:
            return status
        print(f"error: standard output could not be written: {problem.strerror}", file=sys.stderr)
        print("hint: what was done is done; `runbook report` shows a run again", file=sys.stderr)
        return status or ExitCode.FAILED


def guard_streams() -> StandardStreams:
    """Replace `sys.stdin`, `sys.stdout` and `sys.stderr` by streams that no command has to take care of.

    Streams that were closed are held open on the null device: the next file that is opened (the journal!) would get
    their number otherwise, and with it whatever is printed.
    """
    _hold(_STDIN, os.O_RDONLY)
    _hold(_STDOUT, os.O_RDONLY)  # to write there fails, as it should: the result is lost
    _hold(_STDERR, os.O_WRONLY)  # to write there is well: nobody wanted to read it
    if sys.stdin is None:
        sys.stdin = open(_STDIN, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - as long as the process
    elif isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    out, error = _Output(_STDOUT), _Output(_STDERR)
    sys.stdout = _text(out, sys.stdout, by_line=out.isatty())
    sys.stderr = _text(error, sys.stderr, by_line=True)
    return StandardStreams(out)


class _Output(io.FileIO):
    """A descriptor that takes everything; the first failure is kept in `problem`, and nothing is tried after it."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.problem: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, or take note that nothing can be written any more."""
        size = memoryview(data).nbytes
        if self.problem is not None:
            return size
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])  # somebody else made the terminal non-blocking, and it is busy
        except OSError as error:
            self.problem = error
            return size
        return written


def _hold(number: int, flags: int) -> None:
    """Open the null device as a descriptor that is closed."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)


def _text(output: _Output, like: TextIO | None, *, by_line: bool) -> TextIO:
    encoding = (like.encoding if like is not None else None) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(output), encoding=encoding, errors="backslashreplace", line_buffering=by_line
    )
