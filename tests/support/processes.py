"""Processes that tests start on this machine, where other tests run as well: their tokens, and whether they ended."""

import os
from pathlib import Path


def unique(name: str) -> str:
    """Give this process its own token of a name: a kill searches the whole machine for what has the token."""
    return f"{name}-{os.getpid()}"


def gone(pid: int | str) -> bool:
    """Tell whether a process ended; one that nobody waited for ended, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # the second when it went between the opening and the reading
        return True
