"""The placeholder that stands where a secret belongs, and putting the secret in at the moment of the attempt."""

import base64
import json
import re
import secrets
import shlex
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

from runbook_engine.expressions.secret_value import OPERATIONS, SecretValue
from runbook_engine.model.json import JsonValue

# Private-use characters and a nonce of 128 bits: neither an author nor a host can write one that we issued.
PLACEHOLDER = re.compile("\ue000secret:[0-9a-f]{32}\ue001")


def issue(value: SecretValue, issued: dict[str, str]) -> str:
    """Give the text that stands for a secret and note the reference of each placeholder in it."""
    return "".join(part if isinstance(part, str) else _issue_one(part, issued) for part in value.parts())


def resolve_placeholders(value: JsonValue, issued: Mapping[str, str], resolve: Callable[[str], str]) -> JsonValue:
    """Put secrets in the place of their placeholders.

    Args:
        value: what was rendered.
        issued: reference of each placeholder, from `Rendered.secrets`. A look-alike that is not in it stays as it is.
        resolve: gives the value of `scheme:reference`; its errors pass through.
    """
    if not issued:
        return value
    if isinstance(value, str):
        if "\ue000" not in value:
            return value
        return PLACEHOLDER.sub(
            lambda match: _resolve(issued[match[0]], resolve) if match[0] in issued else match[0], value
        )
    if isinstance(value, Mapping):
        return {key: resolve_placeholders(item, issued, resolve) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve_placeholders(item, issued, resolve) for item in value]
    return value


def base_references(reference: str) -> Iterator[str]:
    """Give each `scheme:reference` inside a reference, without operations and literal text."""
    _operations, base = _split(reference)
    parts = SecretValue(base).parts()
    for part in parts:
        if isinstance(part, SecretValue):
            if part.reference == base:
                yield base
            else:
                yield from base_references(part.reference)


def _issue_one(part: SecretValue, issued: dict[str, str]) -> str:
    placeholder = f"\ue000secret:{secrets.token_hex(16)}\ue001"
    issued[placeholder] = part.reference
    return placeholder


def _resolve(reference: str, resolve: Callable[[str], str]) -> str:
    operations, base = _split(reference)
    parts = SecretValue(base).parts()
    if len(parts) == 1 and isinstance(parts[0], SecretValue) and parts[0].reference == base:
        text = resolve(base)
    else:
        text = "".join(part if isinstance(part, str) else _resolve(part.reference, resolve) for part in parts)
    for operation in reversed(operations):
        text = _APPLY[operation](text)
    return text


def _split(reference: str) -> tuple[list[str], str]:
    """Separate the operations from the base; a base may hold `|` itself."""
    operations = []
    head, bar, rest = reference.partition("|")
    while bar and head in OPERATIONS:
        operations.append(head)
        reference = rest
        head, bar, rest = reference.partition("|")
    return operations, reference


_APPLY: Mapping[str, Callable[[str], str]] = {
    "b64encode": lambda text: base64.b64encode(text.encode()).decode("ascii"),
    "json_escape": lambda text: json.dumps(text)[1:-1],
    "quote": shlex.quote,
    "trim": str.strip,
    "urlencode": lambda text: quote(text, safe=""),
}
