"""wait.until: wait until an HTTP peer, a database or a command says yes."""

import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.http_probe import HttpProbe, look_by_http
from runbook_engine.actions.patience import pause_or_give_up
from runbook_engine.actions.sql_expectations import SqlCheck, look_by_sql
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Command,
    Finding,
    Params,
    PositiveDuration,
    ServiceUnreachableError,
    satisfied,
    unsatisfied,
)


class SqlWait(SqlCheck):
    """One question to a database."""

    url: str = Field(description="SQLAlchemy URL", examples=["postgresql+psycopg://dr@db.example.com/reviews"])


class WaitUntilParams(Params):
    """Exactly one of `http`, `sql` and `command`."""

    http: HttpProbe | None = Field(
        None, description="as http.check", examples=[{"url": "https://app.example.com/health"}]
    )
    sql: SqlWait | None = Field(
        None,
        description="a query, and what its first value must be",
        examples=[{"url": "sqlite:///app.db", "query": "SELECT count(*) FROM jobs", "equals": 0}],
    )
    command: list[str] | None = Field(
        None,
        min_length=1,
        description="argv, run on the target; must only read; exit status 0 means yes",
        examples=[["pg_isready"]],
    )
    in_a_row: int = Field(1, ge=1, le=1000, description="times in a row that it must say yes")
    poll: PositiveDuration = Field(timedelta(seconds=5), description="time between two looks", examples=["5s"])

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if sum(condition is not None for condition in (self.http, self.sql, self.command)) != 1:
            raise ValueError("give exactly one of http, sql and command")
        return self


class WaitUntil(Action[WaitUntilParams]):
    """Wait until an HTTP peer, a database or a command says yes.

    check: looks until the answer was yes `in_a_row` times, `poll` apart; the first no ends it.
    apply: looks every `poll` until the answer was yes `in_a_row` times in a row or the step's timeout has passed;
    changes nothing. A peer that can't be reached is a no, and so is a statement that the database refuses.
    """

    name = "wait.until"
    Params = WaitUntilParams
    example: ClassVar[str] = """\
wait.until:
  http:
    url: https://app.example.com/health
    json: {db: ok}
  poll: 5s
"""

    def probe_commands(self, params: WaitUntilParams) -> Sequence[tuple[str, ...]]:
        """Name the command."""
        return () if params.command is None else (tuple(params.command),)

    def check(self, params: WaitUntilParams, context: ActionContext) -> Finding:
        """Look, as often in a row as wanted."""
        began = context.clock.monotonic()
        good = 0
        while (problem := _problem(params, context)) is None:
            good += 1
            if good == params.in_a_row:
                times = f", {good} times in a row" if good > 1 else ""
                return satisfied(f"{_what(params)} says yes{times}")
            words = _so_far(params, good)
            context.progress(words)
            pause_or_give_up(params.poll.total_seconds(), context, began, words)
        words = f"{problem} (after {good} times yes)" if good else problem
        return unsatisfied(words, changes=(Change(what="wait until", before=words, after=_what(params)),))

    def apply(self, params: WaitUntilParams, context: ActionContext) -> Applied:
        """Look until the answer is yes."""
        began = context.clock.monotonic()
        good = 0
        while True:
            problem = _problem(params, context)
            good = good + 1 if problem is None else 0
            waited = context.clock.monotonic() - began
            if good == params.in_a_row:
                return Applied(summary=f"{_what(params)} said yes after {waited:.0f} s", changed=False)
            words = problem or _so_far(params, good)
            context.progress(words)
            pause_or_give_up(params.poll.total_seconds(), context, began, words)


def _what(params: WaitUntilParams) -> str:
    if params.http is not None:
        return params.http.url
    if params.sql is not None:
        return params.sql.title
    return shlex.join(params.command or [])


def _so_far(params: WaitUntilParams, good: int) -> str:
    return f"{_what(params)} said yes {good} of {params.in_a_row} times in a row"


def _problem(params: WaitUntilParams, context: ActionContext) -> str | None:
    """Give None for yes, else the words for no."""
    if params.http is not None:
        problems = look_by_http(params.http, context).problems
        return f"{params.http.url}: {'; '.join(problems)}" if problems else None
    if params.sql is not None:
        try:
            return look_by_sql(params.sql, context.sql(params.sql.url), context.clock.now()).problem
        except (ServiceUnreachableError, ActionFailedError) as error:  # such as a table that isn't restored yet
            return error.message
    argv = tuple(params.command or ())
    status = context.connection.run(Command(argv=argv), timeout=context.remaining()).exit_status
    return None if status == 0 else f"{shlex.join(argv)} ended with exit status {status}"
