"""One line of the doctor's."""

from typing import Literal

from runbook_engine.model.base import Frozen


class Check(Frozen):
    """One thing that was looked at.

    Attributes:
        level: `ok`; `note`, worth knowing and perhaps as it should be; `wrong`, a recovery would suffer from it.
        hint: what to do about it.
    """

    name: str
    level: Literal["ok", "note", "wrong"]
    text: str
    hint: str = ""
