"""sql.verify: the data in a database is what it should be."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from runbook_engine.actions.sql_expectations import SqlCheck, SqlLook, look_by_sql
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Finding,
    Outputs,
    Params,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
    satisfied,
    unsatisfied,
)

TableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$")]


class Rows(Params):
    """How many rows there must be."""

    min: int | None = Field(None, ge=0, description="fewest rows", examples=[500])
    max: int | None = Field(None, ge=0, description="most rows")


class Table(Params):
    """What a table must be like."""

    rows: Rows = Field(description="its number of rows", examples=[{"min": 500}])


class SqlVerifyParams(Params):
    """The database, and what to ask it."""

    url: str = Field(
        description="SQLAlchemy URL; take the password from secret()",
        examples=["postgresql+psycopg://dr@db.example.com/reviews"],
    )
    checks: list[SqlCheck] = Field([], description="queries and what they must give")
    tables: dict[TableName, Table] = Field(
        {}, description="tables and how many rows they must have", examples=[{"reviews": {"rows": {"min": 500}}}]
    )

    @model_validator(mode="after")
    def _something_to_ask(self) -> Self:
        if not self.checks and not self.tables:
            raise ValueError("give checks, tables or both; an empty verification would prove nothing")
        return self


class SqlVerifyOutputs(Outputs):
    """What the database said."""

    values: dict[str, JsonValue] = Field({}, description="value by the check's name (or query), or the table's rows")


class SqlVerify(Action[SqlVerifyParams]):
    """Verify the data in a database: counts, values, freshness.

    check: runs every query on a read-only connection, tells all that is wrong at once, and keeps the values as
    evidence. A statement that the database refuses fails the step, and the others are asked all the same.
    """

    name = "sql.verify"
    Params = SqlVerifyParams
    Outputs = SqlVerifyOutputs
    example: ClassVar[str] = """\
sql.verify:
  url: postgresql+psycopg://dr@db.example.com/reviews
  tables: {reviews: {rows: {min: 500}}}
  checks:
    - {name: newest review, query: SELECT max(created_at) FROM reviews, max_age: 1h}
"""

    def check(self, params: SqlVerifyParams, context: ActionContext) -> Finding:
        """Ask everything."""
        database = context.sql(params.url)
        now = context.clock.now()
        looks: list[SqlLook] = []
        problems: list[str] = []
        refused: list[RunbookError] = []
        for check in [*_table_checks(params), *params.checks]:
            try:
                look = look_by_sql(check, database, now)
            except ServiceUnreachableError as error:  # nor would it answer the other questions
                words = "; ".join([*problems, f"{check.title}: {error.message}"])
                raise ServiceUnreachableError(words, hint=error.hint) from error
            except (ActionFailedError, ReadOnlyError) as error:
                refused.append(error)
                problems.append(error.message)
            else:
                looks.append(look)
                problems += [look.problem] if look.problem is not None else []
        if refused:
            raise _all_told(problems, refused)
        values = {look.title: look.value for look in looks}
        if problems:
            return unsatisfied("; ".join(problems), evidence={"values": values, "problems": problems})
        count = len(looks)
        words = "the value is as expected" if count == 1 else f"all {count} values are as expected"
        return satisfied(words, outputs={"values": values}, evidence={"values": values})


def _all_told(problems: list[str], refused: list[RunbookError]) -> RunbookError:
    """Give one error for everything that is wrong; a breach of the read-only hands stays one."""
    hint = next((error.hint for error in refused if error.hint), "")
    if any(isinstance(error, ReadOnlyError) for error in refused):
        return ReadOnlyError("; ".join(problems), hint=hint)
    return ActionFailedError("; ".join(problems), hint=hint)


def _table_checks(params: SqlVerifyParams) -> list[SqlCheck]:
    checks = []
    for name, table in params.tables.items():
        query = f"SELECT count(*) AS number_of_rows FROM {name}"  # noqa: S608 - the name's pattern lets nothing else through
        low = 0 if table.rows.min is None else table.rows.min
        checks.append(SqlCheck(name=f"rows of {name}", query=query, at_least=low, at_most=table.rows.max))
    return checks
