"""Refuses a listing that lost too much since the last backup: a service that shows nothing is no proof of deletion."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from runbook_engine.sdk import ActionFailedError

MayVanish = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="greatest share of what the last backup found listed that may be listed no longer; more fails the "
        "step and leaves the backup as it is, and so does a listing of nothing, unless it is 1",
        examples=[0.5],
    ),
]


def must_not_collapse(known: Collection[str], there: Collection[str], may_vanish: float, what: str) -> None:
    """See that a service still lists most of what it listed for the last backup.

    Args:
        known: what the last backup found listed.
        there: what is listed now.
        what: the things, in the plural.

    Raises:
        ActionFailedError: it lists nothing, or lost more than the share.
    """
    gone = len(set(known).difference(there))
    if may_vanish >= 1 or (there and gone <= may_vanish * len(known)):
        return
    before = f"; {gone} of the {len(known)} {what} of the last backup are gone" if known else ""
    raise ActionFailedError(
        f"the service lists {len(there)} {what}{before}: nothing was changed in the backup",
        hint="may the token still see them? If they are truly gone, say `may_vanish: 1` once",
    )
