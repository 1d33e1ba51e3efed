"""Values of INI inventories: a Python literal where the text is one, else the text itself."""

import ast
import math
import re
import warnings

from runbook_engine.model.json import JsonValue

# The usual values, told apart without the parser: words and paths, dotted addresses, whole numbers.
_PLAIN_WORD = re.compile(r"[A-Za-z_/][\w./@-]*|[0-9]+(?:\.[0-9]+){2,}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_KEYWORDS = frozenset({"True", "False", "None"})
_MANY_SIGNS = re.compile(r"(?:[-+]\s*){8}")
_LONGEST_LITERAL = 65_536
_MOST_BITS = 13_000  # Python writes no integer of more than 4,300 digits; one in base 2, 8 or 16 it reads all the same


def read_literal(text: str) -> JsonValue:
    """Read the right side of `name=value` as Ansible does, into plain JSON.

    Tuples and sets become lists (a set's items are sorted, so that the same file always gives the same value),
    bytes become text, complex numbers and `...` stay text. What has no JSON form stays the text that was written.

    Raises:
        ValueError: the value is a number that no JSON can hold (infinity, an integer of thousands of digits).
    """
    if _PLAIN_WORD.fullmatch(text) and text not in _KEYWORDS:
        return text
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if len(text) > _LONGEST_LITERAL or _MANY_SIGNS.search(text):
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    try:
        return _as_json(value)
    except TypeError:
        return text


def _as_json(value: object) -> JsonValue:
    match value:
        case list() | tuple():
            return [_as_json(one) for one in value]
        case set():
            return [_as_json(one) for one in sorted(value, key=repr)]
        case dict():
            return {_key(key): _as_json(one) for key, one in value.items()}
        case _:
            return _scalar(value)


def _scalar(value: object) -> JsonValue:
    match value:
        case float() if not math.isfinite(value):
            raise ValueError("infinity can't be stored as JSON; quote it to make it text")
        case int() if value.bit_length() > _MOST_BITS:
            raise ValueError("the number has thousands of digits; quote it to make it text")
        case bool() | int() | float() | str() | None:
            return value
        case bytes():
            return _text(value)
        case complex():
            return str(value)
        case _:
            return "..."


def _key(key: object) -> str:
    """Give the key that JSON makes of a Python key."""
    match key:
        case str():
            return key
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case int() | float():
            return repr(_scalar(key))
        case _:
            message = f"{key!r} can't be the key of a JSON object"
            raise TypeError(message)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise TypeError("bytes that are no text") from error
