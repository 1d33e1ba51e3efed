"""A long run holds no more open files and threads at its end than at its beginning, and little memory for each task.

RUNBOOK_SOAK=STEPSxTARGETS makes it longer (100x100 without it); 1000x100 takes half a minute.
"""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

STEPS, TARGETS = map(int, os.environ.get("RUNBOOK_SOAK", "100x100").split("x"))
KEPT = 1024  # bytes: what the engine may keep of a task that ended, its outputs' names and what the allocator wastes
SLACK = 8 * 1024 * 1024  # bytes: caches that fill up once
FORKS = 20
OWN_THREADS = 3  # of the loop, and of whatever a library keeps

PLUGIN = '''
from runbook_engine.sdk import Action, Params, satisfied

class Look(Action[Params]):
    """Look at a folder.

    check: satisfied when it is there.
    """

    name = "soak.look"
    Params = Params

    def check(self, params, context):
        """Look."""
        found = context.connection.stat("/")
        context.output("stdout", b"looked\\n")
        return satisfied("it is there", outputs={"mode": found.mode})
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for part in ("runbooks", "inventories/many", "plugins"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "runbook.toml").write_text('inventory = "many"\n')
    (tmp_path / "plugins" / "soak.py").write_text(PLUGIN)
    hosts = {f"t{number}": {"ansible_connection": "local"} for number in range(TARGETS)}
    (tmp_path / "inventories" / "many" / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    steps = [
        {"id": f"s{number}", "targets": "all", "needs": [f"s{number - 1}@target"] if number else [], "soak.look": {}}
        for number in range(STEPS)
    ]
    (tmp_path / "runbooks" / "soak.yml").write_text(json.dumps({"runbook": "soak", "steps": steps}))
    return tmp_path


def test_a_long_run_holds_no_more_at_its_end_than_at_its_beginning(project):
    worker = Path(__file__).with_name("soak_worker.py")
    done = subprocess.run([sys.executable, worker, project], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["end"], told["tasks"]) == ("succeeded", STEPS * TARGETS)
    readings = told["readings"]
    assert len(readings) == 10
    first, last = readings[0], readings[-1]
    assert {reading["files"] for reading in readings} == {first["files"]}
    assert max(reading["threads"] for reading in readings) <= FORKS + OWN_THREADS
    kept = last["memory"] - first["memory"]
    assert kept <= KEPT * (last["ended"] - first["ended"]) + SLACK
    # No tenth of the run costs more than another: what grows with the run's length grows by the same each time.
    steepest = max(after["memory"] - before["memory"] for before, after in pairwise(readings))
    assert steepest <= KEPT * (last["ended"] // 10) + SLACK
