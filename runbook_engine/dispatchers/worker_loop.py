"""Takes orders from their queues, by procrastinate's worker, for as long as it is not told to stop."""

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, LiteralString

import psycopg
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.connector import Notify
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg_pool import AsyncConnectionPool

from runbook_engine.dispatchers.queue_claims import OrderKey
from runbook_engine.dispatchers.queue_jobs import ATTEMPT
from runbook_engine.dispatchers.queue_link import PATIENCE

Claim = Callable[[OrderKey, Callable[[], None]], "Future[str]"]
_BEAT, _STALLED, _SWEEP = 5.0, 20.0, 5.0
_LETTING_GO = 1.0  # seconds to end the jobs: the attempts are not theirs, and go on
_LONGEST_WAIT = 30
_ENDING, _TURN = 15.0, 0.1
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 15.0


class _LaterError(Exception):
    """The order may not be begun just now."""


class _BackToTheQueue(BaseRetryStrategy):
    """A job only brings an order; it may come as often as it likes, for the order is begun once."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        wait = min(2 ** min(job.attempts, 10), _LONGEST_WAIT) if isinstance(exception, _LaterError) else 0
        return RetryDecision(retry_in={"seconds": wait})


class JobsConnector(PsycopgConnector):
    """procrastinate's own, which hears of a job that comes while there seems to be none.

    Its worker forgets what it was told while it asked for a job, so that one which came in just that moment would wait
    for the next look.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._heard = 0
        self._tell: Callable[[], Awaitable[None]] | None = None
        self._again: asyncio.Future[None] | None = None

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Count what is heard, and keep the way to tell it."""

        async def hear(*, channel: str, payload: str) -> None:
            self._heard += 1
            self._tell = functools.partial(on_notification, channel=channel, payload=payload)
            await self._tell()

        await super().listen_notify(hear, channels)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        """Tell once more what was heard while a question for a job (or whatever has an id) found none."""
        heard = self._heard
        row: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
        nothing = "id" in row and row["id"] is None
        if nothing and self._heard != heard and self._tell is not None:
            self._again = asyncio.ensure_future(self._tell())  # after its worker has forgotten
        return row


async def _for_jobs(connection: psycopg.AsyncConnection[Any]) -> None:
    """Have each statement be a transaction of its own, whose commit nobody waits for.

    What a crash of the database loses of them is that a job was taken, or was done with: it comes once more then, as it
    may. Orders are begun and reported over another connection.
    """
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")


def _unchecked_pool(*, check: object, **arguments: Any) -> AsyncConnectionPool:
    """Make a pool that does not ask whether a connection lives before each statement, which tells it as well."""
    del check
    return AsyncConnectionPool(**arguments)


class WorkerLoop:
    """Serves queues; what it brings is begun, or not, by whoever `claim` is.

    Args:
        claim: begins an order; see `worker.Keeper.claim`.
        say: tells people.
    """

    def __init__(
        self, url: str, queues: Sequence[str], slots: int, *, claim: Claim, say: Callable[[str], None]
    ) -> None:
        self._url = url
        self._queues = list(queues)
        self._slots = slots
        self._claim = claim
        self._say = say
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stopped_at: float | None = None
        self._ended = threading.Event()
        self._failed: BaseException | None = None
        # What it says of each job is said by us, and that the database is away as well.
        for name in ("procrastinate", "psycopg"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

    def run(self) -> None:
        """Serve until `stop`; when the database goes away, come back with it.

        The jobs' loop has a thread of its own and is given so long to end: the attempts are not its, and neither they
        nor the process that is to end wait for a connection of its that hangs. Its jobs are brought to others then.
        """
        thread = threading.Thread(target=self._run, name="queues", daemon=True)
        thread.start()
        while not self._ended.wait(_TURN):
            if self._stopped_at is not None and time.monotonic() - self._stopped_at > _ENDING:
                self._say("the connection to the queues does not end, and is left")
                return
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody hears it
            self._failed = error
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Take nothing more; safe in a signal handler and in any thread."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None:
            with suppress(RuntimeError):  # the loop is over: told again while attempts run to their end
                loop.call_soon_threadsafe(stopping.set)

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(self._tell)
        if self._stopped_at is not None:
            return
        delay = _FIRST_DELAY
        while not self._stopping.is_set():
            try:
                await self._serve_once()
                delay = _FIRST_DELAY
            except (exceptions.ConnectorException, psycopg.Error):
                delay = min(delay * 2, _LONGEST_DELAY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    def _tell(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what went wrong where nobody waits for it; that the database is away, the heartbeat says already."""
        error = context.get("exception")
        if not isinstance(error, (exceptions.ConnectorException, psycopg.Error)):
            self._say(f"the queues: {context.get('message')}: {error or 'nothing more is known'}")

    async def _serve_once(self) -> None:
        """Serve until told to stop, or until the database goes away."""
        stopping = self._stopping
        if stopping is None:
            return
        app = self._app()
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(
                    queues=self._queues,
                    concurrency=self._slots,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    update_heartbeat_interval=_BEAT,
                    stalled_worker_timeout=_STALLED,
                    shutdown_graceful_timeout=_LETTING_GO,
                    fetch_job_polling_interval=1.0,
                )
            )
            sweeper = asyncio.create_task(self._sweep(app))
            stop = asyncio.create_task(stopping.wait())
            await asyncio.wait({worker, sweeper, stop}, return_when=asyncio.FIRST_COMPLETED)
            for task in (worker, sweeper, stop):
                task.cancel()
            ended = await asyncio.gather(worker, sweeper, stop, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _sweep(self, app: App) -> None:
        """Bring back the jobs of workers that vanished: perhaps their orders were not begun."""
        while True:
            for job in await app.job_manager.get_stalled_jobs(task_name=ATTEMPT, seconds_since_heartbeat=_STALLED):
                with suppress(exceptions.ConnectorException):  # another worker was quicker
                    await app.job_manager.retry_job(job)
            await asyncio.sleep(_SWEEP)

    def _app(self) -> App:
        connector = JobsConnector(
            conninfo=self._url,
            kwargs={"application_name": "runbook queue", **PATIENCE},
            configure=_for_jobs,
            pool_factory=_unchecked_pool,
            min_size=1,
            max_size=4,
            timeout=10.0,
        )
        app = App(connector=connector)

        @app.task(name=ATTEMPT, pass_context=True, retry=_BackToTheQueue())
        async def attempt(_context: JobContext, run: str, task: str, number: int) -> None:
            await self._bring(OrderKey(run, task, number))

        del attempt
        return app

    async def _bring(self, key: OrderKey) -> None:
        """Have an order begun, and take its place until its attempt ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def on_end() -> None:
            with suppress(RuntimeError):  # the loop is over, and nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        answer: Any = await asyncio.wrap_future(self._claim(key, on_end))
        if answer == "later":
            raise _LaterError
        if answer == "begun":
            await ended.wait()
