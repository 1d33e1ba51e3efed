"""Tells a tracing system of a run, while it goes on and without ever holding it up."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, Self

from runbook_engine.app.project import OpenProject
from runbook_engine.model.errors import UsageError
from runbook_engine.model.event import StoredEvent
from runbook_engine.ports.dispatcher import AttemptProgress
from runbook_engine.ports.journal import Journal
from runbook_engine.reporting.spans import RunSpans, Span

_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_MOST_WAITING = 10_000  # spans that wait to be sent; what comes on top is not sent
_BATCH = 512
_PATIENCE = 5.0  # seconds that the end of a run waits for what is still to be sent


class Export(Protocol):
    """Sends spans somewhere."""

    def __call__(self, spans: Sequence[Span], /) -> bool:
        """Send them; says whether they arrived."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


def traces_wanted(project: OpenProject, environment: Mapping[str, str] | None = None) -> bool:
    """Whether runs are to be told of: an endpoint is named, and tracing is not switched off."""
    variables = os.environ if environment is None else environment
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or variables.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return bool(project.config.traces.endpoint) or any(variables.get(name) for name in _VARIABLES)


def otlp_export(project: OpenProject) -> Export:
    """Make what sends spans; the environment overrides runbook.toml.

    Raises:
        UsageError: the libraries for it are not installed.
    """
    try:
        from runbook_engine.app.traces_export import OtlpExport
    except ModuleNotFoundError as error:
        raise UsageError(
            f"traces need a library that is not installed ({error.name})", hint="pip install 'runbook-engine[traces]'"
        ) from error
    by_environment = any(os.environ.get(name) for name in _VARIABLES)
    return OtlpExport("" if by_environment else project.config.traces.endpoint)


class Traces:
    """A listener that sends spans from a thread of its own.

    Nothing is waited for but at the end, and that for some seconds at most. The first thing that goes wrong is told,
    once, and nothing is sent any more: `runbook trace` sends all of a run again from its journal.

    Args:
        connect: makes what sends; called in the thread, for its libraries take long to load.
        warn: tells people.
    """

    def __init__(
        self, connect: Callable[[], Export], warn: Callable[[str], None], *, patience: float = _PATIENCE
    ) -> None:
        self._connect, self._warn, self._patience = connect, warn, patience
        self._runs: dict[str, RunSpans] = {}
        self._waiting: queue.Queue[Span | None] = queue.Queue(_MOST_WAITING)
        self._problem = ""
        self._told = False
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._waiting.put(None, timeout=self._patience)
            self._thread.join(self._patience)
        except queue.Full:
            self._problem = self._problem or "more happened than could be sent"
        if self._thread.is_alive():
            self._problem = self._problem or "no answer in time"
        self._tell()

    def recall(self, events: Iterable[StoredEvent]) -> None:
        """Take note of what happened before, and was sent by who drove the run then."""
        for stored in events:
            for _ in self._of(stored.run).take(stored):
                continue

    def event(self, stored: StoredEvent) -> None:
        """Send the spans that an event ends."""
        for span in self._of(stored.run).take(stored):
            if self._problem:
                return
            try:
                self._waiting.put_nowait(span)
            except queue.Full:
                self._problem = "more happened than could be sent"

    def warning(self, text: str) -> None:
        """Leave warnings out."""

    def progress(self, progress: AttemptProgress) -> None:
        """Leave progress out."""

    def _of(self, run: str) -> RunSpans:
        return self._runs.setdefault(run, RunSpans(run))

    def _work(self) -> None:
        try:
            export = self._connect()
        except Exception as error:  # noqa: BLE001 - whatever a library does wrong must not reach the run
            self._fail(f"{getattr(error, 'message', error)}")
            return
        over = False
        while not over and not self._problem:
            batch = [self._waiting.get()]
            while batch[-1] is not None and len(batch) < _BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            over = batch[-1] is None
            spans = [span for span in batch if span is not None]
            try:
                if spans and not export(spans):
                    self._fail("the collector can't be reached or refuses them")
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(f"{type(error).__name__}: {error}")
        export.close()

    def _fail(self, problem: str) -> None:
        self._problem = self._problem or problem
        self._tell()

    def _tell(self) -> None:
        if self._problem and not self._told:
            self._told = True
            self._warn(f"traces are not sent any more: {self._problem}; `runbook trace RUN` sends a run's again")


def send_again(journal: Journal, run: str, export: Export) -> int:
    """Send all spans of a run from its events; gives their number, 0 when they did not arrive.

    Raises:
        JournalError: its events can't be read.
    """
    spans = RunSpans(run)
    found = [span for stored in journal.read(run) for span in spans.take(stored)]
    batches = [found[start : start + _BATCH] for start in range(0, len(found), _BATCH)]
    try:
        return len(found) if all(export(batch) for batch in batches) else 0
    finally:
        export.close()
