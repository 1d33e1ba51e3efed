"""Tells a browser as it happens that a run changed: server-sent events, which it asks for again by itself."""

import asyncio
import json
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runbook_engine.model.errors import JournalError, RunbookError
from runbook_engine.web.doors import who
from runbook_engine.web.feeds import Feed, Feeds, Standing
from runbook_engine.web.paths import run_of
from runbook_engine.web.replies import RefusedError, desk_of

_log = logging.getLogger("runbook.web")
_QUIET_SECONDS = 15.0  # after which a comment is sent, so that nobody between us takes the silence for the end
_AGAIN = b"retry: 3000\n\n"


async def events(request: Request) -> Response:
    """Give the stream of a run's changes: `changed`, with the newest event's number as id, `output`, `away`, `back`."""
    desk, run = desk_of(request), request.path_params["run"]
    feeds: Feeds = request.app.state.feeds
    if feeds.watchers >= desk.settings.most_streams:
        raise RefusedError(503, "too many watch already", hint="load the page again in a while")
    await run_in_threadpool(lambda: run_of(desk.source(), run))
    return EventStream(request, feeds, run)


class EventStream(Response):
    """A response that goes on until its browser goes, is too slow, is logged out, or the server ends."""

    def __init__(self, request: Request, feeds: Feeds, run: str) -> None:
        super().__init__(media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._request = request
        self._feeds = feeds
        self._run = run
        self._seen = _number(request.headers.get("last-event-id", ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the stream ends."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        async with self._feeds.watching(self._run) as feed:
            sending = asyncio.create_task(self._send(feed, send))
            gone = asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, gone):
                    task.cancel()
                ended, _ = await asyncio.gather(sending, gone, return_exceptions=True)
        if isinstance(ended, TimeoutError):
            _log.info("a browser that watches run %s takes nothing any more, and is let go", self._run)
        elif isinstance(ended, Exception):
            raise ended
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, feed: Feed, send: Send) -> None:
        await self._put(send, _AGAIN)
        told: Standing | None = None
        while not self._feeds.closing and await self._may_watch():
            standing = feed.standing
            if standing is not None and standing != told:
                for text in _texts(told, standing, seen=self._seen):
                    await self._put(send, text)
                told = standing
                continue
            await feed.changed(_QUIET_SECONDS)
            if feed.standing == told:
                await self._put(send, b": still here\n\n")

    async def _put(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(desk_of(self._request).settings.patience):
            await send({"type": "http.response.body", "body": body, "more_body": True})

    async def _may_watch(self) -> bool:
        """Ask again whether the person may be here: a login ends, and a token is withdrawn, also while one watches."""
        desk = desk_of(self._request)
        session = desk.sessions.find(self._request.state.session, used=False)
        if session is None:
            return False
        try:
            return await who(desk, session) is not None
        except JournalError as error:
            # Then nobody can be looked up, and nothing but `away` is told: the login itself was found.
            desk.give_up(error)
            return True
        except RunbookError as error:
            _log.error("nobody can watch: %s", error.message)
            return False


def _texts(told: Standing | None, standing: Standing, *, seen: int) -> list[bytes]:
    """Give the events that tell of a standing to who knows another one (or was told until `seen` before)."""
    if standing.away:
        return [_event("away", standing, {"problem": standing.away})]
    texts = [_event("back", standing, {})] if told is not None and told.away else []
    if (told is None and standing.sequence != seen) or (told is not None and standing.events != told.events):
        texts.append(_event("changed", standing, {"sequence": standing.sequence, "status": standing.status}))
    if standing.output != (told.output if told is not None else ""):
        # Without an id: who comes again is told where the run's events stand, and the newest output anyhow.
        texts.append(f"event: output\ndata: {json.dumps({'element': standing.output})}\n\n".encode())
    return texts


def _event(kind: str, standing: Standing, data: dict[str, object]) -> bytes:
    return f"event: {kind}\nid: {standing.sequence}\ndata: {json.dumps(data)}\n\n".encode()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1  # noqa: PLR2004 - of 63 bits


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
