"""What a look at readiness finds: what is missing, what could not be asked, what is only worth knowing."""

from collections.abc import Iterable
from enum import StrEnum

from runbook_engine.model.base import Frozen


class Level(StrEnum):
    """How much a finding weighs: a run would fail for it, nobody could tell, or the run goes on all the same."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    NOTE = "note"


class Verdict(StrEnum):
    """What a look comes to: nothing is missing, nothing is known to be missing, or something is."""

    READY = "ready"
    UNKNOWN = "unknown"
    NOT_READY = "not-ready"


class Area(StrEnum):
    """Where a finding comes from."""

    STEP = "step"
    MESSAGE = "message"
    MACHINE = "machine"
    CREDENTIAL = "credential"
    SURVIVABILITY = "survivability"
    PERMISSION = "permission"
    QUOTA = "quota"


class ReadinessFinding(Frozen):
    """One thing that was found.

    Attributes:
        what: names it, the same in each look, so that two looks can be compared; has no times and no counts in it.
        text: says it in a sentence.
        hint: what to do about it.
        steps: ids of the steps that it concerns.
    """

    level: Level
    area: Area
    what: str
    text: str
    hint: str = ""
    steps: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether two looks that differ in it differ in what people want to be told of."""
        return self.level is not Level.NOTE


def judge(findings: Iterable[ReadinessFinding]) -> Verdict:
    """Judge: what could not be asked is never taken for good."""
    levels = {one.level for one in findings}
    if Level.MISSING in levels:
        return Verdict.NOT_READY
    return Verdict.UNKNOWN if Level.UNKNOWN in levels else Verdict.READY


def ordered(findings: list[ReadinessFinding]) -> tuple[ReadinessFinding, ...]:
    """Give them in the order in which they are told: the heaviest first, then by where they come from."""
    levels, areas = list(Level), list(Area)
    return tuple(sorted(findings, key=lambda one: (levels.index(one.level), areas.index(one.area))))
