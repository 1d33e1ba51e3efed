"""One attempt to open a TCP connection from the machine that runs the step."""

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# The peer, or the network on the way to it, says no; silence does as well.
_NO = frozenset({errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH})
# This machine lacks one of the name's address families (::1 without IPv6), which tells nothing of the other addresses.
_NOT_OURS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class PortLook:
    """What an attempt to connect showed.

    Attributes:
        state: `unproven` when it failed for a reason that says nothing about the port, such as an unknown name.
        words: why it did not connect; empty when it did.
        seconds: how long it took.
    """

    state: Literal["open", "closed", "unproven"]
    words: str = ""
    seconds: float = 0.0

    @property
    def unproven_words(self) -> str:
        """Say that it shows nothing, and why."""
        return f"{self.words}, so nothing is proven"


def look_at_port(host: str, port: int, *, timeout: float, monotonic: Callable[[], float] = time.monotonic) -> PortLook:
    """Try to connect; `timeout` is in seconds, for each address of the host."""
    began = monotonic()
    state, words = _connect(host, port, max(timeout, 0.001))
    return PortLook(state, words, monotonic() - began)


def _connect(host: str, port: int, timeout: float) -> tuple[Literal["open", "closed", "unproven"], str]:
    try:
        with socket.create_connection((host, port), timeout=timeout, all_errors=True):
            return "open", ""
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: a label of the name is empty or too long
        return "unproven", f"{host} can't be resolved ({getattr(error, 'strerror', None) or error})"
    except OSError as error:
        return "unproven", error.strerror or str(error)
    except ExceptionGroup as group:
        errors = [error for error in group.exceptions if isinstance(error, OSError)]
    telling = [error for error in errors if error.errno not in _NOT_OURS]
    for one in telling:
        if not _says_no(one):
            return "unproven", one.strerror or str(one)
    if not telling:
        return "unproven", errors[-1].strerror or str(errors[-1])
    last = telling[-1]
    silent = isinstance(last, TimeoutError) and last.errno is None
    return "closed", f"no answer within {timeout:.3g} s" if silent else last.strerror or str(last)


def _says_no(error: OSError) -> bool:
    return isinstance(error, TimeoutError) or error.errno in _NO
