"""From what an expression gave to plain JSON or text, refusing what is neither."""

import math
from collections.abc import Mapping

from runbook_engine.expressions.bounds import check_bits, check_text_size
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.placeholders import issue
from runbook_engine.expressions.secret_value import SecretValue
from runbook_engine.model.json import JsonValue

_MAX_DEPTH = 100


def to_json_value(value: object, issued: dict[str, str] | None, depth: int = 0) -> JsonValue:
    """Give a result as JSON data of its own, lists for tuples.

    Args:
        value: the result.
        issued: takes the placeholders of the secrets in it; None where a secret may not be.
        depth: nesting so far.

    Raises:
        TemplateError: it is not JSON, is nested too deeply, or holds a secret where none may be.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        check_bits(value.bit_length())
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TemplateError(f"the result is {value}, which is not a number that JSON knows")
        return value
    if depth > _MAX_DEPTH:
        raise TemplateError(f"the result is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, SecretValue):
        if issued is None:
            raise TemplateError("a secret can't be part of this: its value is not known before the attempt")
        return issue(value, issued)
    if isinstance(value, Mapping):
        return {_key(key): to_json_value(item, issued, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(item, issued, depth + 1) for item in value]
    raise TemplateError(f"the result is {type(value).__name__}, which is not JSON")


def to_text(value: object) -> str:
    """Give a value as it stands in a text: null as nothing, `True` and lists as Ansible (Python) writes them.

    Raises:
        TemplateError: it is or holds a secret, is too long, or has no text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    text = str(to_json_value(value, None))
    check_text_size(len(text))
    return text


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool | int | float):
        return to_text(key)
    raise TemplateError(f"a mapping in the result has a key that is {type(key).__name__}, not text")
