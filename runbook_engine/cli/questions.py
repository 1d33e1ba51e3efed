"""What a person at the terminal is asked: yes or no to a gate, how a manual task went, what becomes of a held one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.answer_by_hand import answer_by_hand
from runbook_engine.app.project import OpenProject, actor
from runbook_engine.app.steer import abort_at, decide
from runbook_engine.execution.gates import requester_objection, role_for
from runbook_engine.model.event import GateOpened, HoldOpened
from runbook_engine.model.names import step_of
from runbook_engine.ports.journal import Journal

Asked = GateOpened | HoldOpened
AT_TERMINAL = "at the terminal"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what its answers do.

    Attributes:
        text: the question, with the answers that it takes.
        answers: what is done, by the first letter of the answer, with the journal and what was typed behind it.
    """

    text: str
    answers: Mapping[str, Callable[[Journal, str], object]]

    def choose(self, line: str) -> tuple[Callable[[Journal, str], object], str] | None:
        """Find what an answer does and the words behind it; None when it is none of the answers."""
        word, _, more = line.strip().partition(" ")
        words = {
            "y": "yes",
            "n": "no",
            "r": "retry",
            "s": "skip",
            "i": "ignore",
            "a": "abort",
            "p": "pass",
            "f": "fail",
        }
        for letter, act in self.answers.items():
            if word.lower() in {letter, words[letter]}:
                return act, more.strip()
        return None

    @property
    def letters(self) -> str:
        """Name the answers."""
        *others, last = self.answers
        return f"{', '.join(others)} or {last}"


def question_of(asked: Asked, run: str, project: OpenProject, person: str | None) -> Question | str:
    """Give the question that is to be asked here, or what to say where the one who sits here can't answer."""
    if isinstance(asked, HoldOpened):
        return _of_hold(asked, run, project, person)
    return _of_gate(asked, run, project, person)


def _of_gate(gate: GateOpened, run: str, project: OpenProject, person: str | None) -> Question | str:
    step = step_of(gate.task)
    speaker = actor(project.team, person).name
    elsewhere = f"From another terminal: runbook {'answer' if gate.by_hand else 'approve'} {run} {step}"
    elsewhere += " pass|fail" if gate.by_hand else ""
    if role_for(gate, speaker, project.team) is None:
        who = " or ".join(gate.roles) or "a person"
        return f"{step} waits for {who}; {speaker} can't answer it. {elsewhere} --as PERSON --reason TEXT"
    if gate.by_hand and gate.signed:
        return f"{step} is to be done by hand, and its answer signed. {elsewhere} --sign --as {speaker} --note TEXT"
    if gate.by_hand:
        return _of_manual(gate, run, project, person)
    if problem := requester_objection(gate, speaker):
        return f"{step}: {problem}. {elsewhere} --as PERSON --reason TEXT"
    if gate.signed:
        return f"{step} asks for a signed answer. {elsewhere} --sign --as {speaker} --reason TEXT"

    def answer(*, approve: bool) -> Callable[[Journal, str], object]:
        return lambda journal, reason: answer_gate(
            project, journal, run, gate.task, approve=approve, reason=reason or AT_TERMINAL, person=person
        )

    return Question(
        f"{step}: {gate.message or 'approve?'}  [y = approve, n = decline, as {speaker}] ",
        {"y": answer(approve=True), "n": answer(approve=False)},
    )


def _of_manual(task: GateOpened, run: str, project: OpenProject, person: str | None) -> Question:
    def answer(*, passed: bool) -> Callable[[Journal, str], object]:
        return lambda journal, note: answer_by_hand(
            project, journal, run, task.task, passed=passed, note=note or AT_TERMINAL, person=person
        )

    return Question(
        f"{step_of(task.task)}, to do by hand: {task.message}  [p = pass, f = fail; a note, behind it] ",
        {"p": answer(passed=True), "f": answer(passed=False)},
    )


def _of_hold(hold: HoldOpened, run: str, project: OpenProject, person: str | None) -> Question:
    def retry(journal: Journal, reason: str) -> None:
        decide(project, journal, run, hold.task, "retry", reason=reason or AT_TERMINAL, person=person)

    def skip(journal: Journal, reason: str) -> None:
        decide(project, journal, run, hold.task, "skip", reason=reason or AT_TERMINAL, person=person)

    def ignore(journal: Journal, reason: str) -> None:
        decide(project, journal, run, hold.task, "ignore", reason=reason or AT_TERMINAL, person=person)

    def abort(journal: Journal, reason: str) -> None:
        abort_at(project, journal, run, hold.task, reason=reason or AT_TERMINAL, person=person)

    how = "drifted" if hold.outcome.ended_well else "failed"
    return Question(
        f"{hold.task} {how}: {hold.reason}  [r = retry, s = skip, i = ignore, a = abort the run; why, behind it] ",
        {"r": retry, "s": skip, "i": ignore, "a": abort},
    )
