"""Where actions are looked up by their names, and where each of them came from."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from runbook_engine.model.base import Frozen
from runbook_engine.ports.action import Action, Params


class CatalogEntry(Frozen):
    """An action as the catalogue lists it; `origin` is the distribution or file it came from, with its version."""

    name: str
    summary: str
    origin: str
    version: str = ""


class Catalog(Protocol):
    """All actions that can be named."""

    def get(self, name: str) -> Action[Params] | None:
        """Give an action, None when there is none of that name."""
        ...

    def names(self) -> Sequence[str]:
        """Name every action, sorted."""
        ...

    def entry(self, name: str) -> CatalogEntry:
        """Describe an action by its name."""
        ...

    def versions(self) -> Mapping[str, str]:
        """Give the version of each origin, for the audit trail."""
        ...
