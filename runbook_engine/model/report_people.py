"""What the report of a run says of people: what they answered and decided, who drove the run, what they wrote down."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.event import Actor


class Answer(Frozen):
    """What a person said at a gate or a manual step, from where, and whether it counted (`refused` did not)."""

    at: datetime
    said: Literal["approved", "declined", "refused", "passed", "failed"]
    person: str
    role: str = ""
    by: Actor
    reason: str = ""
    fingerprint: str = ""
    signed: bool = False


class GateReport(Frozen):
    """A gate: what it asked for, who answered, and how it ended."""

    task: str
    opened_at: datetime | None = None
    roles: tuple[str, ...] = ()
    quorum: int = 1
    message: str = ""
    fingerprint: str = ""
    state: Literal["waiting", "approved", "declined", "expired", "answered"] = "waiting"
    answers: tuple[Answer, ...] = ()


class Deviation(Frozen):
    """Where the run left the runbook's path: who decided it, and why.

    Attributes:
        by: the person or the engine, with the account and the machine.
        roles: the person's in team.yml then.
        fingerprint: of the plan that it was said over; empty where that was not recorded.
    """

    at: datetime
    kind: Literal[
        "skip",
        "ignore",
        "retry",
        "abort",
        "pause",
        "resolved",
        "plan",
        "tolerated",
        "take-over",
        "refused",
        "files",
        "live-inventory",
        "no-recheck",
        "revert",
        "say",
    ]
    what: str
    who: str
    reason: str = ""
    by: Actor | None = None
    roles: tuple[str, ...] = ()
    fingerprint: str = ""
    signed: bool = False

    @property
    def speaker(self) -> str:
        """Name who decided it, as what, and whether they signed it."""
        name = f"{self.who} as {', '.join(self.roles)}" if self.roles else self.who
        return f"{name}, signed" if self.signed else name


class Holding(Frozen):
    """A process had the right to advance the run; the first began it, each later one resumed it."""

    at: datetime
    holder: str
    fence: int
    took_over: bool = False


class Note(Frozen):
    """What somebody wrote down."""

    at: datetime
    who: str
    text: str
