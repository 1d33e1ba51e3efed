"""The journal is away for a while, at any question: nothing is started meanwhile, and the run goes on when it is back."""

import pytest
from support.plans import plan_of, planned
from support.simulation import Simulation, ended

from runbook_engine.model.errors import ExitCode, JournalUnavailableError
from runbook_engine.model.event import NoteAdded

PLAN = plan_of(planned("dns", mutex="zone"), planned("slow"), planned("last", needs=["dns", "slow"]))
QUESTIONS = ["append", "version", "read", "renew_lease", "take_lease", "release_lease"]


class AwayJournal:
    """Is away for some seconds from the n-th time on that one question is asked; then every question fails."""

    def __init__(self, simulation, question, at, seconds) -> None:
        self._simulation, self._question, self._left, self._seconds = simulation, question, at, seconds
        self._until = None

    def __getattr__(self, name):
        asked = getattr(self._simulation.journal, name)

        def ask(*arguments, **named):
            clock = self._simulation.clock
            if name == self._question:
                self._left -= 1
                if self._left == 0:
                    self._until = clock.seconds + self._seconds
            if self.is_away:
                raise JournalUnavailableError("the database can't be reached")
            return asked(*arguments, **named)

        return ask

    @property
    def is_away(self):
        return self._until is not None and self._simulation.clock.seconds < self._until


def simulated(question, at, seconds):
    begun_while_away = []

    def make(order):
        if journal.is_away:
            begun_while_away.append(order.task)
        if order.step == "slow":
            simulation.say(NoteAdded(text="so that there is something to read"))
        return ended(order, seconds=20.0 if order.step == "slow" else 1.0)

    simulation = Simulation(PLAN, make=make)
    journal = AwayJournal(simulation, question, at, seconds)
    return simulation, journal, begun_while_away


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_away_for_a_while(question, at):
    simulation, journal, begun = simulated(question, at, 25.0)
    assert simulation.advance(journal=journal) == "succeeded"
    assert begun == []
    assert simulation.outcomes() == {
        "dns@localhost": "changed",
        "slow@localhost": "changed",
        "last@localhost": "changed",
    }
    asked_that_often = journal._until is not None
    assert [text for text in simulation.listener.warnings if "nothing new is started" in text] or not asked_that_often
    assert asked_that_often or at > 1, "the fault was never met"


@pytest.mark.parametrize("question", ["append", "version", "renew_lease", "take_lease"])
def test_away_for_good(question):
    simulation, journal, begun = simulated(question, 1, 10_000.0)
    with pytest.raises(JournalUnavailableError) as caught:
        simulation.advance(journal=journal)
    assert caught.value.exit_code == ExitCode.JOURNAL
    assert begun == []
    assert simulation.clock.seconds < 120, "the wait is bounded"
    assert simulation.advance() == "succeeded", "when it is back, the run can be resumed"
