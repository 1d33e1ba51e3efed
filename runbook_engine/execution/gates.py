"""Gates: whether an approval counts, and when a gate is decided; pure."""

from dataclasses import dataclass
from datetime import datetime

from runbook_engine.execution.task_state import (
    Phase,
    TaskState,
)
from runbook_engine.model.event import GateOpened, ManualAnswered
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding, satisfied, unsatisfied
from runbook_engine.model.team import Team


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a gate was decided."""

    approved: bool
    text: str
    outputs: JsonObject


def gate_verdict(gate: TaskState) -> Verdict | None:
    """Tell how a gate was decided, None while it is open."""
    if gate.declined is not None:
        declined = gate.declined
        reason = f": {declined.reason}" if declined.reason else ""
        return Verdict(False, f"declined by {declined.person} ({declined.role}){reason}", {})  # noqa: FBT003 - field
    if gate.answered is not None:
        return _by_hand(gate.answered)
    opened = gate.opened
    people = {approval.person: approval for approval in gate.approvals}
    if opened is None or len(people) < opened.quorum:
        return None
    names = ", ".join(f"{person} ({approval.role})" for person, approval in people.items())
    outputs: JsonObject = {"approvers": list(people)}
    return Verdict(True, f"approved by {names}", outputs)  # noqa: FBT003 - field


def _by_hand(answer: ManualAnswered) -> Verdict:
    who = f"{answer.person} ({answer.role})"
    note = f": {answer.note}" if answer.note else ""
    outputs: JsonObject = {"person": answer.person, "note": answer.note}
    text = f"done by {who}{note}" if answer.passed else f"failed, says {who}{note}"
    return Verdict(answer.passed, text, outputs if answer.passed else {})


def role_for(gate: GateOpened, person: str, team: Team) -> str | None:
    """Give the role in which a person may answer a gate, None when they may not."""
    known = team.people.get(person)
    if known is None:
        return None
    return next((role for role in gate.roles if role in known.roles), None)


def objection(gate: TaskState, person: str, team: Team, *, fingerprint: str, now: datetime) -> str | None:
    """Say why a person's answer to a gate does not count, None when it does."""
    opened = gate.opened
    if opened is None or gate.phase is not Phase.GATE:
        return "the gate is not open"
    verdict = gate_verdict(gate)
    objections = (
        (opened.opens_at is not None, "it waits for a time, and asks nobody"),
        (verdict is not None, f"the gate was {verdict.text} already" if verdict else ""),
        (opened.expires_at is not None and opened.expires_at <= now, "the gate expired"),
        (opened.fingerprint != fingerprint, "the gate was opened for another plan"),
        (person not in team.people, f"{person} is not in team.yml"),
        (role_for(opened, person, team) is None, f"{person} has none of the roles {', '.join(opened.roles)}"),
        (any(approval.person == person for approval in gate.approvals), f"{person} approved already"),
    )
    return next((text for applies, text in objections if applies), None)


def requester_objection(gate: GateOpened, person: str) -> str | None:
    """Say why an approval by who asked for the run does not count, None when it does; they may decline."""
    return f"{person} asked for this run, and somebody else must approve" if gate.requester == person else None


def would_ask(opened: GateOpened, now: datetime) -> Finding:
    """Say what a gate would ask, or when it opens, for a dry run."""
    if opened.opens_at is not None:
        at = opened.opens_at.isoformat(timespec="minutes")
        return satisfied("open now") if opened.opens_at <= now else unsatisfied(f"would wait until it opens at {at}")
    many = f"{opened.quorum} of " if opened.quorum > 1 else ""
    who = many + (" or ".join(opened.roles) or "anybody")
    if opened.by_hand:
        return unsatisfied(f"would ask {who} to do by hand: {opened.message}")
    return unsatisfied(f"would ask {who}: {opened.message}" if opened.message else f"would ask {who} to approve")
