"""The events of a readiness run: what was found besides the dry run, what that changed, and who was told of it."""

from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject
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


class ReadinessTold(Frozen):
    """What a channel knows of a runbook's readiness after a look; recorded when nothing was to be told, too.

    Attributes:
        channel: place and action of the telling in runbook.toml: `1:notify.email`.
        message: identity of what was to be told: the same however often it is tried; empty when nothing changed.
        told: whether it was told in this look.
        known: what the channel was told of as missing or unknown (`ReadinessFinding.what`), and not as gone.
        since: the run whose look the channel was told of last; empty when it never was.
        number: of the tries to tell this message, from 1; 0 when nothing was to be told.
        error: why it could not be told.
        outputs: what the tries gave of what was done, so that nobody is told a second time by the next one.
    """

    kind: Literal["readiness.told"] = "readiness.told"
    channel: str
    message: str = ""
    told: bool = False
    known: tuple[str, ...] = ()
    since: str = ""
    number: int = 0
    error: str = ""
    outputs: JsonObject = {}
