"""What is kept of a journal where nobody can change it: how far each run's chain had come."""

from datetime import datetime
from typing import Literal, NamedTuple

from runbook_engine.model.base import Frozen
from runbook_engine.model.event import Actor


class AnchoredHead(NamedTuple):
    """A run's newest event: its number, and its hash, which covers all before it."""

    events: int
    hash: str


class Anchor(Frozen):
    """The ends of chains at one moment.

    Attributes:
        runs: how many runs were ever opened.
        heads: by run; where an anchor follows others, those that grew since.
    """

    format: Literal["runbook-anchor/1"] = "runbook-anchor/1"
    at: datetime
    by: Actor
    project: str = ""
    runs: int
    heads: dict[str, AnchoredHead]
