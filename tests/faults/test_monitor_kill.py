"""SIGKILL of the monitor at every journal write of an incident: no alarm is lost, and none is told as a second one."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("monitor_kill_worker.py")
LEAST_WRITES = 8  # opened, lease, seen, raised, told, seen clear, over, told
PROMISES = {
    "a monitor comes to the end": lambda seen: not seen["error"],
    "the alarm is raised once and over once": lambda seen: (seen["alarm.raised"], seen["alarm.over"]) == (1, 1),
    "it is told, and its end": lambda seen: seen["alarm.told"] == 2 and len({one for one, _ in seen["mails"]}) == 2,
    "nothing came back": lambda seen: seen["alarm.returned"] == 0,
    "a mail is sent twice only if its end was not recorded": lambda seen: len(seen["mails"]) <= 2 + seen["kills"],
    "the journal verifies": lambda seen: not seen["damage"],
}


@pytest.mark.slow
def test_killed_at_any_journal_write(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        before, after = pool.map(lambda when: strikes(when, tmp_path / when), ["before", "after"])
    for when, results in (("before", before), ("after", after)):
        assert results[0]["writes"] >= LEAST_WRITES
        assert len(results[0]["mails"]) == 2
        broken = [
            f"killed {when} write {seen['at']}, not so: {promise} ({seen})"
            for seen in results
            for promise, kept in PROMISES.items()
            if not kept(seen)
        ]
        assert broken == []
        assert sum(seen["kills"] for seen in results) >= LEAST_WRITES
    # Behind the record nothing is sent again; before it nobody can know, and the mail has the same Message-ID.
    assert [len(seen["mails"]) for seen in after] == [2] * len(after)
    assert sorted(len(seen["mails"]) for seen in before)[-2:] == [3, 3]


def strikes(when, top):
    """Kill before (or after) each write; gives what was seen for each, first of a monitor that nobody killed."""
    top.mkdir()
    command = [sys.executable, str(WORKER), "--top", str(top), "--when", when]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
