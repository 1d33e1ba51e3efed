"""Metrics of a project for Prometheus: read from the journal and the files whenever they are asked for."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from runbook_engine.app.compliance import duties
from runbook_engine.app.metrics_tally import RunsTally, bounded
from runbook_engine.app.project import OpenProject
from runbook_engine.execution.alarm_board import AlarmBoard
from runbook_engine.model.compliance import Duty
from runbook_engine.model.errors import RunbookError, UsageError
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.journal import Journal

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from runbook_engine.app.metrics_families import Verified

_FRESH = 1.0  # seconds for which an answer is good: a storm of scrapes reads the journal once
_DUTIES = 300.0
_VERIFY = 3600.0
_SOON = timedelta(days=30)


class Exposition(NamedTuple):
    """An answer to a scrape."""

    body: bytes
    content_type: str


class Metrics:
    """Answers scrapes, one at a time; whatever can't be read is told by a metric of its own, and never raises.

    Counters count over the newest 100 runs that there are at the first scrape, and everything from then on. The chain
    is checked in the background, once an hour.

    Args:
        journal_of: opens the journal; None for the project's.

    Attributes:
        registry: all of it, and what the process itself uses, for prometheus_client's own servers.

    Raises:
        UsageError: the library for it is not installed.
    """

    def __init__(
        self,
        project: OpenProject,
        clock: Clock,
        *,
        journal_of: Callable[[], Journal] | None = None,
    ) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector
        except ModuleNotFoundError as error:
            raise UsageError(
                "metrics need the library prometheus-client, which is not installed",
                hint="pip install 'runbook-engine[web]'",
            ) from error
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        self._project, self._clock = project, clock
        self._journal_of = journal_of or project.journal
        self._lock = threading.Lock()
        self._tally = RunsTally()
        self._looks: Counter[tuple[str, str]] = Counter()
        self._families: tuple[float, list[Metric]] | None = None
        self._duties: tuple[float, datetime, list[Duty] | None] | None = None
        self._verified: Verified | None = None
        self._verify_at = clock.monotonic()
        self._verifying: threading.Thread | None = None

    def render(self, accept: str = "") -> Exposition:
        """Give all metrics as text.

        Args:
            accept: the Accept header of who asks; OpenMetrics for who wants it, Prometheus' own text otherwise.
        """
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        return Exposition(encode(self.registry), content_type)

    def collect(self) -> "Iterator[Metric]":
        """Give what is ours (a collector of prometheus_client's)."""
        with self._lock:
            now = self._clock.monotonic()
            if self._families is None or now - self._families[0] >= _FRESH:
                self._families = (now, list(self._collect()))
            families = self._families[1]
        yield from families

    def looked(self, trigger: str, verdict: str) -> None:
        """Take note of a look at a trigger by this process's monitor."""
        with self._lock:
            self._looks[bounded(trigger, {name for name, _ in self._looks}), verdict] += 1

    def settle(self) -> None:
        """Wait until nothing is checked in the background any more."""
        if self._verifying is not None:
            self._verifying.join()

    def _collect(self) -> "Iterator[Metric]":
        from runbook_engine.app.metrics_families import build_families, compliance_families, up_family

        yield from build_families()
        try:
            found = self._of_journal()
        except RunbookError:
            found = None
        yield up_family("runbook_journal_up", "Whether the journal could be read.", up=found is not None)
        yield from found or ()
        at, owed = self._compliance()
        text = "Whether the runbooks' duties could be worked out."
        yield up_family("runbook_compliance_up", text, up=owed is not None)
        if owed is not None:
            yield from compliance_families(owed, at)

    def _of_journal(self) -> "list[Metric]":
        from runbook_engine.app import metrics_families as families

        journal = self._journal_of()
        try:
            heads = journal.runs()
            runs = self._tally.take(journal, heads)
            held = {one.head.id: journal.lease(f"run:{one.head.id}") is not None for one in runs}
            boards = _boards(journal)
        finally:
            journal.close()
        self._verify_if_due()
        return [
            *families.journal_families(heads, self._tally, self._verified),
            *families.count_families(self._tally),
            *families.open_run_families(runs, held, self._clock.now()),
            *families.monitor_families(boards, self._looks),
        ]

    def _compliance(self) -> tuple[datetime, list[Duty] | None]:
        now = self._clock.monotonic()
        if self._duties is None or now - self._duties[0] >= _DUTIES:
            at = self._clock.now()
            try:
                owed: list[Duty] | None = duties(self._project, at, _SOON)
            except RunbookError:
                owed = None  # told by a metric of its own; `runbook compliance` says why
            self._duties = (now, at, owed)
        return self._duties[1], self._duties[2]

    def _verify_if_due(self) -> None:
        busy = self._verifying is not None and self._verifying.is_alive()
        if busy or self._clock.monotonic() < self._verify_at:
            return
        self._verify_at = self._clock.monotonic() + _VERIFY
        self._verifying = threading.Thread(target=self._check_chain, name="verify", daemon=True)
        self._verifying.start()

    def _check_chain(self) -> None:
        from runbook_engine.app.metrics_families import Verified

        began = self._clock.monotonic()
        try:
            journal = self._journal_of()
            try:
                damage = journal.verify()
            finally:
                journal.close()
        except RunbookError:
            return  # the time of the last check grows old, which is what alerts go by
        self._verified = Verified(self._clock.now(), self._clock.monotonic() - began, damage)


def _boards(journal: Journal) -> Mapping[str, AlarmBoard]:
    """Give where triggers and alarms stand, by inventory; records are short, and only each one's newest is read."""
    boards: dict[str, AlarmBoard] = {}
    for head in journal.monitor_records():
        if head.inventory in boards or head.pruned:
            continue
        board = boards[head.inventory] = AlarmBoard()
        board.take(journal.read(head.id))
    return boards
