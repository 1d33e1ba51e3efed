"""What a plain (unquoted) YAML scalar means: by YAML 1.2's core schema, or by 1.1 as Ansible reads it."""

import re
from typing import NamedTuple

from runbook_engine.model.json import JsonScalar

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# Only a text that begins with one of these can be anything but a string, in either schema.
SPECIAL_STARTS = frozenset("0123456789+-.~nNtTfFyYoO")

_CORE_BOOLEANS = {text: text.lower() == "true" for text in ("true", "True", "TRUE", "false", "False", "FALSE")}
_OLD_BOOLEANS = {
    form: word in {"yes", "on"} for word in ("yes", "no", "on", "off") for form in (word, word.title(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_CORE_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
# YAML 1.1's integers and floats as PyYAML's resolver has them.
_OLD_INTEGER = re.compile(
    r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
)
_OLD_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
)
_MOST_DIGITS = 4000  # Python refuses to read longer integers; 64 bits need 19
_LARGEST = 2**63


class Plain(NamedTuple):
    """A plain scalar read.

    Attributes:
        ambiguous: what another YAML reader would take the text for; empty when all agree.
        problem: why the text can't be a value at all; empty when it can.
    """

    value: JsonScalar
    ambiguous: str = ""
    problem: str = ""


def read_plain(text: str) -> Plain:
    """Read a plain scalar by YAML 1.2's core schema, but leave as text what readers of YAML disagree about."""
    if text in NULLS:
        return Plain(None)
    if text[0] not in SPECIAL_STARTS:
        return Plain(text)
    if text in _CORE_BOOLEANS:
        return Plain(_CORE_BOOLEANS[text])
    return _core_number(text)


def read_plain_1_1(text: str) -> Plain:
    """Read a plain scalar as Ansible does (PyYAML's YAML 1.1), but dates stay text."""
    if text in NULLS:
        return Plain(None)
    if text[0] not in SPECIAL_STARTS:
        return Plain(text)
    if text in _CORE_BOOLEANS:
        return Plain(_CORE_BOOLEANS[text])
    if text in _OLD_BOOLEANS:
        return Plain(_OLD_BOOLEANS[text])
    return _old_number(text)


def _core_number(text: str) -> Plain:
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _CORE_BASED.fullmatch(text):
        return _integer(text, 0)
    if _FLOAT.fullmatch(text):
        return _finite(float(text), text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return Plain(None, problem=f"{text} is not a finite number")
    return Plain(text, ambiguous=_ambiguity(text))


def _old_number(text: str) -> Plain:
    if _OLD_INTEGER.fullmatch(text):
        return _old_integer(text)
    if _OLD_FLOAT.fullmatch(text):
        return _old_float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return Plain(None, problem=f"{text} is not a finite number")
    return Plain(text)


def _integer(text: str, base: int, sign: int = 1) -> Plain:
    """Read digits; Python itself refuses to read very long ones, so length comes first."""
    if len(text) <= _MOST_DIGITS:
        value = sign * int(text, base)
        if -_LARGEST <= value < _LARGEST:
            return Plain(value)
    shown = text if len(text) <= 40 else f"{text[:20]}…"  # noqa: PLR2004 - as much as fits into a sentence
    return Plain(None, problem=f"{shown} is too large for an integer of 64 bits")


def _finite(value: float, text: str) -> Plain:
    if value in {float("inf"), float("-inf")}:
        return Plain(None, problem=f"{text[:40]} is too large for a number")
    return Plain(value)


def _ambiguity(text: str) -> str:
    """Say what a reader of YAML 1.1 (or, for `017` and `1e3`, of 1.2) would take a text for."""
    if text in _OLD_BOOLEANS:
        return f"the boolean {str(_OLD_BOOLEANS[text]).lower()}"
    if _LEADING_ZERO.fullmatch(text):
        return "an octal or decimal number"
    if _EXPONENT.fullmatch(text):
        return "a number"
    if _OLD_INTEGER.fullmatch(text) or _OLD_FLOAT.fullmatch(text):
        return "a number in base 60" if ":" in text else "a number"
    return ""


def _old_integer(text: str) -> Plain:
    """Give the value that PyYAML gives, sexagesimal and underscores included."""
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if ":" in digits:
        return _sexagesimal(digits, sign)
    if digits.startswith(("0b", "0x")):
        # PyYAML raises on a bare 0b_ or 0x_; here it stays text.
        return _integer(digits, 0, sign) if len(digits) > 2 else Plain(text)  # noqa: PLR2004 - the prefix's length
    return _integer(digits, 8 if digits.startswith("0") else 10, sign)


def _sexagesimal(digits: str, sign: int) -> Plain:
    value = 0
    for part in digits.split(":"):
        value = value * 60 + int(part)
        if value >= _LARGEST:
            return Plain(None, problem=f"{digits[:40]} is too large for an integer of 64 bits")
    return Plain(sign * value)


def _old_float(text: str) -> Plain:
    digits = text.replace("_", "")
    if ":" not in digits:
        return _finite(float(digits), text) if any(digit.isdigit() for digit in digits) else Plain(text)
    sign = -1.0 if digits.startswith("-") else 1.0
    value = 0.0
    for part in digits.lstrip("+-").split(":"):
        value = value * 60 + float(part)
    return _finite(sign * value, text)
