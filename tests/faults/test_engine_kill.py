"""SIGKILL at every journal write, and at every request as its target sees it: nothing is lost, nothing done twice.

One run has each kind of action: commands that run detached here and over SSH, a file, HTTP with a token, HTTP whose
effect a check reads, AWS, mail. What counts is what the targets saw. RUNBOOK_FAULTS=all adds every pair of kills.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.forks import helper
from support.kill_stage import ONCE, POINTS, stage
from support.sshd import SSHD, start_again

from runbook_engine.journals.address import open_journal
from runbook_engine.model.event import AttemptFinished, AttemptStarted, TaskResolved

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(SSHD is None, reason="no sshd: install openssh-server")]

WORKER = Path(__file__).with_name("kill_worker.py")
LEAST_WRITES = 10  # opened, lease, seven tasks one after the other, closed
PROMISES = {
    "the run is resumed to its end": lambda seen: seen["status"] == "succeeded" and not seen["error"],
    "every target saw all of it exactly once": lambda seen: seen["seen"] == ONCE,
    "every end that was recorded is still there": lambda seen: not seen["lost"],
    "nothing that ended well is begun again": lambda seen: not seen["again"],
    "the journal verifies": lambda seen: not seen["damage"],
    "a person is asked about nothing but the mail": lambda seen: all("mail@" in word for word in seen["said"]),
}


@pytest.mark.slow
def test_killed_at_any_journal_write(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        before, after = pool.map(lambda when: strikes(when, tmp_path / when), ["before", "after"])
    for when, results in (("before", before), ("after", after)):
        assert results[0]["writes"] >= LEAST_WRITES
        assert [seen["kills"] for seen in results] == [0, *[1] * results[0]["writes"]], "a write was not struck"
        assert broken_promises(when, results) == []
    asked = [seen["at"] for seen in before if seen["said"]]
    assert asked == [[before[0]["writes"] - 1]], "before the write that ends the mail, nobody knows whether it was sent"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.environ.get("RUNBOOK_FAULTS") != "all", reason="RUNBOOK_FAULTS=all runs this for minutes")
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_twice_at_any_pair_of_journal_writes(tmp_path, when):
    results = strikes(when, tmp_path / when, "--pairs")
    assert sum(seen["kills"] == 2 for seen in results) > LEAST_WRITES
    assert broken_promises(when, results) == []


def strikes(when, top, *more):
    """Kill before (or after) the writes; gives what was seen for each, first of a run that nobody killed."""
    top.mkdir()
    command = [sys.executable, str(WORKER), "--top", str(top), "--when", when, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def broken_promises(when, results):
    return [
        f"killed {when} write {seen['at']}, not so: {promise} ({seen})"
        for seen in results
        for promise, kept in PROMISES.items()
        if not kept(seen)
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def runbook(made, *words):
    """Call the program; the targets know its process id before it can reach them."""
    known = made.state / "engine.pid"
    done = helper().run(words, cwd=made.root, env=made.environment, pid_file=known, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def log(made):
    """Give the newest run's events; a journal that does not verify is no log."""
    journal = open_journal("sqlite:///.runbook/journal.db", project=made.root, create=False)
    try:
        assert journal.verify() == []
        return list(journal.read(journal.runs(limit=1)[0].id))
    finally:
        journal.close()


@pytest.mark.parametrize("point", [point for points in POINTS.values() for point in points])
def test_killed_by_its_target(made, point):
    made.forget()
    made.strike(point)
    killed = runbook(made, "run", "everything", "--yes")
    assert killed.returncode == -9, killed.stderr
    assert made.has_struck(point)
    made.wait_until_quiet()
    before = log(made)
    resumed = runbook(made, "resume", "--yes")
    if point in POINTS["mail"]:
        assert resumed.returncode == 4, resumed.stderr
        assert "mail@localhost is in doubt" in resumed.stderr
        truth = "done" if made.mails() else "retry"
        assert truth == ("retry" if point == "mail-lost" else "done")
        assert runbook(made, "resolve", "last", "mail", truth, "--reason", "looked into the log").returncode == 0
        resumed = runbook(made, "resume", "--yes")
    assert resumed.returncode == 0, resumed.stderr
    assert made.seen() == ONCE
    after = log(made)
    assert after[: len(before)] == before, "what was recorded is still there"
    ended = {stored.event.task for stored in before if isinstance(stored.event, AttemptFinished)}
    begun = {stored.event.task for stored in after[len(before) :] if isinstance(stored.event, AttemptStarted)}
    assert not ended & begun, "what had ended is not begun again"
    if point in POINTS["mail"]:
        said = next(stored for stored in after if isinstance(stored.event, TaskResolved))
        assert (said.event.truth, said.event.reason) == (truth, "looked into the log")
        assert said.actor.kind == "person"


def test_a_target_that_is_away_when_the_run_is_resumed_does_not_run_its_command_again(made):
    """Nobody could look what became of the command; so it stays in doubt, and the next resume finds it."""
    made.forget()
    made.strike("ssh-begun")
    assert runbook(made, "run", "everything", "--yes").returncode == -9
    made.sshd.stop()
    try:
        away = runbook(made, "resume", "--yes")
    finally:
        start_again(made.sshd)
    assert away.returncode == 1, away.stderr
    resumed = runbook(made, "resume", "--yes")
    assert resumed.returncode == 0, resumed.stderr
    assert made.seen() == ONCE


def test_a_service_that_refuses_to_answer_an_attempt_in_doubt_makes_nothing_twice(made):
    made.forget()
    made.strike("token-received")
    assert runbook(made, "run", "everything", "--yes").returncode == -9
    made.wait_until_quiet()
    made.strike("token-refused")
    refused = runbook(made, "resume", "--yes")
    assert refused.returncode == 1, refused.stderr
    resumed = runbook(made, "resume", "--yes")
    assert resumed.returncode == 0, resumed.stderr
    assert made.seen() == ONCE
