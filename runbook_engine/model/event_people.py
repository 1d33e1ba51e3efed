"""Events that people make or that are for people: gates, answers, holds, notes."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.outcome import Outcome


class AnswerSignature(Frozen):
    """A person's signature under an answer, by an SSH key of theirs.

    Attributes:
        at: when it was signed, by the signer's clock.
        statement: the exact text that was signed.
        armor: the signature as `ssh-keygen -Y sign` writes it.
        key: the public key's line, without its comment.
        fingerprint: the key's, as `ssh-keygen -l` prints it.
    """

    at: datetime
    statement: str
    armor: str
    key: str
    fingerprint: str


class Said(Frozen):
    """What somebody says of a run or a task; who, and from where, is the stored event's actor.

    Attributes:
        roles: theirs in team.yml when they said it.
        fingerprint: of the plan that it was said over.
    """

    roles: tuple[str, ...] = ()
    fingerprint: str = ""


class SignableDecision(Said):
    """What somebody decides about an attempt, signed where they wished to."""

    signature: AnswerSignature | None = None


class GateOpened(Frozen):
    """A gate waits for a condition or a person; approvals are for this plan fingerprint only.

    Attributes:
        signed: an answer without a signature does not count.
        opens_at: the time that is waited for, and nobody is asked; None where people are.
        by_hand: a person does something and says whether it went well; others approve or decline.
        requester: who asked for the run, where they may not approve; None where they may.
        signers: fingerprints of the keys that team.yml has now, by person who may answer.
    """

    kind: Literal["gate.opened"] = "gate.opened"
    task: str
    roles: tuple[str, ...] = ()
    quorum: int = 1
    message: str = ""
    expires_at: datetime | None = None
    fingerprint: str
    opens_at: datetime | None = None
    by_hand: bool = False
    requester: str | None = None
    signed: bool = False
    signers: dict[str, tuple[str, ...]] = {}


class GateApproved(Frozen):
    """A person approved what a gate asks."""

    kind: Literal["gate.approved"] = "gate.approved"
    task: str
    person: str
    role: str
    reason: str = ""
    fingerprint: str
    signature: AnswerSignature | None = None


class GateDeclined(Frozen):
    """A person declined what a gate asks."""

    kind: Literal["gate.declined"] = "gate.declined"
    task: str
    person: str
    role: str
    reason: str = ""
    fingerprint: str = ""
    signature: AnswerSignature | None = None


class AnswerRefused(Frozen):
    """An approval or answer that did not count, kept for the record: no role, twice, too late, another plan."""

    kind: Literal["gate.refused"] = "gate.refused"
    task: str
    person: str
    reason: str


class GateExpired(Frozen):
    """Nobody answered a gate in time."""

    kind: Literal["gate.expired"] = "gate.expired"
    task: str


class ManualAnswered(Frozen):
    """A person did a manual task and says how it went."""

    kind: Literal["manual.answered"] = "manual.answered"
    task: str
    person: str = ""
    role: str = ""
    fingerprint: str = ""
    passed: bool
    note: str = ""
    signature: AnswerSignature | None = None


class HoldOpened(Frozen):
    """A task failed (or drifted) and waits for the operator's decision; `outcome` says how it ended."""

    kind: Literal["hold.opened"] = "hold.opened"
    task: str
    reason: str
    outcome: Outcome = Outcome.FAILED


class HoldResolved(SignableDecision):
    """The operator's decision about a task that failed.

    Attributes:
        number: of the attempt that failed; 0 when that was not recorded.
        decision: `retry` (try it again), `skip` (it counts as skipped), `ignore` (it failed; what needs it goes on),
            `abort` (it failed, for the run is to end).
    """

    kind: Literal["hold.resolved"] = "hold.resolved"
    task: str
    decision: Literal["retry", "skip", "ignore", "abort"]
    reason: str
    number: int = 0


class RunPaused(Said):
    """The operator wants nothing new started."""

    kind: Literal["run.paused"] = "run.paused"
    reason: str = ""


class RunContinued(Said):
    """The operator lets a paused run go on."""

    kind: Literal["run.continued"] = "run.continued"
    reason: str = ""


class RunAbortRequested(Said):
    """The operator wants the run to end; `cancel`: what runs is not left to end, but cancelled."""

    kind: Literal["run.abort-requested"] = "run.abort-requested"
    reason: str = ""
    cancel: bool = False


class NoteAdded(Frozen):
    """Somebody wrote something down for the record."""

    kind: Literal["note.added"] = "note.added"
    text: str
