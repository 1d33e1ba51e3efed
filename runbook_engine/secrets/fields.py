"""Picks one text out of a secret that is a document: JSON, or YAML whose scalars are all taken as they are written."""

import json
from collections.abc import Mapping

import yaml

from runbook_engine.ports.secrets import SecretError


def pick(document: str, field: str, reference: str) -> str:
    """Give the text that the keys of `field` lead to. No message quotes anything of the document.

    Args:
        field: keys joined by dots, indices of lists included; a key with dots in it is found whole first.

    Raises:
        SecretError: it is no document, or has no such text.
    """
    found: object = _read(document, reference)
    rest = field
    while rest:
        if isinstance(found, Mapping):
            key = next((key for key in _beginnings(rest) if key in found), None)
            if key is None:
                raise SecretError(
                    f"secret {reference!r}: the document has no field {field!r}",
                    hint="`runbook secrets edit` shows an age file's fields; case counts",
                )
            found, rest = found[key], rest[len(key) + 1 :]
        elif isinstance(found, list) and (head := rest.partition(".")[0]).isdecimal() and int(head) < len(found):
            found, rest = found[int(head)], rest.partition(".")[2]
        else:
            raise SecretError(f"secret {reference!r}: the field {field!r} leads beyond a single value")
    if not isinstance(found, str):
        raise SecretError(f"secret {reference!r}: the field {field!r} is no text", hint="name a field that holds one")
    return found


def leaves(document: str) -> list[str]:
    """Give every text inside a JSON document; none when it is not one."""
    if not document.lstrip().startswith(("{", "[")):
        return []
    try:
        pending, found = [_json(document)], []
    except (ValueError, RecursionError):
        return []
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return found


def _beginnings(rest: str) -> list[str]:
    """Give the whole of what is left, and each shorter beginning that ends before a dot."""
    parts = rest.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _read(document: str, reference: str) -> object:
    try:
        return _json(document)
    except RecursionError:
        raise SecretError(f"secret {reference!r}: the document is nested too deeply") from None
    except ValueError:
        return _yaml(document, reference)


def _yaml(document: str, reference: str) -> object:
    try:
        # Scalars stay texts: to the other loaders a password `0123` is a number, and `no` is false.
        found: object = yaml.load(document, Loader=yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts
    except (yaml.YAMLError, RecursionError, ValueError):
        # YAML's own message quotes the lines around the error.
        raise SecretError(
            f"secret {reference!r}: a field is asked for, and the value is neither JSON nor YAML",
            hint="leave #field out for the whole value, or mend the document",
        ) from None
    return found


def _json(document: str) -> object:
    # Numbers as they are written: a PIN 0.10 must not become 0.1.
    return json.loads(document, parse_int=str, parse_float=str, parse_constant=str)
