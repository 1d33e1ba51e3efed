"""Runs a program and measures it: wall time, CPU time and greatest memory of the whole process tree."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from environments import CACHE

SAMPLE_SECONDS = 1.0
SHOWN = 2000


class WorkError(Exception):
    """A program did not do its work, so that its time means nothing."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one execution of a program took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: seconds of user and system time, of the process and of every child it waited for.
        memory: MB; the greatest resident set of its largest process, or of all processes together when those were
            sampled.
    """

    wall: float
    cpu: float
    memory: float
    output: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Medians:
    """The middle of several executions, and how far they lie apart."""

    wall: float
    cpu: float
    memory: float
    least: float
    greatest: float
    count: int


def measured(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    sampled: bool = False,
    status: int = 0,
) -> Usage:
    """Run a program to its end.

    Args:
        environment: added to this process's own.
        sampled: also add up the memory of all its processes once a second (shared pages counted once), for programs
            that work in many; it costs CPU of its own, so not for those that work in one.
        status: the exit status it must end with.

    Raises:
        WorkError: it ended with another exit status; the message has its last words.
    """
    out, err = cwd / "stdout.txt", cwd / "stderr.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            env={**_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        sampler = _Sampler(process.pid) if sampled else None
        _, ended, resources = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(ended)
    memory = resources.ru_maxrss / 1024
    if sampler is not None:
        memory = max(memory, sampler.stop())
    if process.returncode != status:
        words = (out.read_text(errors="replace") + err.read_text(errors="replace"))[-SHOWN:]
        raise WorkError(f"{Path(argv[0]).name} ended with {process.returncode} in place of {status}:\n{words}")
    return Usage(wall, resources.ru_utime + resources.ru_stime, memory, out.read_text(errors="replace"))


def medians(usages: Sequence[Usage]) -> Medians:
    """Give the medians of some executions."""
    walls = [usage.wall for usage in usages]
    return Medians(
        wall=statistics.median(walls),
        cpu=statistics.median(usage.cpu for usage in usages),
        memory=statistics.median(usage.memory for usage in usages),
        least=min(walls),
        greatest=max(walls),
        count=len(walls),
    )


def _environment() -> dict[str, str]:
    """Give this process's environment without what would make Python behave as it does for nobody else.

    Everybody's bytecode is kept in one place: a package that was installed would have it beside its source, one that
    is worked on (or whose folder can't be written) would be compiled at each start.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPYCACHEPREFIX": str(CACHE / "bytecode")}


class _Sampler:
    """Looks at a process tree's memory until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._greatest = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Give the greatest sum seen, in MB."""
        self._over.set()
        self._thread.join()
        return self._greatest

    def _look(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._greatest = max(self._greatest, sum(_share(pid) for pid in _tree(self._pid)) / 1024)


def _tree(root: int) -> list[int]:
    found, seen = [root], [root]
    while seen:
        pid = seen.pop()
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            below = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        found += below
        seen += below
    return found


def _share(pid: int) -> int:
    """Give a process's share of memory in kB, where a page of n processes counts as 1/n."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0  # it ended while we looked, or is not ours
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
