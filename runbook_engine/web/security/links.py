"""The one-time link: a secret that lets one person in, once, and for a short time only."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Link:
    digest: bytes
    person: str
    ends: float


class OneTimeLinks:
    """Links that were given out and are not used yet; safe to use from several threads.

    Args:
        now: a monotonic clock, seconds.
    """

    def __init__(self, now: Callable[[], float], seconds: float) -> None:
        self._now = now
        self._seconds = seconds
        self._lock = threading.Lock()
        self._links: list[_Link] = []

    def make(self, person: str) -> str:
        """Give a new secret for a person."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._links = [link for link in self._links if link.ends > self._now()]
            self._links.append(_Link(_digest(secret), person, self._now() + self._seconds))
        return secret

    def use(self, secret: str) -> str | None:
        """Give the person that a secret is for, and use it up; None when it is none, was used, or is too old."""
        digest = _digest(secret)
        with self._lock:
            found = [link for link in self._links if hmac.compare_digest(link.digest, digest)]
            self._links = [link for link in self._links if link not in found]
            return next((link.person for link in found if link.ends > self._now()), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
