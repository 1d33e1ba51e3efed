"""JSON as types, and the one canonical text that hashes are taken over."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

JsonScalar: TypeAlias = str | int | float | bool | None
if TYPE_CHECKING:
    JsonValue: TypeAlias = "JsonScalar | Sequence[JsonValue] | Mapping[str, JsonValue]"
else:
    # pydantic can follow a recursive alias at run time only when the alias knows its own name and module. Lists and
    # dicts, which nearly all sequences and mappings are, it checks without calling back into Python. The others refuse
    # them at once: two members that both took a list would look at its items twice on each level.
    JsonValue = TypeAliasType(
        "JsonValue",
        "JsonScalar | list[JsonValue] | dict[str, JsonValue] "
        "| Annotated[Sequence[JsonValue], BeforeValidator(_refuse_builtin)] "
        "| Annotated[Mapping[str, JsonValue], BeforeValidator(_refuse_builtin)]",
    )


def _refuse_builtin(value: object) -> object:
    if isinstance(value, list | dict):
        raise PydanticCustomError("json_value", "not JSON")
    return value


JsonObject: TypeAlias = Mapping[str, JsonValue]


def canonical_json(value: object) -> str:
    """Give the one text that a JSON value has for hashing: sorted keys, no blanks, UTF-8, no NaN.

    Raises:
        ValueError: the value holds NaN or infinity.
        TypeError: the value is not JSON.
    """
    return _CANONICAL.encode(value)


def digest(value: object) -> str:
    """Give the SHA-256 (hexadecimal) of a JSON value's canonical text."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()
