"""Asks whether a socket takes a byte. By `poll`, since `select` knows no more than 1,024 open files in a process."""

import select
from typing import Protocol


class HasFile(Protocol):
    """A socket, or what stands for one."""

    def fileno(self) -> int:
        """Give its file descriptor."""
        ...


def is_writable(connection: HasFile) -> bool:
    """Whether a byte could be sent now; false for what was closed."""
    try:
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        return any(event & select.POLLOUT for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False
