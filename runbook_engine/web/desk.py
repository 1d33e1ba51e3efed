"""What all requests share: the project as it is now, its open journal, who is logged in."""

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio

from runbook_engine.app.project import OpenProject
from runbook_engine.model.errors import JournalError, JournalUnavailableError, PrunedRunError
from runbook_engine.ports.journal import Journal
from runbook_engine.web.security.links import OneTimeLinks
from runbook_engine.web.security.sessions import Session, Sessions
from runbook_engine.web.security.tokens import Known, known_token, stands
from runbook_engine.web.security.tries import Tries
from runbook_engine.web.settings import Settings
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

BY_LINK = "link"
"""The credential of who came by the one-time link."""

_FRESH = 1.0  # seconds for which it is not asked again whether a token still stands
_MOST_KNOWN = 1000
_Stamp = tuple[int, int, int] | None


class Desk:
    """The dashboard's state; safe to use from several threads. What reads files or the journal may take its time.

    Args:
        journal: opens the journal anew.
        now: a monotonic clock, seconds.

    Attributes:
        hashing: has one token looked at at a time: scrypt is costly by design, and nobody shall wait for who guesses.
        doubted: the same for addresses with too many tries, so that others don't wait for them.
        tries, scrapes: tries to log in, and to read the metrics.
        csrf_mark: stands in a text that several people are given for what forms of each one's session carry.
    """

    def __init__(
        self,
        project: OpenProject,
        settings: Settings,
        *,
        journal: Callable[[], Journal] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.sessions = Sessions(now, idle=settings.idle, longest=settings.longest)
        self.links = OneTimeLinks(now, settings.link_seconds)
        self.tries = Tries(now)
        self.scrapes = Tries(now)
        self.hashing = anyio.CapacityLimiter(1)
        self.doubted = anyio.CapacityLimiter(1)
        self.csrf_mark = secrets.token_hex(32)
        self._opened = project
        self._open = journal or project.journal
        self._now = now
        self._lock = threading.Lock()
        self._source: tuple[_Stamp, Source] | None = None
        self._viewers: dict[tuple[str, str], tuple[float, Viewer | None]] = {}

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._opened.root

    def source(self) -> Source:
        """Give the project, with team.yml as it is now, and its open journal.

        Raises:
            JournalError: the journal can't be opened.
        """
        stamp = _stamp(self.root / "team.yml")
        with self._lock:
            if self._source is None:
                self._source = (stamp, Source(OpenProject(self._opened.project), self._open()))
            elif self._source[0] != stamp:
                self._source = (stamp, self._source[1].with_project(OpenProject(self._opened.project)))
            return self._source[1]

    def give_up(self, error: JournalError) -> None:
        """Have the journal opened anew, after what a locked or pruned one would not have said."""
        if isinstance(error, JournalUnavailableError | PrunedRunError):
            return
        with self._lock:
            given_up, self._source = self._source, None
        if given_up is not None:
            given_up[1].journal.close()

    def login_by_link(self, secret: str) -> Known | None:
        """Give whose one-time link this is, and use it up; None when it is nobody's."""
        person = self.links.use(secret)
        return Known(person, BY_LINK) if person is not None else None

    def login_by_token(self, token: str) -> Known | None:
        """Give whose token this is; None when it is nobody's.

        Raises:
            InvalidInputError: the tokens can't be read.
        """
        return known_token(self.root, token)

    def viewer(self, session: Session) -> Viewer | None:
        """Give who a session belongs to as team.yml knows them now; None when they may not be here any more.

        Raises:
            InvalidInputError: team.yml or the tokens can't be read.
        """
        return self.viewer_of(Known(session.person, session.credential), session.csrf)

    def viewer_of(self, known: Known, csrf: str) -> Viewer | None:
        """Give who somebody is as team.yml knows them now; see `viewer`."""
        if (remembered := self.remembered(known, csrf)) is not None:
            return remembered
        now, found = self._now(), self._find(known)
        with self._lock:
            if len(self._viewers) >= _MOST_KNOWN:
                self._viewers.clear()
            self._viewers[known] = (now, found)
        return replace(found, csrf=csrf) if found is not None else None

    def remembered(self, known: Known, csrf: str) -> Viewer | None:
        """Give who somebody is, when that was looked up less than a second ago; waits for nothing."""
        at, found = self._viewers.get(known, (0.0, None))
        return replace(found, csrf=csrf) if found is not None and self._now() - at < _FRESH else None

    def close(self) -> None:
        """Give the journal back."""
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            source[1].journal.close()

    def _find(self, known: Known) -> Viewer | None:
        team = self.source().project.team
        person = team.people.get(known.person)
        by_link = known.credential == BY_LINK
        if (person is None and not by_link) or (not by_link and not stands(self.root, known)):
            return None
        if person is None:
            # A project without a team has nobody else to act; with one, whom it doesn't know only looks on.
            return Viewer(known.person, known.person, (), "", may_act=not team.people)
        return Viewer(known.person, person.name, person.roles, "", may_act=bool(person.roles))


def _stamp(path: Path) -> _Stamp:
    """Tell one state of a file from another; None while it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - as it is read: through links
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
