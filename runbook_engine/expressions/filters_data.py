"""Filters over numbers, lists and mappings, as Jinja2 and Ansible name them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.plain import to_json_value, to_text
from runbook_engine.expressions.secret_value import SecretValue, join_parts
from runbook_engine.model.json import canonical_json

_TRUE = frozenset({"1", "on", "true", "t", "y", "yes"})
_FALSE = frozenset({"", "0", "f", "false", "n", "no", "off"})


def as_list(value: object, what: str) -> list[object]:
    """Take a value as a list: a list itself, the characters of a text, the keys of a mapping."""
    if isinstance(value, str | list | tuple | range | Mapping):
        return list(value)
    raise TemplateError(f"{what} needs a list, not {_kind(value)}")


def attribute_of(item: object, path: str | int | None) -> object:
    """Follow a dotted path into a value; null where it ends early."""
    if path is None:
        return item
    for part in str(path).split("."):
        if isinstance(item, Mapping):
            item = item.get(part)
        elif isinstance(item, list | tuple) and part.isdecimal() and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


def to_int(value: object, default: int = 0, base: int = 10) -> int:
    """Read an integer; what is none gives the default."""
    try:
        if isinstance(value, str):
            return int(value, base) if base != 10 else int(float(value)) if "." in value else int(value)  # noqa: PLR2004
        return int(value)  # type: ignore[call-overload, no-any-return] # a wrong type is the default's case
    except (TypeError, ValueError, OverflowError):
        return default


def to_float(value: object, default: float = 0.0) -> float:
    """Read a number; what is none gives the default."""
    try:
        return float(value)  # type: ignore[arg-type] # a wrong type is the default's case
    except (TypeError, ValueError, OverflowError):
        return default


def to_bool(value: object) -> bool:
    """Read a truth value from `yes`, `true`, `on`, `1` and their opposites; anything else is an error."""
    word = to_text(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE or value is None:
        return False
    raise TemplateError(f"bool: {word[:50]!r} is neither true nor false")


def join(value: object, separator: str = "", attribute: str | None = None) -> object:
    """Join to one text."""
    parts: list[object] = []
    for item in as_list(value, "join"):
        found = attribute_of(item, attribute)
        parts += [separator if parts else "", found if isinstance(found, SecretValue) else to_text(found)]
    return join_parts(parts)


def sort(
    value: object, reverse: bool = False, case_sensitive: bool = False, attribute: str | None = None
) -> list[object]:
    """Sort; texts without regard to case unless told."""
    return sorted(as_list(value, "sort"), key=_order(attribute, case_sensitive), reverse=reverse)


def unique(value: object, case_sensitive: bool = True, attribute: str | None = None) -> list[object]:
    """Keep the first of equal items."""
    seen: set[str] = set()
    kept = []
    for item in as_list(value, "unique"):
        key = identity(attribute_of(item, attribute))
        key = key if case_sensitive else key.lower()
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


def identity(value: object) -> str:
    """Give a text that equal values share, so that lists of lists and mappings can be compared as sets."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return canonical_json(to_json_value(value, None))


def extreme(pick: Callable[..., object]) -> Callable[..., object]:
    """Make `min` or `max`."""

    def smallest_or_largest(value: object, case_sensitive: bool = False, attribute: str | None = None) -> object:
        items = as_list(value, pick.__name__)
        if not items:
            raise TemplateError(f"{pick.__name__} of an empty list")
        return pick(items, key=_order(attribute, case_sensitive))

    return smallest_or_largest


def sum_(value: object, attribute: str | None = None, start: float = 0) -> object:
    """Add numbers up."""
    total = start
    for item in as_list(value, "sum"):
        number = attribute_of(item, attribute)
        if not isinstance(number, int | float):
            raise TemplateError(f"sum needs numbers, not {_kind(number)}")
        total += number
    return total


def round_(value: float, precision: int = 0, method: str = "common") -> float:
    """Round to a number of decimals: `common`, `ceil` or `floor`."""
    import math

    how: Mapping[str, Callable[[float], float]] = {"common": round, "ceil": math.ceil, "floor": math.floor}
    if method not in how or not -10 <= precision <= 10:  # noqa: PLR2004
        raise TemplateError("round needs a precision of at most 10 and one of: common, ceil, floor")
    return float(how[method](value * 10**precision) / 10**precision)


