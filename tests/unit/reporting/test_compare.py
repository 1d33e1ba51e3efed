"""Two runs set against each other: only what is known of both is called better or worse."""

from runbook_engine.model.event import AttemptStarted, RunClosed
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.compare import compare


def verdicts(one, other):
    made = compare(build_report(one.events), build_report(other.events))
    return {step.id: (step.second, step.better, step.worse) for step in made.steps}


def test_a_step_that_is_not_over_is_neither_better_nor_worse(story):
    steps = [("a", 1), ("b", 1), ("c", 1)]
    first = story.opened(steps).did("a@h").did("b@h").did("c@h").say(RunClosed(status="succeeded"))
    second = type(story)("r-2").opened(steps).say(AttemptStarted(task="a@h", number=1, token="t")).did("c@h", "failed")
    assert verdicts(first, second) == {
        "a": ("running", False, False),
        "b": ("pending", False, False),
        "c": ("failed", False, True),
    }
    assert verdicts(second, first)["c"] == ("changed", True, False)
