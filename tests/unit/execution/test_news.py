"""A store that tells by itself is asked when it told, and now and then in case that it could not."""

import pytest

from runbook_engine.execution.loop_tools import Interrupts, RunOptions, RunTools
from runbook_engine.execution.news import News
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import Actor, NoteAdded, RunOpened
from runbook_engine.model.outcome import Mode
from runbook_engine.testing.clock import ManualClock

ENGINE = Actor(kind="engine", name="engine")
OPENED = RunOpened(runbook="b", inventory="i", mode="live", fingerprint="f", engine_version="1")


class CountingJournal(MemoryJournal):
    """Counts how often it is asked for a run's newest event."""

    asked = 0

    def version(self, run):
        self.asked += 1
        return super().version(run)


class Silent:
    """A listener that hears nothing."""

    def event(self, stored):
        pass

    def warning(self, text):
        raise AssertionError(text)


class Nobody:
    """A dispatcher whose orders go to nobody else."""

    def enlist(self, orders, ended):
        return None


class Stage:
    def __init__(self, *, hears):
        self.journal, self.clock, self.news = CountingJournal(), ManualClock(), News()
        self.news.hears = hears
        self.woken = 0
        self.news.on_news = self.wake
        state = RunState("r")
        state.apply(self.journal.open_run("r", OPENED, ENGINE))
        lease = self.journal.take_lease("run:r", this_process(), 600)
        tools = RunTools(
            journal=self.journal,
            dispatcher=Nobody(),
            clock=self.clock,
            catalog=None,
            orders=None,
            listener=Silent(),
            actor=ENGINE,
            lease=lease,
            interrupts=Interrupts(),
            news=self.news,
        )
        self.recorder = Recorder(state, tools, RunOptions(run="r", mode=Mode.LIVE))
        self.recorder.poll()
        self.journal.asked = 0

    def wake(self):
        self.woken += 1

    def somebody_says(self, text):
        return self.journal.append("r", [NoteAdded(text=text)], ENGINE)[-1].seq

    def polled(self, after=0.0):
        self.clock.sleep(after)
        return [event.text for event in self.recorder.poll()]


def test_what_is_told_is_read_at_once_and_nothing_is_asked_before():
    stage = Stage(hears=True)
    seq = stage.somebody_says("a")
    assert stage.polled(after=0.5) == []
    assert stage.journal.asked == 0
    stage.news.hear(seq)
    assert stage.woken == 1
    assert stage.polled() == ["a"]
    assert stage.polled(after=0.5) == []
    assert stage.journal.asked == 1


@pytest.mark.parametrize(("hears", "seconds"), [(True, 1.0), (False, 0.3)])
def test_what_is_not_told_is_found_within_a_second_all_the_same(hears, seconds):
    stage = Stage(hears=hears)
    stage.somebody_says("a")
    assert stage.polled(after=seconds) == ["a"]


def test_that_something_may_have_been_missed_is_a_reason_to_look_once():
    stage = Stage(hears=True)
    stage.somebody_says("a")
    stage.news.hear(0)
    assert (stage.woken, stage.polled()) == (1, ["a"])
    assert stage.polled(after=0.5) == []
    assert stage.journal.asked == 1


def test_what_we_wrote_ourselves_wakes_nobody():
    stage = Stage(hears=True)
    stage.recorder.add(NoteAdded(text="ours"))
    stage.recorder.flush()
    stage.news.hear(2)
    assert (stage.woken, stage.polled()) == (0, [])
    assert stage.journal.asked == 0
    stage.news.hear(stage.somebody_says("a"))
    assert (stage.woken, stage.polled()) == (1, ["a"])
