"""The project's configuration: what runbook.toml may say."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject


class Limits(Frozen):
    """Bounds on input, so that a hostile or broken file ends in a finding and not in a full memory."""

    file_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    depth: Annotated[int, Field(ge=1, le=500)] = 64
    nodes: Annotated[int, Field(ge=1)] = 1_000_000
    output_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024


class Config(Frozen):
    """The contents of runbook.toml; an empty file is valid.

    Attributes:
        inventory: default inventory, a name, file or folder.
        journal: address of the journal; `RUNBOOK_JOURNAL` in the environment overrides it.
        forks: greatest number of tasks at once.
        plugins: folders with actions of your own, relative to the project.
        defaults: parameters given to every use of an action that does not set them itself, by action name.
        sandbox: mail addresses that messages without an audience go to in a drill.
    """

    inventory: str | None = None
    journal: str = "sqlite:///.runbook/journal.db"
    dispatcher: Literal["threads"] = "threads"
    forks: Annotated[int, Field(ge=1, le=10_000)] = 50
    plugins: tuple[str, ...] = ("plugins",)
    defaults: dict[str, JsonObject] = {}
    sandbox: tuple[str, ...] = ()
    limits: Limits = Limits()


class Project(Frozen):
    """A project: its folder and its configuration."""

    root: Path
    config: Config
