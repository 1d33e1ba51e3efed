"""What a person signs when they answer a gate, and whether a signed answer is what it says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from runbook_engine.model.event import (
    AnswerSignature,
    GateApproved,
    GateDeclined,
    GateOpened,
    ManualAnswered,
    write_time,
)
from runbook_engine.model.json import canonical_json
from runbook_engine.model.ssh_signature import SignatureError, fingerprint, key_blob, key_line, verify
from runbook_engine.model.team import Person, Team

GateAnswer = GateApproved | GateDeclined | ManualAnswered

GATE_OPENED = "when the gate opened"
UNSIGNED = "the gate asks for a signed answer"


def statement(run: str, opened: GateOpened, answer: GateAnswer, at: datetime) -> str:
    """Give the text that is signed: canonical JSON of who says what, when, to which question of which plan.

    The gate's end is part of it, so that a signature for a gate that expired is none for the same gate asked anew.
    """
    decision: Literal["approved", "declined", "passed", "failed"]
    if isinstance(answer, ManualAnswered):
        decision, reason = "passed" if answer.passed else "failed", answer.note
    else:
        decision, reason = "approved" if isinstance(answer, GateApproved) else "declined", answer.reason
    return canonical_json(
        {
            "at": write_time(at),
            "decision": decision,
            "gate": {
                "expires_at": write_time(opened.expires_at) if opened.expires_at else None,
                "message": opened.message,
                "quorum": opened.quorum,
                "roles": list(opened.roles),
            },
            "person": answer.person,
            "plan": answer.fingerprint,
            "reason": reason,
            "role": answer.role,
            "run": run,
            "task": answer.task,
            "version": 1,
        }
    )


def sealed(text: str, at: datetime, signature: str) -> AnswerSignature:
    """Put a signature together with what it signs and the key that made it.

    Raises:
        SignatureError: it does not fit.
    """
    blob = verify(signature, text.encode(errors="replace"))
    return AnswerSignature(at=at, statement=text, armor=signature, key=key_line(blob), fingerprint=fingerprint(blob))


def answer_problem(run: str, opened: GateOpened, answer: GateAnswer) -> str | None:
    """Say why an answer's signature (or the lack of one) makes it void, None when it does not.

    Everything needed is in the run's events: which keys count was recorded when the gate opened.
    """
    signature = answer.signature
    if signature is None:
        return UNSIGNED if opened.signed else None
    text = statement(run, opened, answer, signature.at)
    return signature_problem(signature, text, answer.person, opened.signers, since=GATE_OPENED)


def signature_problem(
    signature: AnswerSignature, text: str, person: str, signers: Mapping[str, tuple[str, ...]], *, since: str
) -> str | None:
    """Say why a signature is not the person's under a text, None when it is.

    Args:
        signers: fingerprints of the keys that count, by person.
        since: in words, the moment that they were recorded at.
    """
    if signature.statement != text:
        return "what was signed is not what the answer says"
    try:
        blob = verify(signature.armor, signature.statement.encode(errors="replace"))
    except SignatureError as error:
        return f"the signature is not valid: {error}"
    if (signature.key, signature.fingerprint) != (key_line(blob), fingerprint(blob)):
        return "the recorded key is not the one that signed"
    known = fingerprint(blob) in signers.get(person, ())
    return None if known else f"{fingerprint(blob)} was no key of {person} {since}"


def signers(team: Team, roles: tuple[str, ...] | None = None) -> dict[str, tuple[str, ...]]:
    """Give the fingerprints of the keys that people can sign with; people without any are left out.

    Args:
        roles: only of people with one of these; None for everybody.
    """
    keys = {
        name: tuple(map(fingerprint, usable_keys(person)))
        for name, person in team.people.items()
        if roles is None or set(person.roles) & set(roles)
    }
    return {name: found for name, found in keys.items() if found}


def usable_keys(person: Person) -> tuple[bytes, ...]:
    """Give the public parts of a person's keys, without those that can't be used; `runbook validate` names these."""
    found = []
    for line in person.ssh_keys:
        try:
            found.append(key_blob(line))
        except SignatureError:
            continue
    return tuple(found)
