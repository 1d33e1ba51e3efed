"""Cases of a runbook: what its steps are given to find, and what is expected to come of it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject
from runbook_engine.model.names import Duration, RunbookName
from runbook_engine.model.outcome import Mode

Answer = Literal["approve", "decline", "pass", "fail", "retry", "skip", "ignore", "abort"]
Status = Literal["succeeded", "failed", "aborted", "waiting"]
Told = Literal["first", "update", "resolved", "say"]
_OUTCOMES = Literal[
    "unchanged", "changed", "would-change", "unproven", "skipped", "failed", "unreachable", "blocked", "cancelled"
]


class Given(Frozen):
    """What an attempt of a step comes to; without any of it a change is made, and a verification holds.

    Attributes:
        fails, unreachable: the attempt fails so, with these words.
        unchanged: the check finds all as it should be.
        times: how many attempts come to this; those after them come to what they would without it.
        takes: how long an attempt lasts, on the case's own clock.
        outputs: what it leaves for later steps, over the action's defaults.
    """

    fails: str = ""
    unreachable: str = ""
    unchanged: bool = False
    times: Annotated[int, Field(ge=1)] | None = None
    takes: Duration | None = None
    outputs: JsonObject = {}

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if sum((bool(self.fails), bool(self.unreachable), self.unchanged)) > 1:
            raise ValueError("give one of fails, unreachable and unchanged")
        return self


class Expected(Frozen):
    """What is expected of a case; what is left out is not looked at.

    Attributes:
        status: how the run ends, or that it waits.
        outcomes: by step (all of its tasks) or task (`deploy@web1`).
        attempts: how many were made, by step or task.
        order: steps of which each begins only when the one before it has ended.
        not_begun: steps of which no attempt is made.
        messages: by audience, what it is told, in order.
    """

    status: Status | None = None
    outcomes: dict[str, _OUTCOMES] = {}
    attempts: dict[str, Annotated[int, Field(ge=0)]] = {}
    order: tuple[str, ...] = ()
    not_begun: tuple[str, ...] = ()
    messages: dict[str, tuple[Told, ...]] = {}


class Case(Frozen):
    """One case: a run that touches no target.

    Attributes:
        name: what it shows, in words.
        mode: live unless it says otherwise; a dry run or a drill.
        inputs: of the runbook.
        limit: only these targets, as `--limit`.
        given: by step, or by task (`deploy@web1`), which goes before.
        answers: of people, by step (or task): gates, manual tasks, steps that are held.
        skip: reason by step, as `--skip` gives it.
        expect: what is to come of it.
    """

    name: str
    mode: Mode = Mode.LIVE
    inputs: JsonObject = {}
    limit: str | None = None
    skip: dict[str, str] = {}
    given: dict[str, Given] = {}
    answers: dict[str, Answer] = {}
    expect: Expected = Field(default_factory=Expected)


class CaseFile(Frozen):
    """The cases of a runbook.

    Attributes:
        runbook: its name.
        inventory: on which it is played; the project's without it.
        cases: each is a run of its own.
    """

    runbook: RunbookName
    inventory: str | None = None
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
