"""How an attempt ended, what a check saw, and how much of it was proven."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject, JsonValue


class Mode(StrEnum):
    """What a run is for: the real thing, a drill for real on a drill inventory, or reading only."""

    LIVE = "live"
    DRILL = "drill"
    DRY_RUN = "dry-run"


class Outcome(StrEnum):
    """How an attempt (or a task that was never attempted) ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    WOULD_CHANGE = "would-change"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    UNPROVEN = "unproven"

    # That of the text: an enumeration's own is made in Python, and a long run asks for it a million times.
    __hash__ = str.__hash__

    @property
    def ended_well(self) -> bool:
        """Whether steps that need this one may go on."""
        return self not in _NOT_WELL


_NOT_WELL = frozenset({Outcome.FAILED, Outcome.UNREACHABLE, Outcome.BLOCKED})


class Grade(StrEnum):
    """How much a dry run could say: proven by a check, simulated from the state that was read, or unproven."""

    PROVEN = "proven"
    SIMULATED = "simulated"
    UNPROVEN = "unproven"


class CheckStatus(StrEnum):
    """What a check says of the state that the step wants: it is there, it is not, or nobody can tell."""

    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    UNKNOWN = "unknown"


class Change(Frozen):
    """One line of a diff: what is, and what would be or was made of it."""

    what: str
    before: JsonValue = None
    after: JsonValue = None


class Finding(Frozen):
    """What a check saw.

    Attributes:
        summary: one sentence for people.
        changes: what `apply` would change; empty when nothing or when it can't be told.
        outputs: what later steps may use; known only when satisfied.
        evidence: facts worth keeping for the auditor (a raw answer, a count, a checksum).
        recovery_point: time (UTC) of the recovery point that the data was or would be restored from.
    """

    status: CheckStatus
    summary: str = ""
    changes: tuple[Change, ...] = ()
    outputs: JsonObject = Field(default_factory=dict)
    evidence: JsonObject = Field(default_factory=dict)
    recovery_point: datetime | None = None

    @property
    def satisfied(self) -> bool:
        """Whether the state that the step wants is there."""
        return self.status is CheckStatus.SATISFIED


def satisfied(summary: str = "", **facts: object) -> Finding:
    """Say that the wanted state is there; keywords are `Finding`'s attributes."""
    return Finding.model_validate({"status": CheckStatus.SATISFIED, "summary": summary, **facts})


def unsatisfied(summary: str = "", **facts: object) -> Finding:
    """Say that the wanted state is not there; keywords are `Finding`'s attributes."""
    return Finding.model_validate({"status": CheckStatus.UNSATISFIED, "summary": summary, **facts})


def unknown(summary: str = "", **facts: object) -> Finding:
    """Say that nobody can tell whether the wanted state is there; keywords are `Finding`'s attributes."""
    return Finding.model_validate({"status": CheckStatus.UNKNOWN, "summary": summary, **facts})
