"""A report that is kept up to date is the one that would be made anew, after any number of events."""

import pytest
from support.dashboard_stage import Stage

from runbook_engine.app.live_report import LiveReports
from runbook_engine.app.steer import decide
from runbook_engine.app.usual_times import UsualTimes
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.reporting.build import build_report


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("live") / "project")
    yield made
    made.journal.close()


@pytest.fixture(scope="module")
def run(stage):
    run = stage.run("failover")
    stage.approve(run)
    stage.resume(run)
    decide(stage.project, stage.journal, run, "deploy", "skip", reason="gone", person="eli")
    stage.resume(run)
    return run


class Growing(MemoryJournal):
    """Shows as many events of another journal as the test wants."""

    def __init__(self, journal) -> None:
        super().__init__()
        self.journal, self.most, self.read_events = journal, 0, 0

    def read(self, run, *, after=0):
        for stored in self.journal.read(run, after=after):
            if stored.seq <= self.most:
                self.read_events += 1
                yield stored


@pytest.mark.parametrize("stride", [1, 3])
def test_it_is_the_report_that_is_made_from_all_events(stage, run, stride):
    events = list(stage.journal.read(run))
    assert len(events) > 15
    shown, reports = Growing(stage.journal), LiveReports()
    for shown.most in range(1, len(events) + 1, stride):
        assert reports.report(shown, run) == build_report(events[: shown.most])
    assert shown.read_events == shown.most  # each once


def test_of_more_runs_than_are_kept_the_one_that_nobody_asked_for_longest_is_read_anew(stage, run, monkeypatch):
    monkeypatch.setattr("runbook_engine.app.live_report._MOST_RUNS", 1)
    other = stage.run("fleet-check")
    reports = LiveReports()
    first = reports.report(stage.journal, run)
    assert reports.report(stage.journal, other).run == other
    assert reports.report(stage.journal, run) == first


def test_output_is_an_excerpt_of_what_an_attempt_printed(stage, run):
    reports = LiveReports()
    found = reports.captured(stage.journal, run, "deploy@web1", 1)
    assert found == {"stderr": "no space left on device\n", "stdout": "deploying\n"}
    assert reports.captured(MemoryJournal(), run, "deploy@web1", 1) == found  # kept


def test_usual_times_are_those_of_earlier_runs(stage):
    run = stage.run("fleet-check")
    usual = UsualTimes()
    assert run
    found = usual.of(stage.journal, "fleet-check", wait=60)
    assert set(found) == {"reach", "settings", "done"}
    assert usual.of(stage.journal, "fleet-check") == found
    assert usual.of(stage.journal, "nothing", wait=60) == {}
