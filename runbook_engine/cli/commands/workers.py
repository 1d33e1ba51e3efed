"""runbook workers: who serves which queue."""

from datetime import UTC, datetime

from runbook_engine.app.project import open_project
from runbook_engine.app.queues import database
from runbook_engine.app.workers import WorkerView, list_workers
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import output_option
from runbook_engine.cli.terminal import result, result_json, say, table
from runbook_engine.model.errors import UsageError


@documented
@output_option("text", "json")
def workers(output: str) -> None:
    """Show who serves which queue, from which machine, and what they do now.

    A worker whose heartbeat stands still for 15 seconds is `silent`, and soon given up: what it did is in doubt then,
    and settled by another one.

    Examples:
      runbook workers
      runbook workers --output json
    """
    url = database(open_project().config)
    if url is None:
        raise UsageError(
            "workers take their orders from a journal in PostgreSQL, and this project's is a file",
            hint='set journal = "postgresql://…" in runbook.toml',
        )
    found = list_workers(url)
    if output == "json":
        result_json([worker.model_dump(mode="json") for worker in found])
        return
    if not found:
        say("no worker works; start one: runbook worker --queue NAME")
        return
    head = ("queue", "host", "pid", "version", "state", "heartbeat", "does")
    result(table(head, [_row(worker, datetime.now(UTC)) for worker in found]))
    for worker in found:
        if worker.skew:
            say(f"{worker.host} (pid {worker.pid}) refuses orders of this machine: {worker.skew}")


def _row(worker: WorkerView, now: datetime) -> tuple[str, ...]:
    ago = max(0, round((now - worker.heartbeat).total_seconds()))
    does = ", ".join(f"{order.task} ({order.run})" for order in worker.runs)
    return (
        ", ".join(worker.queues),
        worker.host.partition(" ")[0],
        str(worker.pid),
        worker.version,
        worker.state,
        f"{ago} s ago",
        does or "nothing",
    )
