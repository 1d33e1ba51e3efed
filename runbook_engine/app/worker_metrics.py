"""What a worker tells Prometheus of itself; it may not read the journal, so that this is all that it knows."""

from runbook_engine import version
from runbook_engine.app.metrics_tally import BUCKETS, bounded
from runbook_engine.model.errors import UsageError


class WorkerMetrics:
    """Counts the attempts of this process; safe to use from several threads.

    Attributes:
        registry: all of it, and what the process itself uses, for prometheus_client's own servers.

    Raises:
        UsageError: the library for it is not installed.
    """

    def __init__(self, queues: tuple[str, ...], slots: int) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
        except ModuleNotFoundError as error:
            raise UsageError(
                "metrics need the library prometheus-client, which is not installed",
                hint="pip install 'runbook-engine[web]'",
            ) from error
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._actions: set[str] = set()
        info = Gauge("runbook_worker_info", "What it serves; always 1.", ["version", "queue"], registry=self.registry)
        for queue in queues:
            info.labels(version(), queue).set(1)
        Gauge("runbook_worker_slots", "Attempts that it makes at once, at most.", registry=self.registry).set(slots)
        self._running = Gauge("runbook_worker_attempts_running", "Attempts that it makes now.", registry=self.registry)
        self._ended = Counter(
            "runbook_worker_attempts", "Attempts that ended here.", ["action", "outcome"], registry=self.registry
        )
        self._lasted = Histogram(
            "runbook_worker_attempt_duration_seconds",
            "How long attempts took here.",
            ["action"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._seen = Gauge(
            "runbook_worker_heartbeat_timestamp_seconds",
            "When the database last took its heartbeat.",
            registry=self.registry,
        )

    def began(self) -> None:
        """Count an attempt as running."""
        self._running.inc()

    def ended(self, action: str, outcome: str, seconds: float) -> None:
        """Count an attempt's end."""
        name = bounded(action, self._actions)
        self._actions.add(name)
        self._running.dec()
        self._ended.labels(name, outcome).inc()
        self._lasted.labels(name).observe(seconds)

    def heard(self) -> None:
        """Note that the database took a heartbeat, now."""
        self._seen.set_to_current_time()
