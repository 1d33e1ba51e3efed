"""A copy of a journal is killed at any of the calls by which it becomes durable: all of it is there, or nothing is."""

import shutil

import pytest
from support.forks import helper

from runbook_engine.model.errors import ExitCode

pytestmark = [
    pytest.mark.timeout(280),
    pytest.mark.skipif(shutil.which("strace") is None, reason="no strace here"),
]
# (What a kill at any other moment leaves, one of these leaves as well.)
FILE_CALLS = "fsync,fdatasync,link,linkat,rename,unlink,unlinkat"
MOST = 40


@pytest.fixture
def written(runbook):
    assert runbook("run", "restore-settings", "--yes").status == 0
    return runbook


def killed_at(runbook, calls, number, address):
    """Copy under strace, which kills it at the so-manieth of those calls; tell whether it came that far."""
    done = helper().traced(
        ["journal", "copy", address],
        calls=calls,
        inject=f"{calls}:signal=KILL:when={number}",
        cwd=runbook.root,
        env=runbook.environment(),
        timeout=120,
    )
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode != 0


def whole_or_nothing(runbook, address, head):
    """See what is there, and make the copy good where it is not; tell whether it was there already."""
    found = runbook("audit", "verify", "--output", "json", RUNBOOK_JOURNAL=address)
    there = found.status == 0 and found.json["runs"] == 1
    again = runbook("journal", "copy", address)
    assert again.status == (ExitCode.USAGE if there else 0), again.err
    verified = runbook("audit", "verify", "--output", "json", RUNBOOK_JOURNAL=address)
    assert verified.json == head, "a copy is the journal"
    return there


def test_into_a_file_at_every_call_that_makes_it_durable(written):
    head = written("audit", "verify", "--output", "json").json
    there = []
    for number in range(1, MOST):
        address = f"sqlite:///copies/{number}/copy.db"
        if not killed_at(written, FILE_CALLS, number, address):
            break
        there.append(whole_or_nothing(written, address, head))
        assert [path.name for path in (written.root / "copies" / str(number)).iterdir() if path.is_dir()] == []
    else:
        raise AssertionError("it never came to its end")
    assert there[0] is False
    assert there == sorted(there), "from some call on it is there, and stays"


@pytest.mark.parametrize("number", [3, 30, 90])
def test_into_postgresql(written, postgres, number):
    head = written("audit", "verify", "--output", "json").json
    address = postgres.url(postgres.new_database(), "journal_owner")
    killed_at(written, "sendto", number, address)
    whole_or_nothing(written, address, head)