def dict2items(value: object, key_name: str = "key", value_name: str = "value") -> list[object]:
    """Give a mapping as a list of `{key, value}`."""
    return [{key_name: key, value_name: item} for key, item in _mapping(value, "dict2items").items()]


def items2dict(value: object, key_name: str = "key", value_name: str = "value") -> dict[str, object]:
    """Make a mapping of a list of `{key, value}`."""
    made: dict[str, object] = {}
    for item in as_list(value, "items2dict"):
        pair = _mapping(item, "items2dict")
        if key_name not in pair or value_name not in pair:
            raise TemplateError(f"items2dict needs items with {key_name!r} and {value_name!r}")
        made[to_text(pair[key_name])] = pair[value_name]
    return made


def combine(value: object, *others: object, recursive: bool = False) -> dict[str, object]:
    """Merge mappings; later ones win, with `recursive` level by level."""
    merged = dict(_mapping(value, "combine"))
    for other in others:
        for mapping in other if isinstance(other, list | tuple) else (other,):
            for key, item in _mapping(mapping, "combine").items():
                both = recursive and isinstance(item, Mapping) and isinstance(merged.get(key), Mapping)
                merged[key] = combine(merged[key], item, recursive=True) if both else item
    return merged


def flatten(value: object, levels: int | None = None, skip_nulls: bool = True) -> list[object]:
    """Take lists in lists apart, all levels or as many as told."""
    flat: list[object] = []
    for item in as_list(value, "flatten"):
        if isinstance(item, list | tuple) and (levels is None or levels > 0):
            flat += flatten(item, None if levels is None else levels - 1, skip_nulls)
        elif item is not None or not skip_nulls:
            flat.append(item)
    return flat


def as_set_operation(keep: Callable[[str, set[str]], bool], *, add: bool = False) -> Callable[[object, object], object]:
    """Make `difference`, `intersect` or `union`: order of the left list, each item once."""

    def operate(value: object, other: object) -> list[object]:
        left, right = unique(value), unique(other)
        keys = {identity(item) for item in right}
        kept = [item for item in left if keep(identity(item), keys)]
        if add:
            mine = {identity(item) for item in left}
            kept += [item for item in right if identity(item) not in mine]
        return kept

    return operate


def first(value: object) -> object:
    """Give the first item."""
    return _end(value, 0, "first")


def last(value: object) -> object:
    """Give the last item."""
    return _end(value, -1, "last")


def _end(value: object, index: int, what: str) -> object:
    items = as_list(value, what)
    if not items:
        raise TemplateError(f"{what} of an empty list", hint="test its length, or give a default before")
    return items[index]


def _zip(value: object, *others: object) -> list[object]:
    lists: Iterable[list[object]] = [as_list(other, "zip") for other in (value, *others)]
    return [list(items) for items in zip(*lists, strict=False)]


def _order(attribute: str | None, case_sensitive: bool) -> Callable[[object], Any]:
    def key(item: object) -> Any:
        found = attribute_of(item, attribute)
        return found if case_sensitive or not isinstance(found, str) else found.lower()

    return key


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise TemplateError(f"{what} needs a mapping, not {_kind(value)}")


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _length(value: object) -> int:
    if isinstance(value, str | list | tuple | Mapping | range):
        return len(value)
    raise TemplateError(f"length needs a list, mapping or text, not {_kind(value)}")


def _reverse(value: object) -> object:
    return value[::-1] if isinstance(value, str) else as_list(value, "reverse")[::-1]


FILTERS: Mapping[str, Callable[..., object]] = {
    "abs": abs,
    "bool": to_bool,
    "combine": combine,
    "count": _length,
    "dict2items": dict2items,
    "difference": as_set_operation(lambda key, other: key not in other),
    "first": first,
    "flatten": flatten,
    "float": to_float,
    "int": to_int,
    "intersect": as_set_operation(lambda key, other: key in other),
    "items": lambda value: [[key, item] for key, item in _mapping(value, "items").items()],
    "items2dict": items2dict,
    "join": join,
    "last": last,
    "length": _length,
    "list": lambda value: as_list(value, "list"),
    "max": extreme(max),
    "min": extreme(min),
    "reverse": _reverse,
    "round": round_,
    "sort": sort,
    "sum": sum_,
    "ternary": lambda value, yes, no, none=None: none if value is None and none is not None else yes if value else no,
    "union": as_set_operation(lambda _key, _other: True, add=True),
    "unique": unique,
    "zip": _zip,
}
