"""Taking back: the table of check and revert for live runs, dry runs and resumes."""

import pytest
from support.attempts import Switch, try_it

from runbook_engine.model.outcome import Grade, Mode, Outcome, satisfied, unknown, unsatisfied
from runbook_engine.ports.action import ActionFailedError, Applied, Effect
from runbook_engine.ports.services import ServiceUnreachableError


class Undo(Switch):
    """A switch that can be switched off again; keeps what it was told of the way there."""

    def __init__(self, *findings, error=None, effect=Effect.CHECK) -> None:
        super().__init__(*findings)
        self.effect = effect
        self._revert_error = error
        self.undone = []

    def revert(self, params, context):
        self.undone.append(dict(context.recorded))
        if self._revert_error:
            raise self._revert_error
        return Applied(summary="switched off")


def take_back(action, **order):
    return try_it(action, undo=True, recorded={"before": "off"}, **order)


def test_what_is_there_is_undone_with_what_was_recorded_and_looked_for_again():
    action = Undo(satisfied("on"), unsatisfied("off"))
    report = take_back(action)
    assert report.outcome is Outcome.CHANGED
    assert action.undone == [{"before": "off"}]
    assert action.applied == 0
    assert "switched off" in report.finding.summary


def test_what_is_not_there_any_more_is_left_alone():
    action = Undo(unsatisfied("off already"))
    report = take_back(action)
    assert (report.outcome, action.undone) == (Outcome.UNCHANGED, [])
    assert "nothing to undo" in report.finding.summary


def test_what_is_still_there_afterwards_is_failed():
    report = take_back(Undo(satisfied("on")))
    assert report.outcome is Outcome.FAILED
    assert "still finds" in report.error


def test_what_nobody_can_tell_is_undone():
    action = Undo(unknown("who knows"))
    assert take_back(action).outcome is Outcome.CHANGED
    assert len(action.undone) == 1


@pytest.mark.parametrize(
    ("finding", "outcome", "grade"),
    [
        (satisfied("on"), Outcome.WOULD_CHANGE, Grade.SIMULATED),
        (unsatisfied("off"), Outcome.UNCHANGED, Grade.PROVEN),
        (unknown("?"), Outcome.UNPROVEN, Grade.UNPROVEN),
    ],
)
def test_a_dry_run_undoes_nothing(finding, outcome, grade):
    action = Undo(finding)
    report = take_back(action, mode=Mode.DRY_RUN)
    assert (report.outcome, report.grade, action.undone) == (outcome, grade, [])


def test_a_refusal_is_a_failure_and_no_doubt():
    report = take_back(Undo(satisfied("on"), error=ActionFailedError("not ours")))
    assert (report.outcome, report.in_doubt) == (Outcome.FAILED, False)
    assert "not ours" in report.error


def test_a_lost_reply_is_settled_by_the_check():
    lost = ServiceUnreachableError("gone")
    assert take_back(Undo(satisfied("on"), unsatisfied("off"), error=lost)).outcome is Outcome.CHANGED
    doubt = take_back(Undo(satisfied("on"), error=lost))
    assert doubt.in_doubt


def test_an_interrupted_one_that_nobody_can_tell_waits_for_a_person():
    action = Undo(unknown("?"))
    report = take_back(action, settle=True)
    assert (report.in_doubt, report.needs_person, action.undone) == (True, True, [])


def test_an_interrupted_one_that_the_check_still_finds_is_undone_again():
    action = Undo(satisfied("on"), unsatisfied("off"))
    assert take_back(action, settle=True).outcome is Outcome.CHANGED
