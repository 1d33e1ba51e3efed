"""Runs a project's runbook in this process, and tells as JSON what each stage took; `--profile` shows where."""

import argparse
import cProfile
import gc
import json
import pstats
import resource
import threading
import time
from pathlib import Path

from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import RunRequest
from runbook_engine.app.run_runbook import run_runbook
from runbook_engine.execution.loop_tools import Interrupts


class Deaf:
    """A listener that does nothing, so that what is measured is the engine and not the screen."""

    def event(self, stored):
        """Take no notice."""

    def warning(self, text):
        """Take no notice."""

    def progress(self, progress):
        """Take no notice."""


def main():
    gc.set_threshold(50_000, 20, 100)  # as the command line does
    arguments = argparse.ArgumentParser()
    arguments.add_argument("project", type=Path)
    arguments.add_argument("runbook")
    arguments.add_argument("--forks", type=int, default=50)
    arguments.add_argument("--profile", type=Path, help="write the engine thread's profile here, as text")
    given = arguments.parse_args()
    project = open_project(given.project)
    request = RunRequest(plan=PlanRequest(runbook=given.runbook), forks=given.forks)
    begun = time.perf_counter()
    prepared = prepare_plan(project, request.plan)
    tasks = len(prepared.plan.tasks)
    planned = time.perf_counter()
    cpu = time.process_time()
    engine_cpu = time.thread_time()
    journal = project.journal(create=True)
    profile = cProfile.Profile()
    if given.profile:
        profile.enable()
    ended = run_runbook(project, request, prepared, journal, listener=Deaf(), interrupts=Interrupts())
    profile.disable()
    finished = time.perf_counter()
    if given.profile:
        with given.profile.open("w") as stream:
            stats = pstats.Stats(profile, stream=stream)
            stats.sort_stats("cumulative").print_stats(60)
            stats.sort_stats("tottime").print_stats(40)
    head = journal.head(ended.run)
    journal.close()
    facts = {
        "end": ended.end,
        "tasks": tasks,
        "events": head.events,
        "plan_seconds": planned - begun,
        "run_seconds": finished - planned,
        "run_cpu_seconds": time.process_time() - cpu,
        "loop_cpu_seconds": time.thread_time() - engine_cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads_left": threading.active_count() - 1,
    }
    print(json.dumps(facts))


main()
