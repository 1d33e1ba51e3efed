"""Takes values out of answers, which may be of any shape, without trusting them."""

from collections.abc import Mapping

from runbook_engine.sdk import JsonObject, JsonValue


def text(value: JsonValue, *path: str) -> str:
    """Give the text at a path; empty where there is none. A number is given as it is written."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def mapping(value: JsonValue, *path: str) -> JsonObject:
    """Give the object at a path; empty where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def objects(value: JsonValue, *path: str) -> list[JsonObject]:
    """Give the objects of the list at a path; empty where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def printable(value: str) -> str:
    """Give a text from outside without signs that would steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in value)
