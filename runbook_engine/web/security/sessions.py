"""Who is logged in: sessions in memory, which end unused, in any case after a while, and with the process."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

_MOST = 1000


@dataclass(slots=True)
class Session:
    """A person's login in one browser.

    Attributes:
        csrf: what forms of this session carry.
        credential: of what they logged in with; when that is withdrawn the session ends.
        made, seen: when it began and was last used, by a monotonic clock.
    """

    person: str
    csrf: str
    credential: str
    made: float
    seen: float


class Sessions:
    """The sessions of one dashboard; safe to use from several threads.

    Args:
        now: a monotonic clock, seconds.
        idle, longest: seconds after which a session ends, unused and anyhow.
    """

    def __init__(self, now: Callable[[], float], *, idle: float, longest: float) -> None:
        self._now = now
        self._idle = idle
        self._longest = longest
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, person: str, credential: str) -> str:
        """Begin a session, and give its id: a new one that nobody could know before."""
        made = secrets.token_urlsafe(32)
        now = self._now()
        with self._lock:
            self._drop_ended(now)
            while len(self._sessions) >= _MOST:
                del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen)]
            self._sessions[_key(made)] = Session(person, secrets.token_urlsafe(32), credential, now, now)
        return made

    def find(self, session: str, *, used: bool) -> Session | None:
        """Give the session of that id while it lasts.

        Args:
            used: a person did something, and did not only leave a page open.
        """
        now = self._now()
        with self._lock:
            found = self._sessions.get(_key(session))
            if found is None:
                return None
            if self._ended(found, now):
                del self._sessions[_key(session)]
                return None
            if used:
                found.seen = now
            return found

    def end(self, session: str) -> None:
        """End a session; nothing happens when there is none."""
        with self._lock:
            self._sessions.pop(_key(session), None)

    def _ended(self, session: Session, now: float) -> bool:
        return now - session.seen >= self._idle or now - session.made >= self._longest

    def _drop_ended(self, now: float) -> None:
        for key in [key for key, session in self._sessions.items() if self._ended(session, now)]:
            del self._sessions[key]


def _key(session: str) -> str:
    """Sessions are found by a hash of their id: how long the search takes tells nothing of the ids."""
    return hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()
