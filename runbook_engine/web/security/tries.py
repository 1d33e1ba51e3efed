"""How often an address may try to log in."""

import ipaddress
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_ADDRESSES = 10_000
_NETWORK_BITS = 64  # of IPv6, which gives a single machine that many addresses


class Tries:
    """Counts tries to log in by address, and says when there were too many; safe to use from several threads.

    Args:
        now: a monotonic clock, seconds.
        most: tries within `seconds`; a login that succeeds takes them back.
    """

    def __init__(self, now: Callable[[], float], *, most: int = 8, seconds: float = 300.0) -> None:
        self._now = now
        self._most = most
        self._seconds = seconds
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count a try before it is looked at; gives the seconds to wait when it is one too many, else 0."""
        key, now = network(address), self._now()
        with self._lock:
            tries = self._tries.setdefault(key, deque())
            self._tries.move_to_end(key)
            while len(self._tries) > _MOST_ADDRESSES:
                self._tries.popitem(last=False)
            while tries and now - tries[0] >= self._seconds:
                tries.popleft()
            if len(tries) >= self._most:
                return self._seconds - (now - tries[0])
            tries.append(now)
            return 0.0

    def forgive(self, address: str) -> None:
        """Forget the tries of an address: who came in is no guesser."""
        with self._lock:
            self._tries.pop(network(address), None)


def network(address: str) -> str:
    """Give what an address counts as: itself, or its /64 of IPv6, which a single machine has for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:  # noqa: PLR2004 - that is its name
        return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))
    return address
