"""What a person signs who decides about a task that failed or is in doubt, and whether that is what it says."""

from collections.abc import Mapping
from datetime import datetime

from runbook_engine.model.event import HoldResolved, TaskResolved, write_time
from runbook_engine.model.json import canonical_json
from runbook_engine.model.signed_answer import signature_problem

RUN_TAKEN = "when this part of the run began"

Decided = HoldResolved | TaskResolved


def decision_statement(run: str, decided: Decided, person: str, at: datetime) -> str:
    """Give the text that is signed: canonical JSON of who decides what, when, about which attempt of which plan.

    The attempt's number is part of it, so that a signature under one decision is none under the next about that task.
    """
    decision = decided.decision if isinstance(decided, HoldResolved) else f"resolved as {decided.truth}"
    return canonical_json(
        {
            "at": write_time(at),
            "attempt": decided.number,
            "decision": decision,
            "person": person,
            "plan": decided.fingerprint,
            "reason": decided.reason,
            "roles": list(decided.roles),
            "run": run,
            "task": decided.task,
            "version": 1,
        }
    )


def decision_problem(
    run: str, decided: Decided, person: str, signers: Mapping[str, tuple[str, ...]], *, attempts: int
) -> str | None:
    """Say what is wrong with a decision's signature, None when nothing is, or when it has none: nothing demands one.

    Args:
        signers: fingerprints of the keys that counted when the newest holder took the run, by person.
        attempts: number of the task's newest attempt.
    """
    signature = decided.signature
    if signature is None:
        return None
    if decided.number != attempts:
        return f"it was signed for attempt {decided.number}, and is about attempt {attempts}"
    text = decision_statement(run, decided, person, signature.at)
    return signature_problem(signature, text, person, signers, since=RUN_TAKEN)
