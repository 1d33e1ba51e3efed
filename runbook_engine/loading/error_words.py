"""What pydantic's error types mean in plain words: `must be …`, and what to do."""

import re

from pydantic_core import ErrorDetails

from runbook_engine.model.names import RUNBOOK_NAME, STEP_ID
from runbook_engine.model.quoting import did_you_mean, quoted

_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping (lines of key: value)",
    "mapping_type": "a mapping (lines of key: value)",
    "model_type": "a mapping (lines of key: value)",
    "model_attributes_type": "a mapping (lines of key: value)",
    "list_type": "a list",
    "tuple_type": "a list",
    "is_instance_of": "a list",
    "date_type": "a date such as 2026-07-01",
    "date_parsing": "a date such as 2026-07-01",
    "date_from_datetime_parsing": "a date such as 2026-07-01",
    "date_from_datetime_inexact": "a date such as 2026-07-01",
    "none_required": "empty",
    "finite_number": "a finite number",
    "recursion_loop": "less deeply nested",
}
TYPE_ERRORS = frozenset(_WORDS) - {"finite_number", "recursion_loop"}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_PATTERNS = {
    STEP_ID: "a name of lower-case letters, digits and hyphens that begins with a letter, such as restore-db",
    RUNBOOK_NAME: "a name of lower-case letters, digits and hyphens that begins with a letter, such as region-failover",
    r"^(100|[1-9]?[0-9])%$": "a whole number or a percentage from 0% to 100%",
    r"^[a-z0-9][a-z0-9._-]*$": "a name of lower-case letters, digits, dots, hyphens and underscores",
}
_CHOICE = re.compile(r"'([^']*)'")


def explain(details: ErrorDetails) -> tuple[str, str]:
    """Say what a value must be (to be read after "must be") and what to do about it."""
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind in _WORDS:
        return f"{_WORDS[kind]}, not {_described(value)}", _quote_hint(kind, value)
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"{words} {context[key]}, not {_described(value)}", ""
    return _explain_more(details)


def _explain_more(details: ErrorDetails) -> tuple[str, str]:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return f"{_PATTERNS.get(pattern, f'like the pattern {pattern}')}, not {_described(value)}", ""
    if kind in {"enum", "literal_error"}:
        expected = str(context["expected"])
        return f"{expected}, not {_described(value)}", did_you_mean(str(value), _CHOICE.findall(expected))
    if kind in {"too_short", "too_long", "string_too_short", "string_too_long"}:
        return _size(kind, context), ""
    return _own_words(str(context.get("error", details["msg"])))


def _described(value: object) -> str:
    """Name a value by kind, and show it when it is short enough to be recognised."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {quoted(value)[1:-1]}"
    if isinstance(value, str):
        return quoted(value) if value else "empty text"
    if isinstance(value, list | tuple | dict):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else f"a {type(value).__name__}"


def _quote_hint(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return f"put it in quotes: {quoted(str(value).lower())}"
    if kind in {"list_type", "tuple_type"} and isinstance(value, str):
        return "write a list: [" + quoted(value)[1:-1] + "]"
    return ""


def _size(kind: str, context: dict[str, object]) -> str:
    what = "characters" if kind.startswith("string") else "entries"
    if kind.endswith("short"):
        return f"at least {context['min_length']} {what} long"
    return f"at most {context['max_length']} {what} long"


def _own_words(sentence: str) -> tuple[str, str]:
    """Fit a validator's own sentence behind `must be`."""
    if sentence.startswith("must be "):
        return sentence.removeprefix("must be "), ""
    return f"valid: {sentence}", ""
