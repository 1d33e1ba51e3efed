"""What a database shall answer: one query, its first value, and what that value must be."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Self

from pydantic import Field, model_validator

from runbook_engine.sdk import (
    ActionFailedError,
    JsonScalar,
    Params,
    PositiveDuration,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
    SqlDatabase,
    format_duration,
)

CONDITIONS = ("equals", "at_least", "at_most", "not_null", "max_age")


class SqlCheck(Params):
    """A query and what the first column of its first row must be; several conditions must all hold."""

    name: str = Field("", description="what it is, for people", examples=["reviews"])
    query: str = Field(
        min_length=1, description="a statement that only reads", examples=["SELECT count(*) FROM reviews"]
    )
    equals: str | int | float | bool | None = Field(None, description="the value itself", examples=[0])
    at_least: float | None = Field(None, description="smallest number it may be", examples=[500])
    at_most: float | None = Field(None, description="greatest number it may be")
    not_null: bool = Field(default=False, description="true: there must be a value")
    max_age: PositiveDuration | None = Field(
        None, description="greatest age of a timestamp; one without a zone counts as UTC", examples=["15m"]
    )

    @model_validator(mode="after")
    def _something_expected(self) -> Self:
        if not self.model_fields_set.intersection(CONDITIONS):
            message = f"say what the value must be: one of {', '.join(CONDITIONS)}"
            raise ValueError(message)
        return self

    @property
    def title(self) -> str:
        """Its name, else the query."""
        return self.name or self.query


@dataclass(frozen=True, slots=True)
class SqlLook:
    """What a query gave, and what is wrong with it (None: nothing)."""

    title: str
    value: JsonScalar
    problem: str | None


def look_by_sql(check: SqlCheck, database: SqlDatabase, now: datetime) -> SqlLook:
    """Ask the database.

    Raises:
        ActionFailedError: the database refused the statement; in its own words.
        ReadOnlyError: the statement may change something.
        ServiceUnreachableError: the database did not answer.
    """
    try:
        rows = database.query(check.query)
    except ServiceUnreachableError:
        raise
    except ReadOnlyError as error:
        raise ReadOnlyError(f"{check.title}: {error.message}", hint=error.hint) from error
    except RunbookError as error:
        raise ActionFailedError(f"{check.title}: {error.message}", hint=error.hint) from error
    value = next(iter(rows[0].values()), None) if rows else None
    problem = "the query gave no row" if not rows else _problem(check, value, now)
    return SqlLook(check.title, value, f"{check.title}: {problem}" if problem else None)


def _problem(check: SqlCheck, value: JsonScalar, now: datetime) -> str | None:
    if "equals" in check.model_fields_set and not _same(value, check.equals):
        return f"is {value!r} instead of {check.equals!r}"
    if check.not_null and value is None:
        return "is null"
    if (check.at_least is not None or check.at_most is not None) and (problem := _range_problem(check, value)):
        return problem
    return None if check.max_age is None else _age_problem(value, check.max_age, now)


def _range_problem(check: SqlCheck, value: JsonScalar) -> str | None:
    number = _number(value)
    if number is None:
        return f"is {value!r}, which is not a number"
    if check.at_least is not None and number < Decimal(str(check.at_least)):
        return f"is {value}, less than {check.at_least:g}"
    if check.at_most is not None and number > Decimal(str(check.at_most)):
        return f"is {value}, more than {check.at_most:g}"
    return None


def _same(value: JsonScalar, wanted: JsonScalar) -> bool:
    """Compare; a decimal, which a database gives as text, equals the number that it writes."""
    if isinstance(value, str) and isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return _number(value) == Decimal(str(wanted))
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value in {0, 1} and wanted in {0, 1} and value == wanted  # SQLite and MySQL have 0 and 1 for booleans
    return value == wanted


def _number(value: JsonScalar) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _age_problem(value: JsonScalar, greatest: timedelta, now: datetime) -> str | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        return f"is {value!r}, which is not a timestamp; let the query give one like 2026-11-23T08:20:00+00:00"
    age = now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if age > greatest:
        words = format_duration(timedelta(seconds=round(age.total_seconds())))
        return f"is {words} old ({moment.isoformat()}), older than {format_duration(greatest)}"
    return None
