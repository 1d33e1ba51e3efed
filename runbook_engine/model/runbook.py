"""The runbook as the file says it: steps, inputs, objectives, communications, triggers (format version 1)."""

from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.names import Duration, PositiveDuration, RunbookName, StepId

Percent = Annotated[str, Field(pattern=r"^(100|[1-9]?[0-9])%$")]
# Strict: text such as "no" is not taken for false, nor true for 1.
Flag = Annotated[bool, Field(strict=True)]
Amount = Annotated[int, Field(ge=1, strict=True)] | Percent


class ActionCall(Frozen):
    """An action's name and its parameters as written, templates and all."""

    name: str
    params: JsonObject = {}


class Need(Frozen):
    """An edge of the DAG: the step waits for another one; with `per_target`, on each target for that target only."""

    step: str
    per_target: bool = False


class Retry(Frozen):
    """How often and how fast a failed attempt is made again.

    Attributes:
        attempts: greatest number of attempts, the first included.
        backoff: factor the delay grows by from one attempt to the next.
        jitter: share (0 to 1) of each delay that is drawn at random, so that many targets don't retry at once.
        until: expression over `result` (the outputs) that must be true for the attempt to count as ended well.
    """

    attempts: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    delay: Duration = Field(default="5s", validate_default=True)
    backoff: Annotated[float, Field(ge=1, le=100, strict=True)] = 1.0
    max_delay: PositiveDuration = Field(default="5m", validate_default=True)
    jitter: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.0
    until: str | None = None


@lru_cache(maxsize=1)
def _once() -> Retry:
    """Give the retry of a step that says nothing of it, one for all of them."""
    return Retry()


_HALF_AN_HOUR = timedelta(minutes=30)


class OnFailure(StrEnum):
    """What becomes of the run when the step fails."""

    STOP = "stop"
    HOLD = "hold"
    CONTINUE = "continue"
    REVERT = "revert"


class ImportCall(Frozen):
    """Another runbook spliced in at plan time; its step ids get this step's id as a prefix."""

    file: str
    inputs: JsonObject = {}


class Step(Frozen):
    """A node of the DAG: one action on the targets of a pattern. Exactly one of `action` and `imported` is set."""

    # Defaults that are no plain values come from factories: pydantic would make a deep copy of each for every one of
    # the thousands of steps of a long runbook.
    id: StepId
    name: str | None = None
    action: ActionCall | None = None
    imported: ImportCall | None = None
    needs: tuple[Need, ...] = ()
    targets: str = "localhost"
    when: str | bool | None = None
    loop: str | tuple[JsonValue, ...] | None = None
    batch: tuple[Amount, ...] = ()
    parallel: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_failures: Annotated[int, Field(ge=0, strict=True)] | Percent = 0
    retry: Retry = Field(default_factory=_once)
    timeout: PositiveDuration = Field(default_factory=lambda: _HALF_AN_HOUR, json_schema_extra={"default": "30m"})
    takes: PositiveDuration | None = None
    on_failure: OnFailure = OnFailure.STOP
    always: Flag = False
    mutex: Annotated[str, Field(min_length=1)] | None = None
    revert: ActionCall | None = None
    become: Flag = False
    become_user: str = "root"
    environment: dict[str, str] = Field(default_factory=dict, json_schema_extra={"default": {}})
    vars: JsonObject = Field(default_factory=dict, json_schema_extra={"default": {}})
    tags: tuple[str, ...] = ()
    sensitive: Flag = False


class InputType(StrEnum):
    """The type of an input's value."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    DURATION = "duration"
    RUN = "run"


class Input(Frozen):
    """A typed value that the operator gives with `-e name=value`; recorded with the run, so never a secret."""

    type: InputType = InputType.STRING
    required: Flag = False
    default: JsonValue = None
    pattern: str | None = None
    choices: tuple[JsonValue, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""


class Objectives(Frozen):
    """Recovery time and recovery point that the runbook must achieve."""

    rto: PositiveDuration | None = None
    rpo: PositiveDuration | None = None


class Drill(Frozen):
    """How often the runbook must be drilled."""

    every: PositiveDuration


class Review(Frozen):
    """How often a person must review the runbook, and when somebody last did."""

    every: PositiveDuration
    last: date | None = None


class Communication(Frozen):
    """Messages owed to an audience while the run lasts; `every` is the greatest silence allowed."""

    audience: str
    every: PositiveDuration
    begins: str = Field(alias="from")
    until: str
    first: tuple[ActionCall, ...] = ()
    update: tuple[ActionCall, ...] = ()
    resolved: tuple[ActionCall, ...] = ()


class Trigger(Frozen):
    """A condition that `runbook monitor` watches, and what it does when it held for a while."""

    when: ActionCall
    held_for: Duration = Field(alias="for")
    then: Literal["propose", "notify"] = "propose"


class Runbook(Frozen):
    """One runbook file.

    Attributes:
        policy: ids of the controls that the runbook implements.
        files: name relative to the project and SHA-256 of each file it was read from, imports included.
    """

    runbook: RunbookName
    title: str = ""
    description: str = ""
    owner: str | None = None
    policy: tuple[str, ...] = ()
    objectives: Objectives = Objectives()
    drill: Drill | None = None
    review: Review | None = None
    inputs: dict[str, Input] = {}
    vars: JsonObject = {}
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    communications: tuple[Communication, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    files: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The runbook's name, which is its file's name too."""
        return self.runbook
