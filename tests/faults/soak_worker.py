"""Runs a project's runbook `soak` and prints, as JSON, what this process holds at every tenth of the run."""

import gc
import json
import os
import sys
import threading
from pathlib import Path

from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import RunRequest
from runbook_engine.app.run_runbook import run_runbook
from runbook_engine.execution.loop_tools import Interrupts

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Gauge:
    """A listener that reads what the process holds: open files, threads, resident memory in bytes."""

    def __init__(self, tasks: int) -> None:
        self.readings: list[dict[str, int]] = []
        self._every = max(1, tasks // 10)
        self._ended = 0

    def event(self, stored) -> None:
        """Read after every tenth of the tasks."""
        if stored.event.kind != "attempt.finished":
            return
        self._ended += 1
        if self._ended % self._every == 0:
            gc.collect()
            self.readings.append(
                {
                    "ended": self._ended,
                    "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
                    "threads": threading.active_count(),
                    "memory": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
                }
            )

    def warning(self, text) -> None:
        """Fail: nothing is out of the ordinary here."""
        raise AssertionError(text)

    def progress(self, progress) -> None:
        """Nothing says how far it is."""


def main() -> None:
    """Run it."""
    project = open_project(Path(sys.argv[1]))
    request = RunRequest(plan=PlanRequest(runbook="soak"), forks=20)
    prepared = prepare_plan(project, request.plan)
    journal = project.journal(create=True)
    gauge = Gauge(len(prepared.plan.tasks))
    ended = run_runbook(project, request, prepared, journal, listener=gauge, interrupts=Interrupts())
    journal.close()
    sys.stdout.write(json.dumps({"end": ended.end, "tasks": len(prepared.plan.tasks), "readings": gauge.readings}))


if __name__ == "__main__":
    main()
