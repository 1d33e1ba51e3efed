"""sql.query: asks a database, or changes something in it, with one statement."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Effect,
    Finding,
    JsonScalar,
    Outputs,
    Params,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
    satisfied,
    unknown,
    unsatisfied,
)

_KEPT = 100  # rows that outputs hold


class QueryParams(Params):
    """The database, and the statement."""

    url: str = Field(
        description="SQLAlchemy URL; take the password from secret()",
        examples=["postgresql+psycopg://dr@db.example.com/reviews"],
    )
    query: str = Field(
        min_length=1,
        description="one statement; values stand in it as :name, and are given in `parameters`",
        examples=["SELECT max(id) AS newest FROM reviews WHERE app = :app"],
    )
    parameters: dict[str, str | int | float | bool | None] = Field(
        {}, description="values of the names in it; they are data, whatever they hold", examples=[{"app": "reviews"}]
    )
    changes: bool = Field(
        default=False, description="whether the statement changes something; otherwise the database lets it only read"
    )
    unless: str | None = Field(
        None,
        min_length=1,
        description="a query with the same parameters; the change is done when the first value of its first row is "
        "true (not null, false, 0 or empty)",
        examples=["SELECT count(*) FROM settings WHERE name = 'mode' AND value = 'standby'"],
    )

    @model_validator(mode="after")
    def _unless_is_for_changes(self) -> Self:
        if self.unless is not None and not self.changes:
            raise ValueError("unless is for a statement that changes something: say changes: true")
        return self


class QueryOutputs(Outputs):
    """What the database answered."""

    rows: list[dict[str, JsonValue]] = Field([], description="the rows, the first hundred at most, by column")
    count: int = Field(0, description="how many rows there were; of a statement that gives none, 0")
    value: JsonValue = Field(None, description="the first value of the first row")


class SqlQuery(Action[QueryParams]):
    """Ask a database for values that later steps need, or change something in it by one statement.

    check: without `changes` it runs the query on a read-only connection, in a dry run, too, and gives the rows (10,000
    at most). With `changes` it asks `unless`; without that nobody can tell whether it is done, and it runs each time.
    A function that does something by being called (`pg_terminate_backend`) is no writing to a database: say
    `changes: true` for it.
    apply: runs the statement in a transaction of its own, for 60 s at most (PostgreSQL, MySQL); what takes longer is a
    `command.run` of the database's own program. When the connection breaks meanwhile nobody knows whether the
    change was kept: `unless` is asked, and what it can't tell a person has to (`runbook resolve`). A server can still
    be at work on a statement whose connection broke, so give changes that must not be made twice a form that can't be
    (`ON CONFLICT DO NOTHING`, `WHERE NOT EXISTS`).
    """

    name = "sql.query"
    effect = Effect.CHECK
    reversible = False
    Params = QueryParams
    Outputs = QueryOutputs
    example: ClassVar[str] = """\
sql.query:
  url: postgresql+psycopg://dr@db.example.com/reviews
  query: UPDATE settings SET value = :mode WHERE name = 'mode'
  parameters: {mode: standby}
  changes: true
  unless: SELECT value = :mode FROM settings WHERE name = 'mode'
"""

    def check(self, params: QueryParams, context: ActionContext) -> Finding:
        """Ask."""
        if not params.changes:
            rows = _ask(params, context, params.query)
            return satisfied(f"the query gave {len(rows)} rows", outputs=_outputs(rows))
        change = Change(what="statement", after=params.query)
        if params.unless is None:
            return unknown("only running it would tell", changes=(change,))
        if _says_yes(_first(_ask(params, context, params.unless))):
            return satisfied("the unless query says it is done")
        return unsatisfied("the unless query says it is not done", changes=(change,))

    def apply(self, params: QueryParams, context: ActionContext) -> Applied:
        """Change it."""
        rows = _ask(params, context, params.query)
        given = f"; it gave {len(rows)} rows" if rows else ""
        return Applied(summary=f"the statement was carried out{given}", outputs=_outputs(rows))


def _ask(params: QueryParams, context: ActionContext, statement: str) -> list[dict[str, JsonScalar]]:
    """Run a statement.

    Raises:
        ActionFailedError: the database refused it.
        ReadOnlyError: it writes and these are a check's hands.
        ServiceUnreachableError: no connection, or it broke.
    """
    try:
        return context.sql(params.url).query(statement, params.parameters)
    except (ReadOnlyError, ServiceUnreachableError):
        raise
    except RunbookError as error:
        raise ActionFailedError(error.message, hint=error.hint) from error


def _first(rows: Sequence[Mapping[str, JsonScalar]]) -> JsonScalar:
    return next(iter(rows[0].values()), None) if rows else None


def _says_yes(value: JsonScalar) -> bool:
    """Tell whether a value is true; decimal numbers come as text (`0.00`)."""
    if not isinstance(value, str):
        return bool(value)
    try:
        return bool(Decimal(value))
    except InvalidOperation:
        return value.strip().lower() not in {"", "f", "false", "n", "no"}


def _outputs(rows: Sequence[Mapping[str, JsonScalar]]) -> dict[str, JsonValue]:
    kept: list[JsonValue] = [dict(row) for row in rows[:_KEPT]]
    return {"rows": kept, "count": len(rows), "value": _first(rows)}
