"""What a person says of a manual task from any terminal: that it went well, or that it did not."""

from datetime import UTC, datetime

from runbook_engine.app.answer import find_task, refuse_answer, signed_answer
from runbook_engine.app.decide_once import append_decided
from runbook_engine.app.project import OpenProject, actor
from runbook_engine.app.sign import SigningKey
from runbook_engine.execution.gates import objection, role_for
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.event import Actor, Event, ManualAnswered, StoredEvent
from runbook_engine.model.signed_answer import UNSIGNED
from runbook_engine.ports.journal import Journal


def answer_by_hand(
    project: OpenProject,
    journal: Journal,
    run: str,
    step: str,
    *,
    passed: bool,
    note: str = "",
    person: str | Actor | None = None,
    key: SigningKey | None = None,
) -> StoredEvent:
    """Say how a manual task went.

    Args:
        step: the task's step, or one of its tasks.
        person: who speaks, as claimed, or as made sure of; else the operating system's user as team.yml knows them.
        key: sign the answer with it; None leaves it unsigned.

    Raises:
        InvalidInputError: no such manual task waits.
        AnswerRefusedError: the person may not answer, or not now, or not without a signature; that is recorded.
        RunbookError: it can't be signed; nothing was recorded.
    """
    speaker = actor(project.team, person)

    def answered(state: RunState) -> list[Event]:
        task = find_task(state, step, {Phase.GATE}, "is no manual task that waits")
        waiting = state.task(task)
        if waiting.opened is None or not waiting.opened.by_hand:
            hint = f"runbook approve|decline {run} {step} --reason TEXT"
            raise InvalidInputError(f"{step} is a gate, and no manual task", hint=hint)
        now = datetime.now(UTC)
        problem = objection(waiting, speaker.name, project.team, fingerprint=state.fingerprint, now=now)
        if problem is None and key is None and waiting.opened.signed:
            problem = UNSIGNED
        if problem is not None:
            refuse_answer(project, journal, state, task, speaker, f"answer {step}", problem)
        event = ManualAnswered(
            task=task,
            person=speaker.name,
            role=role_for(waiting.opened, speaker.name, project.team) or "",
            fingerprint=waiting.opened.fingerprint,
            passed=passed,
            note=note,
        )
        return [signed_answer(project, run, event, waiting.opened, key)]

    return append_decided(journal, run, speaker, answered)[0]
