"""What each answer on the dashboard does: the use case of the command that has its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from runbook_engine.app.answer import answer_gate, resolve_doubt
from runbook_engine.app.answer_by_hand import answer_by_hand
from runbook_engine.app.project import OpenProject
from runbook_engine.app.say import add_note, say_to_audiences
from runbook_engine.app.steer import Decision, Order, abort_at, check_plan, decide, order_run
from runbook_engine.model.event import Actor
from runbook_engine.ports.journal import Journal
from runbook_engine.web.replies import RefusedError


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said.

    Attributes:
        task: that it is about; empty where it is about the run.
        text: the reason, the note, or what audiences are to be told.
        form: what else the form had.
    """

    project: OpenProject
    journal: Journal
    run: str
    task: str
    actor: Actor
    text: str
    form: Mapping[str, str]

    def check_plan(self) -> None:
        """Make sure that the plan is still the one that the person saw, where the form names it.

        Raises:
            InvalidInputError: it is another one.
        """
        if plan := self.form.get("plan"):
            check_plan(self.journal, self.run, plan)


def _gate(*, approve: bool) -> Callable[[Said], object]:
    def act(said: Said) -> object:
        said.check_plan()
        return answer_gate(
            said.project, said.journal, said.run, said.task, approve=approve, reason=said.text, person=said.actor
        )

    return act


def _by_hand(*, passed: bool) -> Callable[[Said], object]:
    def act(said: Said) -> object:
        said.check_plan()
        return answer_by_hand(
            said.project, said.journal, said.run, said.task, passed=passed, note=said.text, person=said.actor
        )

    return act


def _hold(decision: Decision) -> Callable[[Said], object]:
    def act(said: Said) -> object:
        said.check_plan()
        return decide(said.project, said.journal, said.run, said.task, decision, reason=said.text, person=said.actor)

    return act


def _doubt(truth: Literal["done", "retry"]) -> Callable[[Said], object]:
    def act(said: Said) -> object:
        said.check_plan()
        return resolve_doubt(
            said.project, said.journal, said.run, said.task, truth, reason=said.text, person=said.actor
        )

    return act


def _order(order: Order) -> Callable[[Said], object]:
    def act(said: Said) -> object:
        return order_run(said.project, said.journal, said.run, order, reason=said.text, person=said.actor)

    return act


def _abort(said: Said) -> None:
    """End the run, or end it because of a held task; the form's box that says so must be ticked.

    Raises:
        RefusedError: it is not; browsers ask for it, others may not.
    """
    if said.form.get("sure") != "yes":
        hint = 'tick "Yes, end run …" (a program sends sure=yes)'
        raise RefusedError(400, f"an abort ends run {said.run} for good, and nobody said that they are sure", hint=hint)
    if said.task:
        said.check_plan()
        abort_at(said.project, said.journal, said.run, said.task, reason=said.text, person=said.actor)
        return
    cancel = said.form.get("cancel") == "yes"
    order_run(said.project, said.journal, said.run, "abort", reason=said.text, cancel=cancel, person=said.actor)


def _say(said: Said) -> object:
    audience = said.form.get("audience", "")
    return say_to_audiences(
        said.project, said.journal, said.run, said.text,
        audiences=(audience,) if audience else (), person=said.actor,
    )  # fmt: skip


def _note(said: Said) -> object:
    return add_note(said.project, said.journal, said.run, said.text, person=said.actor)


WORDS: dict[str, Callable[[Said], object]] = {
    "approve": _gate(approve=True),
    "decline": _gate(approve=False),
    "pass": _by_hand(passed=True),
    "fail": _by_hand(passed=False),
    "retry": _hold("retry"),
    "skip": _hold("skip"),
    "ignore": _hold("ignore"),
    "done": _doubt("done"),
    "again": _doubt("retry"),
    "pause": _order("pause"),
    "continue": _order("continue"),
    "abort": _abort,
    "say": _say,
    "note": _note,
}
"""What is done, by answer."""
