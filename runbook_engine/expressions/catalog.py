"""The names of the filters, tests and methods that a template may use; imports nothing heavy."""

from collections.abc import Callable, Mapping

from runbook_engine.expressions import conditions, filters_data, filters_text
from runbook_engine.expressions.bounds import check_replacement
from runbook_engine.expressions.errors import TemplateError

FILTERS: Mapping[str, Callable[..., object]] = {**filters_text.FILTERS, **filters_data.FILTERS}
TESTS = conditions.TESTS
# Filters that are given the context, because they apply other filters and tests, or must see what is undefined.
OWN_FILTERS = frozenset({"d", "default", "map", "reject", "rejectattr", "select", "selectattr"})
OWN_TESTS = frozenset({"defined", "undefined"})
FILTER_NAMES = frozenset(FILTERS) | OWN_FILTERS
TEST_NAMES = frozenset(TESTS) | OWN_TESTS
# What a secret may be given to: the filters that put their work off, and those that only pass a value on.
SECRET_FILTERS = frozenset(
    {
        "b64encode",
        "combine",
        "d",
        "default",
        "quote",
        "string",
        "ternary",
        "to_json",
        "to_nice_json",
        "tojson",
        "trim",
        "urlencode",
    }
)

_TEXT_METHODS = frozenset(
    {"capitalize", "count", "endswith", "find", "isdigit", "lower", "lstrip", "removeprefix", "removesuffix", "replace",
     "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper"}
)  # fmt: skip
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
METHODS = _TEXT_METHODS | _MAPPING_METHODS


def call_method(value: object, method: str, arguments: tuple[object, ...]) -> object:
    """Call one of `METHODS` on a text or a mapping.

    Raises:
        TemplateError: the value has no such method.
    """
    if isinstance(value, str) and method in _TEXT_METHODS:
        if method == "replace" and len(arguments) > 1 and all(isinstance(item, str) for item in arguments[:2]):
            check_replacement(value, str(arguments[0]), str(arguments[1]))
        return getattr(value, method)(*arguments)
    if isinstance(value, Mapping) and method in _MAPPING_METHODS:
        if method == "get":
            key, default = (*arguments, None)[:2]
            return value.get(key, default)
        return [list(item) if isinstance(item, tuple) else item for item in getattr(value, method)()]
    raise TemplateError(f"{type(value).__name__} has no method {method!r}")
