"""The engine is killed at every journal write of the demo's run; what it was to do is done once, and all of it."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("demo_kill_worker.py")
SECONDS = 570.0
LEAST_WRITES = 15  # a run that writes its journal less often than this was not the demo's
PROMISES = {
    "the run is resumed to its end": lambda seen: seen["status"] == "succeeded" and not seen["error"],
    "the database is restored exactly once": lambda seen: seen["restores"] == 1,
    "each host is deployed to exactly once": lambda seen: seen["deployments"] == {"standby-1": 1, "standby-2": 1},
    "the name leads to the standby region": lambda seen: seen["leads_to"] == "standby.reviews.example.",
    "everybody gets each mail exactly once": lambda seen: seen["mails"] == dict.fromkeys(EVERYBODY, 1),
    "every end that was recorded is still there": lambda seen: not seen["lost"],
    "nothing that ended well is begun again": lambda seen: not seen["again"],
    "the journal verifies": lambda seen: not seen["damage"],
}
EVERYBODY = ["customers@lists.example.com", "dana@example.com", "eli@example.com", "sam@example.com"]


# One test, because one enumeration proves all of it.
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_any_journal_write_the_run_is_resumed_and_everything_is_done_once(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        before, after = pool.map(lambda when: strike(when, tmp_path / when), ["before", "after"])
    for when, strikes in (("before", before), ("after", after)):
        killed = [seen["point"] for seen in strikes if seen["killed"]]
        assert killed == list(range(1, len(killed) + 1)), f"not every write was struck {when}"
        assert len(killed) >= LEAST_WRITES
        assert not strikes[-1]["killed"], "the enumeration ends with a run that nobody killed"
        broken = [
            f"killed {when} write {seen['point']}, not so: {promise} ({seen})"
            for seen in strikes
            for promise, kept in PROMISES.items()
            if not kept(seen)
        ]
        assert not broken, "\n".join(broken)


def strike(when, state):
    """Kill before (or after) each write in turn; gives what was seen for each."""
    state.mkdir()
    command = [sys.executable, str(WORKER), "--state", str(state), "--when", when]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
