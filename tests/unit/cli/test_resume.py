"""A run that is closed by its holder while somebody takes it over."""

import pytest

from runbook_engine.cli.commands.resume import closed_meanwhile
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import Actor, RunClosed, RunOpened

ENGINE = Actor(kind="engine", name="engine")


@pytest.fixture
def journal():
    made = MemoryJournal()
    made.open_run("r1", RunOpened(runbook="x", inventory="i", mode="live", fingerprint="f", engine_version="1"), ENGINE)
    return made


def test_a_run_that_ended_since_it_was_looked_at_is_found_out(journal):
    head = journal.head("r1")
    assert closed_meanwhile(journal, head) is None
    journal.append("r1", [RunClosed(status="failed")], ENGINE)
    assert closed_meanwhile(journal, head) == "failed"
    assert closed_meanwhile(journal, journal.head("r1")) is None, "it was closed before, and may be reopened"
