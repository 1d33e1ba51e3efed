"""The filters that need the sandbox itself: those that apply others, and the doors that `lowering` puts in."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined, pass_context

from runbook_engine.expressions import bounds, catalog, lowering
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.filters_data import as_list, attribute_of
from runbook_engine.expressions.plain import to_text
from runbook_engine.expressions.runtime import ScopeContext, use_absent
from runbook_engine.expressions.secret_value import SecretValue, join_parts


@pass_context
def _default(context: ScopeContext, value: object, default: object = "", boolean: bool = False) -> object:
    del context
    if isinstance(value, Undefined):
        return default
    return default if boolean and not isinstance(value, SecretValue) and not value else value


@pass_context
def _map(context: ScopeContext, value: object, *arguments: Any, **named: Any) -> list[object]:
    items = _paid_list(context, value, "map")
    if not arguments and "attribute" in named:
        default = named.get("default")
        found = [attribute_of(item, named["attribute"]) for item in items]
        return [default if item is None else item for item in found]
    if not arguments:
        raise TemplateError("map needs the name of a filter, or attribute='name'")
    apply = _named(context.environment.filters, arguments[0], "filter", catalog.FILTER_NAMES)
    return [apply(context, item, *arguments[1:], **named) for item in items]


def _chooser(*, keep: bool, by_attribute: bool) -> Callable[..., object]:
    @pass_context
    def choose(context: ScopeContext, value: object, *arguments: Any) -> list[object]:
        items = _paid_list(context, value, "select")
        attribute = None
        if by_attribute:
            if not arguments:
                raise TemplateError("selectattr and rejectattr need the name of an attribute")
            attribute, *arguments = arguments  # type: ignore[assignment] # a list serves as well
        if not arguments:
            return [item for item in items if bool(attribute_of(item, attribute)) is keep]
        if arguments[0] in catalog.OWN_TESTS:
            defined = arguments[0] == "defined"
            return [item for item in items if ((attribute_of(item, attribute) is not None) is defined) is keep]
        test = _named(context.environment.tests, arguments[0], "test", catalog.TEST_NAMES)
        return [item for item in items if bool(test(context, attribute_of(item, attribute), *arguments[1:])) is keep]

    return choose


def _named(table: Mapping[str, Any], name: object, kind: str, public: frozenset[str]) -> Callable[..., object]:
    if not isinstance(name, str) or name not in public:
        raise TemplateError(f"there is no {kind} {name!r}")
    function: Callable[..., object] = table[name]
    return function


def _paid_list(context: ScopeContext, value: object, what: str) -> list[object]:
    if isinstance(value, Undefined):
        use_absent(value)
    context.session.budget.charge_for(value)
    return as_list(value, what)


@pass_context
def _weigh(context: ScopeContext, value: object) -> object:
    if not isinstance(value, Undefined):
        context.session.budget.charge_for(value)
    return value


@pass_context
def _literal(context: ScopeContext, value: object) -> object:
    items = value.values() if isinstance(value, dict) else value
    for item in items:  # type: ignore[attr-defined] # lowering puts this behind lists, tuples and dicts only
        if isinstance(item, Undefined):
            use_absent(item)
    context.session.budget.charge_for(value)
    return value


@pass_context
def _concat(context: ScopeContext, parts: list[object]) -> object:
    texts: list[object] = []
    for part in parts:
        if isinstance(part, Undefined):
            use_absent(part)
        texts.append(part if isinstance(part, SecretValue) else to_text(part))
    size = sum(len(text) for text in texts if isinstance(text, str))
    bounds.check_text_size(size)
    context.session.budget.charge(1 + size // 32)
    return join_parts(texts)


@pass_context
def _method(context: ScopeContext, value: object, method: str, *arguments: object, **named: object) -> object:
    for item in (value, *arguments):
        if isinstance(item, Undefined):
            use_absent(item)
        if isinstance(item, SecretValue):
            len(item)
    if named:
        raise TemplateError(f"{method} takes no named arguments here")
    context.session.budget.charge_for(value)
    return catalog.call_method(value, method, arguments)


@pass_context
def _range(context: ScopeContext, _nothing: None, *arguments: object) -> list[int]:
    if not arguments or not all(isinstance(item, int) for item in arguments):
        raise TemplateError("range(…) takes one to three integers")
    numbers = range(*arguments)  # type: ignore[call-overload] # integers, as checked
    try:
        count = len(numbers)
    except OverflowError:
        count = bounds.MAX_RANGE + 1
    if count > bounds.MAX_RANGE:
        raise TemplateError(f"range(…) may give {bounds.MAX_RANGE:,} numbers at most")
    context.session.budget.charge(count)
    return list(numbers)


@pass_context
def _secret(_context: ScopeContext, _nothing: None, reference: object) -> SecretValue:
    if isinstance(reference, Undefined):
        use_absent(reference)
    if not isinstance(reference, str) or not all(reference.partition(":")) or reference.startswith("text:"):
        raise TemplateError("secret(…) takes a reference such as 'env:NAME' or 'file:secrets/name'")
    return SecretValue(reference)


@pass_context
def _each(context: ScopeContext, value: object) -> list[object]:
    items = _paid_list(context, value, "a loop")
    context.session.budget.charge(len(items))
    return items


OWN_FILTERS: Mapping[str, Callable[..., object]] = {
    "d": _default,
    "default": _default,
    "map": _map,
    "reject": _chooser(keep=False, by_attribute=False),
    "rejectattr": _chooser(keep=False, by_attribute=True),
    "select": _chooser(keep=True, by_attribute=False),
    "selectattr": _chooser(keep=True, by_attribute=True),
}
OWN_TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
}
DOORS: Mapping[str, Callable[..., object]] = {
    lowering.EACH: _each,
    lowering.LITERAL: _literal,
    lowering.WEIGH: _weigh,
    lowering.CONCAT: _concat,
    lowering.METHOD: _method,
    lowering.RANGE: _range,
    lowering.SECRET: _secret,
}
