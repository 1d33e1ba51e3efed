"""Follows runs for everybody who watches them: one look at the journal serves all watchers of a run."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
import anyio.to_thread

from runbook_engine.app.status import run_status
from runbook_engine.model.errors import JournalError
from runbook_engine.web.desk import Desk
from runbook_engine.web.pages.running import section
from runbook_engine.web.source import Source

_log = logging.getLogger("runbook.web")
_LOOK_SECONDS = 0.5
_WATCHERS_A_SECOND = 50  # that may be told of changes, so that those who fetch the new state leave a run its processor
_LOOKS_AT_ONCE = 4


class Standing(NamedTuple):
    """Where a run stands: the newest event's number, and `run_status`'s word; `away` says why nobody knows now.

    Attributes:
        mark: changes with what running tasks put out.
        output: the element of a page that shows it; empty when there is nothing.
    """

    sequence: int
    status: str
    held: bool
    away: str = ""
    mark: int = 0
    output: str = ""

    @property
    def events(self) -> "Standing":
        """The same without what tasks put out, which is told apart from the run's events."""
        return self._replace(mark=0, output="")


class Feed:
    """A run that is watched.

    Attributes:
        standing: as it was seen last; None before the first look.
        watchers: how many watch it.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self.standing: Standing | None = None
        self.watchers = 0
        self._changed = asyncio.Event()

    def tell(self, standing: Standing | None) -> None:
        """Wake whoever waits; who is busy sees the newest standing when they come back, and none of those between."""
        self.standing = standing
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self, seconds: float) -> None:
        """Wait until something changes, at most that long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    @property
    def pause(self) -> float:
        """Seconds between two looks: the longer the more there are who fetch what is new."""
        return max(_LOOK_SECONDS, self.watchers / _WATCHERS_A_SECOND)


class Feeds:
    """The runs that are watched now; belongs to one event loop.

    Attributes:
        closing: the server ends, and every watcher has to go.
    """

    def __init__(self, desk: Desk, look: Callable[[Desk, str, Standing | None], Standing]) -> None:
        self.closing = False
        self._desk = desk
        self._look = look
        self._feeds: dict[str, tuple[Feed, asyncio.Task[None]]] = {}
        self._limit: anyio.CapacityLimiter | None = None

    @property
    def watchers(self) -> int:
        """How many watch anything."""
        return sum(feed.watchers for feed, _ in self._feeds.values())

    def known(self, run: str) -> Standing | None:
        """Give where a run stands if somebody watches it; None otherwise."""
        found = self._feeds.get(run)
        return found[0].standing if found else None

    @asynccontextmanager
    async def watching(self, run: str) -> AsyncIterator[Feed]:
        """Give the feed of a run while it is watched; it is looked at as long as anybody watches."""
        if run not in self._feeds:
            feed = Feed(run)
            self._feeds[run] = (feed, asyncio.create_task(self._follow(feed), name=f"feed of {run}"))
        feed, task = self._feeds[run]
        feed.watchers += 1
        try:
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                del self._feeds[run]
                task.cancel()

    def close(self) -> None:
        """Have every watcher go."""
        self.closing = True
        for feed, _ in self._feeds.values():
            feed.tell(feed.standing)

    async def _follow(self, feed: Feed) -> None:
        if self._limit is None:
            self._limit = anyio.CapacityLimiter(_LOOKS_AT_ONCE)
        while not self.closing:
            try:
                found = await anyio.to_thread.run_sync(
                    self._look, self._desk, feed.run, feed.standing, limiter=self._limit
                )
            except JournalError as error:
                self._desk.give_up(error)
                found = _away(feed.standing, error.message)
            except Exception:  # noqa: BLE001 - whatever it is, watchers have to be told that they see nothing new
                _log.exception("run %s can't be looked at", feed.run)
                found = _away(feed.standing, "the dashboard has a defect; its log has the details")
            if found != feed.standing:
                feed.tell(found)
            await asyncio.sleep(feed.pause)


def look(desk: Desk, run: str, before: Standing | None) -> Standing:
    """Look where a run stands; asks no more than for marks of what is new while nothing changes.

    Raises:
        JournalError: the journal can't be read, or has no such run.
    """
    source = desk.source()
    journal = source.journal
    # In this order: what the holder wrote before it gave the lease back is counted then.
    held = journal.lease(f"run:{run}") is not None
    sequence = journal.version(run)
    mark = journal.shown_mark(run)
    known = before is not None and not before.away
    if before is not None and known and (before.sequence, before.held) == (sequence, held):
        return before if before.mark == mark else before._replace(mark=mark, output=_output(source, run, mark))
    head = journal.head(run)
    if head is None:
        raise JournalError(f"the journal has no run {run} any more")
    status = head.status if head.pruned else run_status(journal, head).status
    return Standing(sequence, status, held, mark=mark, output=_output(source, run, mark))


def _output(source: Source, run: str, mark: int) -> str:
    return section(source, run) if mark else ""


def _away(before: Standing | None, why: str) -> Standing:
    return (before or Standing(0, "", held=False))._replace(away=why)
