"""What a person says to a run from any terminal: yes or no to a gate, the truth about an attempt in doubt."""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Literal, NoReturn

from runbook_engine.app.decide_once import append_decided
from runbook_engine.app.project import OpenProject, actor, roles_of
from runbook_engine.app.sign import SigningKey, answer_signature, decision_signature
from runbook_engine.execution.gates import gate_verdict, objection, requester_objection, role_for
from runbook_engine.execution.refusals import MOST_EACH, SOME_ONLY
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.errors import InvalidInputError, RunbookError
from runbook_engine.model.event import (
    Actor,
    AnswerRefused,
    Event,
    GateApproved,
    GateDeclined,
    GateOpened,
    ManualAnswered,
    StoredEvent,
    TaskResolved,
)
from runbook_engine.model.signed_answer import UNSIGNED
from runbook_engine.ports.journal import Journal

_SIGN_IT = "add --sign; the key is one of your ssh_keys in team.yml, in the SSH agent or named by --key FILE"


class AnswerRefusedError(RunbookError):
    """The answer does not count; that it was given is recorded, unless they were refused again and again."""


class AnsweredAlreadyError(AnswerRefusedError):
    """The answer comes too late: what others answered decided the gate."""


def answer_gate(
    project: OpenProject,
    journal: Journal,
    run: str,
    step: str,
    *,
    approve: bool,
    reason: str = "",
    person: str | Actor | None = None,
    key: SigningKey | None = None,
) -> StoredEvent:
    """Approve or decline an open gate of a run.

    Args:
        step: the gate's step, or one of its tasks.
        person: who speaks, as claimed, or as made sure of; else the operating system's user as team.yml knows them.
        key: sign the answer with it; None leaves it unsigned.

    Raises:
        InvalidInputError: there is no such open gate.
        AnswerRefusedError: the person may not answer, or not now, or not without a signature.
        RunbookError: it can't be signed; nothing was recorded.
    """
    speaker = actor(project.team, person)

    def answered(state: RunState) -> list[Event]:
        task = find_task(state, step, {Phase.GATE}, "is no open gate")
        gate = state.task(task)
        if gate.opened is not None and gate.opened.by_hand:
            hint = f'say how it went: runbook answer {run} {step} pass|fail --note "what you saw"'
            raise InvalidInputError(f"{step} is a manual task, and not approved or declined", hint=hint)
        problem = objection(gate, speaker.name, project.team, fingerprint=state.fingerprint, now=datetime.now(UTC))
        if problem is None and approve and gate.opened is not None:
            problem = requester_objection(gate.opened, speaker.name)
        if problem is None and key is None and gate.opened is not None and gate.opened.signed:
            problem = UNSIGNED
        if problem is not None or gate.opened is None:
            text = problem or "the gate is not open"
            what = f"{'approve' if approve else 'decline'} {step}"
            refuse_answer(project, journal, state, task, speaker, what, text)
        kind = GateApproved if approve else GateDeclined
        role = role_for(gate.opened, speaker.name, project.team) or ""
        event: GateApproved | GateDeclined = kind(
            task=task, person=speaker.name, role=role, reason=reason, fingerprint=gate.opened.fingerprint
        )
        return [signed_answer(project, run, event, gate.opened, key)]

    return append_decided(journal, run, speaker, answered)[0]


def refuse_answer(
    project: OpenProject, journal: Journal, state: RunState, task: str, speaker: Actor, what: str, problem: str
) -> NoReturn:
    """Record that an answer was given and does not count, and say so.

    The first ones of a person to a question are recorded each, then fewer and fewer: a journal is not to be filled
    by whoever may only ask.

    Args:
        what: was to be done: `approve go-live`.

    Raises:
        AnswerRefusedError: always.
    """
    gate, people, name = state.task(task), project.team.people, speaker.name
    before = state.refusals.recorded(task, name, people)
    unsaid = ""
    if state.refusals.to_record(task, name, people, datetime.now(UTC)):
        reason = f"{problem} ({SOME_ONLY})" if before >= MOST_EACH else problem
        journal.append(state.run, [AnswerRefused(task=task, person=name, reason=reason)], speaker)
    else:
        unsaid = f" (not recorded: {before} such answers are, and from then on only some)"
    kind = AnswerRefusedError if gate_verdict(gate) is None else AnsweredAlreadyError
    roles = gate.opened.roles if gate.opened is not None else ()
    raise kind(f"{name} can't {what}: {problem}{unsaid}", hint=_what_helps(problem, roles))


def signed_answer(
    project: OpenProject,
    run: str,
    event: GateApproved | GateDeclined | ManualAnswered,
    opened: GateOpened,
    key: SigningKey | None,
) -> GateApproved | GateDeclined | ManualAnswered:
    """Give an answer that counts, signed where there is a key.

    Raises:
        RunbookError: it can't be signed; nothing was recorded.
    """
    if key is None:
        return event
    signature = answer_signature(event, key, run=run, opened=opened, person=project.team.people.get(event.person))
    return event.model_copy(update={"signature": signature})


def _what_helps(problem: str, roles: tuple[str, ...]) -> str:
    """Say what to do about an answer that does not count."""
    if problem == UNSIGNED:
        return _SIGN_IT
    if "expired" in problem or "another plan" in problem:
        return "`runbook resume` asks anew"
    if "already" in problem or "not open" in problem:
        return "`runbook status` shows where the run stands"
    return f"somebody with the role {' or '.join(roles)} can (say who you are with --as PERSON or RUNBOOK_OPERATOR)"


def resolve_doubt(
    project: OpenProject,
    journal: Journal,
    run: str,
    step: str,
    truth: Literal["done", "retry"],
    *,
    reason: str = "",
    person: str | Actor | None = None,
    key: SigningKey | None = None,
) -> StoredEvent:
    """Say what became of an attempt whose end nobody recorded.

    Args:
        key: sign it with this key; None leaves it unsigned.

    Raises:
        InvalidInputError: nothing of that step is in doubt.
        RunbookError: it can't be signed; nothing was recorded.
    """
    speaker = actor(project.team, person)
    roles = roles_of(project.team, speaker)

    def resolved(state: RunState) -> list[Event]:
        # What ran when its engine died is as much in doubt, while no process advances the run and settles it.
        left = {Phase.RUNNING} if journal.lease(f"run:{run}") is None else set()
        task = find_task(state, step, {Phase.DOUBT, *left}, "is not in doubt")
        number = state.task(task).attempts
        event = TaskResolved(
            task=task, number=number, truth=truth, reason=reason, roles=roles, fingerprint=state.fingerprint
        )
        if key is not None:
            signature = decision_signature(
                event, key, run=run, signers=state.signers, name=speaker.name, team=project.team
            )
            event = event.model_copy(update={"signature": signature})
        return [event]

    return append_decided(journal, run, speaker, resolved)[0]


def find_task(state: RunState, step: str, phases: AbstractSet[Phase], complaint: str) -> str:
    """Find the one task of a step that is in one of the phases, by the step's id or the task's own."""
    there = [name for name, task in state.tasks.items() if task.phase in phases]
    found = [name for name in there if name == step or name.partition("@")[0].partition("[")[0] == step]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInputError(f"{step} has {len(found)} such tasks", hint=f"name one of: {', '.join(found)}")
    hint = f"these are: {', '.join(there)}" if there else "there is none now"
    raise InvalidInputError(f"{step} {complaint} of run {state.run}", hint=hint)
