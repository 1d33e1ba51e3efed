"""The event of a readiness run: what was found besides the dry run, and what that changed since the last look."""

from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.readiness import ReadinessFinding, Verdict


class ReadinessAssessed(Frozen):
    """The dry run is over, and everything that was asked besides it is answered or could not be asked.

    Attributes:
        verdict: what the findings come to.
        findings: all of them, those of the dry run too.
        looked_at: how much was looked at and found well, by kind (`permissions`, `quotas`).
        compared_with: id of the readiness run before, empty when there was none.
        new: what is missing or unknown now and was not in that run (`ReadinessFinding.what`).
        mended: what was missing or unknown in that run and is not now.
    """

    kind: Literal["readiness.assessed"] = "readiness.assessed"
    verdict: Verdict
    findings: tuple[ReadinessFinding, ...] = ()
    looked_at: dict[str, int] = {}
    compared_with: str = ""
    new: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
