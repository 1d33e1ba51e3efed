"""Says on what was measured: the machine, the programs, and how busy and how slow it was at that time."""

import importlib.metadata
import os
import platform
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from environments import version

SYNCS = 50


def describe(folder: Path) -> list[tuple[str, str]]:
    """Give facts as pairs of a name and a text.

    Args:
        folder: where the journals are written; its file system's fsync is timed.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return [
        ("cores", f"{len(os.sched_getaffinity(0))} ({_processor()})"),
        ("memory", f"{memory:.0f} GB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("OpenSSH", _words(["ssh", "-V"])),
        ("SQLite", sqlite3.sqlite_version),
        ("fsync of 4 kB, median", f"{_fsync(folder) * 1000:.2f} ms"),
        ("load at the beginning (1, 5 min)", " / ".join(f"{load:.1f}" for load in os.getloadavg()[:2])),
        ("runbook-engine", importlib.metadata.version("runbook-engine")),
        ("paramiko (ours, the bare pool)", importlib.metadata.version("paramiko")),
        ("nornir", f"{version('requirements', 'nornir')}, paramiko {version('requirements', 'paramiko')}"),
        (
            "pyinfra",
            f"{version('requirements-pyinfra', 'pyinfra')}, paramiko {version('requirements-pyinfra', 'paramiko')}",
        ),
        ("ansible-core", version("requirements", "ansible-core")),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _words(argv: Sequence[str]) -> str:
    ended = subprocess.run(argv, check=True, capture_output=True, text=True)
    return (ended.stdout or ended.stderr).strip()


def _fsync(folder: Path) -> float:
    times = []
    path = folder / "fsync"
    with path.open("wb") as stream:
        for _ in range(SYNCS):
            stream.write(b"x" * 4096)
            stream.flush()
            begun = time.perf_counter()
            os.fsync(stream.fileno())
            times.append(time.perf_counter() - begun)
    path.unlink()
    return statistics.median(times)
