"""DynamoDB's items as plain values, as far as a comparison needs them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from runbook_engine.actions.aws.marks import as_utc

Scalar: TypeAlias = str | int


def as_key(key: Mapping[str, Scalar]) -> dict[str, dict[str, str]]:
    """Give a key as DynamoDB takes it."""
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in key.items()}


def plain(value: Any) -> str | int | float | bool | None:
    """Give a text, number or boolean as itself; None for what is none of these."""
    if not isinstance(value, Mapping):
        return None
    if "S" in value:
        return str(value["S"])
    if "BOOL" in value:
        return bool(value["BOOL"])
    if "N" not in value:
        return None
    number = Decimal(str(value["N"]))
    return int(number) if number == number.to_integral_value() else float(number)


def as_time(value: Any) -> datetime | None:
    """Read a time: ISO 8601 (UTC where it names no zone), or seconds since 1970; None for what is none."""
    text = str(value.get("S", value.get("N", ""))) if isinstance(value, Mapping) else ""
    if isinstance(value, Mapping) and "S" in value and not text.strip().isdigit():
        try:
            return as_utc(datetime.fromisoformat(text))
        except ValueError:
            return None
    try:
        return datetime.fromtimestamp(float(Decimal(text)), UTC)
    except (InvalidOperation, ValueError, OverflowError, OSError):
        return None
