"""The project's configuration: what runbook.toml may say."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from runbook_engine.model.base import Frozen
from runbook_engine.model.diagnostic import Severity
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.names import PositiveDuration
from runbook_engine.model.rules import RULES
from runbook_engine.model.secret_reference import parse_reference
from runbook_engine.model.team import Sandbox


class Limits(Frozen):
    """Bounds on input, so that a hostile or broken file ends in a finding and not in a full memory.

    Attributes:
        file_bytes: the largest file that is read.
        depth: how deep lists and mappings may be nested.
        nodes: how many values a file may hold.
        output_bytes: how much of each stream of a task's output is kept, in bytes.
    """

    file_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    depth: Annotated[int, Field(ge=1, le=500)] = 64
    nodes: Annotated[int, Field(ge=1)] = 1_000_000
    output_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024


def _one_action(value: dict[str, JsonObject]) -> dict[str, JsonObject]:
    if len(value) != 1:
        message = 'names exactly one action, such as "notify.email" = {...}'
        raise ValueError(message)
    return value


class Monitor(Frozen):
    """What `runbook monitor` does.

    Attributes:
        every: time between two looks at a trigger.
        tell: actions that tell people of an alarm, each a table with one action's name; their templates see `alarm`.
    """

    every: PositiveDuration = Field(default="60s", validate_default=True)
    tell: tuple[Annotated[dict[str, JsonObject], AfterValidator(_one_action)], ...] = ()


def _is_reference(text: str) -> str:
    try:
        parse_reference(text)
    except RunbookError as error:
        raise ValueError(f"{error.message}; {error.hint}") from None
    return text


def _is_weighable(rule: str) -> str:
    known = RULES.get(rule)
    if known is None:
        raise ValueError("there is no such rule; `runbook explain` lists them")
    if known.severity is not Severity.WARNING or rule == "RB240":
        raise ValueError("a rule that warns: errors, and RB240, can only be put right")
    return rule


class SecretsConfig(Frozen):
    """Who opens age files, for whom they are made, and on which day secrets end.

    Attributes:
        identities: files with identities, tried in order; RUNBOOK_AGE_IDENTITIES in the environment overrides it.
        recipients: public keys (`age1…`, `ssh-ed25519 …`, `ssh-rsa …`), or `role:NAME` for the SSH keys of its people.
        expires: by reference, the day on which a secret (an API token) ends; that day counts as over, by UTC.
        warn_before: how long before it `doctor` and `readiness` say so.
    """

    identities: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    expires: dict[Annotated[str, AfterValidator(_is_reference)], date] = {}
    warn_before: PositiveDuration = Field(default="30d", validate_default=True)


class Traces(Frozen):
    """Where spans are sent.

    Attributes:
        endpoint: the collector's base address, such as `http://127.0.0.1:4318`; empty for nowhere. The standard's
            variables in the environment override it.
    """

    endpoint: Annotated[str, Field(pattern="^(https?://[^ ]+)?$")] = ""


class Config(Frozen):
    """The contents of runbook.toml; an empty file is valid.

    Attributes:
        inventory: default inventory, a name, file or folder.
        journal: address of the journal; `RUNBOOK_JOURNAL` in the environment overrides it.
        dispatcher: `threads` makes every attempt in this process; `procrastinate`, and nothing, leave those on targets
            with a `queue` to that queue's workers.
        forks: greatest number of tasks at once.
        plugins: folders with actions of your own, relative to the project.
        defaults: parameters given to every use of an action that does not set them itself, by action name.
        rules: by id of a rule whose findings are warnings, what `validate` makes of them: `error`, `warning` or `off`.
        limits: bounds on input.
        monitor: how `runbook monitor` looks, and whom it tells.
        secrets: who opens age files, and on which day secrets end.
        traces: where spans are sent.
        sandbox: where messages without an audience go in a drill, by channel; a list is of mail addresses.
    """

    inventory: str | None = None
    journal: str = "sqlite:///.runbook/journal.db"
    dispatcher: Literal["threads", "procrastinate"] | None = None
    forks: Annotated[int, Field(ge=1, le=10_000)] = 50
    plugins: tuple[str, ...] = ("plugins",)
    defaults: dict[str, JsonObject] = {}
    sandbox: Sandbox = Sandbox()
    limits: Limits = Limits()
    monitor: Monitor = Monitor()
    secrets: SecretsConfig = SecretsConfig()
    rules: dict[Annotated[str, AfterValidator(_is_weighable)], Literal["error", "warning", "off"]] = {}
    traces: Traces = Traces()

    @field_validator("sandbox", mode="before")
    @classmethod
    def _a_list_is_of_mail(cls, value: object) -> object:
        return {"email": value} if isinstance(value, list | tuple) else value


class Project(Frozen):
    """A project: its folder and its configuration."""

    root: Path
    config: Config
