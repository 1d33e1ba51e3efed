"""The use case `worker`: makes the attempts that are ordered by way of queues, until it is told to stop."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runbook_engine import version
from runbook_engine.app.clock import SystemClock
from runbook_engine.app.project import OpenProject
from runbook_engine.app.queue_facts import RunForWorkers, relative_origin
from runbook_engine.app.queues import check_name, database
from runbook_engine.app.worker_metrics import WorkerMetrics
from runbook_engine.app.worker_runs import WorkerRun
from runbook_engine.app.workers import explained
from runbook_engine.dispatchers.queue_wire import SentOrder
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.live_board import LiveBoard
from runbook_engine.journals.holder import this_machine, this_process
from runbook_engine.model.errors import RunbookError, UsageError
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.dispatcher import AttemptReport

_RUNS = 8  # runs whose connections are kept open although nothing of theirs is made
_LOOK = 0.2
_LAST_WORDS = 10.0
_CANCEL_GRACE = 30.0


@dataclass(slots=True)
class _Kept:
    run: WorkerRun
    users: int = 0


class QueueWorker:
    """A worker of this machine.

    Args:
        slots: greatest number of attempts at once.
        say: tells people.
        metrics: counts what it does; None for nobody.

    Raises:
        UsageError: the journal is no database, or a queue's name is none.
    """

    def __init__(
        self,
        project: OpenProject,
        queues: tuple[str, ...],
        slots: int,
        say: Callable[[str], None],
        metrics: WorkerMetrics | None = None,
    ) -> None:
        for queue in queues:
            check_name(queue)
        url = database(project.config)
        if url is None:
            raise UsageError(
                "a worker takes its orders from a journal in PostgreSQL, and this project's is a file",
                hint='set journal = "postgresql://…" in runbook.toml, or RUNBOOK_JOURNAL',
            )
        self._url = url
        self._project = project
        self._queues = tuple(dict.fromkeys(queues))
        self._slots = slots
        self._say = say
        self._metrics = metrics
        self._clock = SystemClock()
        self._term = LeaseTerm()
        self._lock = threading.Lock()
        self._runs: dict[str, _Kept] = {}
        self._stops = 0
        self._stopped = CancelSignal()
        self._stop_loop: Callable[[], None] | None = None
        self._board: LiveBoard | None = None

    def run(self) -> None:
        """Serve the queues until `stop`, and then until what runs has ended.

        Raises:
            JournalError: the database can't hold orders, or can't be reached at the start.
        """
        from runbook_engine.dispatchers.queue_claims import WorkerFacts
        from runbook_engine.dispatchers.queue_list import ensure_schema
        from runbook_engine.dispatchers.worker import Keeper
        from runbook_engine.dispatchers.worker_live import WorkerShow
        from runbook_engine.dispatchers.worker_loop import WorkerLoop

        root, holder = self._project.root, this_process()
        plugins = {relative_origin(name, root): made for name, made in self._project.catalog.versions().items()}
        facts = WorkerFacts(self._queues, this_machine(), holder.pid, version(), json.dumps(plugins), self._slots)
        keeper = Keeper(
            self._url,
            facts,
            make=self._make,
            tidy=self._tidy,
            alive=self._heard,
            say=self._say,
            clock=self._clock,
        )
        shows = WorkerShow(self._url, lambda: keeper.name)
        self._board = LiveBoard(shows.show, self._say, clock=self._clock)
        loop = WorkerLoop(self._url, self._queues, self._slots, claim=keeper.claim, say=self._say)
        with explained():
            ensure_schema(self._url)
            keeper.start()
        self._stop_loop = loop.stop
        self._say(f"serves {', '.join(self._queues)}, {self._slots} attempts at once")
        try:
            if not self._stopped.is_set():
                loop.run()
            keeper.drain()
            self._wait_for(lambda: keeper.busy, keeper.cancel_all)
        finally:
            keeper.close(_LAST_WORDS)
            self._board.close()
            shows.close()
            self._close(self._runs.values())

    def stop(self) -> None:
        """Take nothing more; called again, end what runs. Safe in a signal handler."""
        self._stops += 1
        if self._stop_loop is not None:
            self._stop_loop()
        threading.Thread(target=self._stopped.set, name="stop", daemon=True).start()

    def _wait_for(self, busy: Callable[[], int], cancel: Callable[[], None]) -> None:
        cancelled_at: float | None = None
        if busy():
            self._say(f"takes nothing more; {busy()} attempts run to their end")
        while busy():
            if self._stops > 1 and cancelled_at is None:
                cancelled_at = self._clock.monotonic()
                self._say("ends what runs")
                cancel()
            if cancelled_at is not None and self._clock.monotonic() - cancelled_at > _CANCEL_GRACE:
                self._say("what did not end is left, and in doubt")
                return
            self._clock.sleep(_LOOK)

    def _heard(self, asked_at: float, seconds: float) -> None:
        self._term.renewed(asked_at, seconds)
        if self._metrics is not None:
            self._metrics.heard()

    def _make(
        self, sent: SentOrder, facts: str, cancelled: CancelSignal, on_progress: Callable[[str], None]
    ) -> AttemptReport:
        if self._metrics is None:
            return self._attempt(sent, facts, cancelled, on_progress)
        begun = self._clock.monotonic()
        self._metrics.began()
        report = self._attempt(sent, facts, cancelled, on_progress)
        ended = "in-doubt" if report.in_doubt else str(report.outcome)
        self._metrics.ended(sent.order.action, ended, self._clock.monotonic() - begun)
        return report

    def _attempt(
        self, sent: SentOrder, facts: str, cancelled: CancelSignal, on_progress: Callable[[str], None]
    ) -> AttemptReport:
        order = sent.order
        self._say(f"begins {order.task} of run {order.run}")
        try:
            with self._run(order.run, facts) as run:
                report = run.make(sent, cancelled, on_progress)
        except (RunbookError, ValueError) as error:
            text = f"the worker can't make it: {error}"
            return AttemptReport(order.task, order.number, Outcome.FAILED, error=text, in_doubt=order.settle)
        self._say(f"{order.task} of run {order.run}: {report.outcome}")
        return report

    def _tidy(self, sent: SentOrder, facts: str) -> None:
        try:
            with self._run(sent.order.run, facts) as run:
                run.tidy(sent.order)
        except (RunbookError, ValueError) as error:
            self._say(f"{sent.order.task}: the finished command's folder could not be removed: {error}")

    @contextmanager
    def _run(self, run: str, facts: str) -> Iterator[WorkerRun]:
        """Give the tools of a run; they are kept for its next attempt, unless there are too many others."""
        key = f"{run}\n{facts}"
        with self._lock:
            found = self._runs.pop(key, None)
            if found is None:
                known = RunForWorkers.model_validate_json(facts)
                found = _Kept(WorkerRun(self._project, known, version(), self._clock, self._term, self._board))
            self._runs[key] = found  # (the newest is the last)
            found.users += 1
        try:
            yield found.run
        finally:
            with self._lock:
                found.users -= 1
                idle = [name for name, one in self._runs.items() if not one.users]
                old = [self._runs.pop(name) for name in idle[: max(0, len(self._runs) - _RUNS)]]
            self._close(old)

    def _close(self, runs: Iterable[_Kept]) -> None:
        for kept in runs:
            for problem in kept.run.close():
                self._say(f"finished commands' folders could not be removed: {problem}")
