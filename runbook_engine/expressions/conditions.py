"""Tests (`x is …`) over plain data, as Jinja2 and Ansible name them."""

import re
from collections.abc import Callable, Mapping

from runbook_engine.expressions import regex
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.filters_data import as_list, identity
from runbook_engine.expressions.plain import to_text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(value: object, item: object) -> bool:
    if isinstance(value, str):
        return to_text(item) in value
    return item in as_list(value, "contains")


def _subset(value: object, other: object) -> bool:
    return {identity(item) for item in as_list(value, "subset")} <= {
        identity(item) for item in as_list(other, "subset")
    }


def _match(how: str) -> Callable[..., bool]:
    def test(value: object, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
        flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
        return regex.find(to_text(value), pattern, how, flags=int(flags)) is not None

    return test


def _divisible(value: int, by: int) -> bool:
    if not by:
        raise TemplateError("nothing is divisible by 0")
    return value % by == 0


_TESTS: Mapping[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "contains": _contains,
    "divisibleby": _divisible,
    "eq": lambda a, b: a == b,
    "equalto": lambda a, b: a == b,
    "even": lambda value: value % 2 == 0,
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "greaterthan": lambda a, b: a > b,
    "in": lambda value, other: _contains(other, value),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "iterable": lambda value: isinstance(value, str | list | tuple | Mapping),
    "le": lambda a, b: a <= b,
    "lessthan": lambda a, b: a < b,
    "lower": lambda value: to_text(value).islower(),
    "lt": lambda a, b: a < b,
    "mapping": lambda value: isinstance(value, Mapping),
    "match": _match("match"),
    "ne": lambda a, b: a != b,
    "none": lambda value: value is None,
    "number": _is_number,
    "odd": lambda value: value % 2 == 1,
    "regex": _match("search"),
    "search": _match("search"),
    "sequence": lambda value: isinstance(value, str | list | tuple),
    "string": lambda value: isinstance(value, str),
    "subset": _subset,
    "superset": lambda value, other: _subset(other, value),
    "true": lambda value: value is True,
    "upper": lambda value: to_text(value).isupper(),
}
_SYMBOLS = {"==": "eq", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
TESTS: Mapping[str, Callable[..., bool]] = {**_TESTS, **{symbol: _TESTS[name] for symbol, name in _SYMBOLS.items()}}
