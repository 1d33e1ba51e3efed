"""Secrets that end on a day which somebody wrote down: which are over, which will be soon, and what needs them."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from runbook_engine.model.config import SecretsConfig
from runbook_engine.model.names import step_of
from runbook_engine.model.plan import Plan
from runbook_engine.model.readiness import Area, Level, ReadinessFinding
from runbook_engine.model.secret_reference import SecretReference, parse_reference

HINT = "make a new one, put it where the old one is, and write its day into [secrets.expires] of runbook.toml"


class Ending(NamedTuple):
    """A secret that ends.

    Attributes:
        left: whole days until it does; none are left on the day itself, since nobody says at what hour.
        needed_by: what asks for it; empty when nothing is known to.
    """

    reference: str
    day: date
    left: int
    needed_by: str

    @property
    def over(self) -> bool:
        """Whether it may not be counted on any more."""
        return self.left <= 0

    @property
    def text(self) -> str:
        """Say when it ends."""
        if self.left < 0:
            return f"{self.reference} ended on {self.day}"
        return f"{self.reference} ends on {self.day}, {'today' if self.left == 0 else f'in {self.left} days'}"


def endings(config: SecretsConfig, today: date, needed: Mapping[str, str]) -> list[Ending]:
    """Give what is over, or will be within `warn_before`; the first to end comes first.

    Args:
        needed: references that are asked for, each with what asks.
    """
    asked = {_identity(parse_reference(text)): name for text, name in needed.items()}
    found = [
        Ending(text, day, (day - today).days, asked.get(_identity(parse_reference(text)), ""))
        for text, day in config.expires.items()
    ]
    return sorted((one for one in found if one.left <= config.warn_before.days), key=lambda one: one.day)


def unasked(config: SecretsConfig, needed: Mapping[str, str]) -> list[str]:
    """Give those whose day is written down, and which nothing is known to ask for: perhaps a slip of the pen."""
    asked = {_identity(parse_reference(text)) for text in needed}
    return [text for text in config.expires if _identity(parse_reference(text)) not in asked]


def expiry_findings(
    config: SecretsConfig, plan: Plan, today: date, needed: Mapping[str, str]
) -> Iterator[ReadinessFinding]:
    """Give the plan's secrets that are over, as missing, and those that will be soon, as a note."""
    for one in endings(config, today, needed):
        if not one.needed_by:
            continue
        yield ReadinessFinding(
            level=Level.MISSING if one.over else Level.NOTE,
            area=Area.CREDENTIAL,
            what=f"secret {one.reference} {'ended' if one.over else 'ends soon'}",
            text=one.text,
            hint=HINT,
            steps=(one.needed_by,) if step_of(one.needed_by) in plan.step_index else (),
        )


def _identity(reference: SecretReference) -> tuple[str, str, str]:
    """Give what makes it the same secret, wherever it is asked for."""
    return reference.scheme, reference.name, reference.field
