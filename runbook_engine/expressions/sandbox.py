"""The Jinja2 environment of runbooks: plain data only, every operation bounded, nothing that is called."""

import html
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runbook_engine.expressions import bounds, catalog
from runbook_engine.expressions.doors import DOORS, OWN_FILTERS, OWN_TESTS
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.filters_text import percent
from runbook_engine.expressions.plain import to_text
from runbook_engine.expressions.runtime import Absent, ScopeContext, use_absent
from runbook_engine.expressions.secret_value import SecretValue, join_parts

_LOOP = frozenset(
    {"depth", "first", "index", "index0", "last", "length", "nextitem", "previtem", "revindex", "revindex0"}
)


class RunbookEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, narrowed to plain data."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    context_class = ScopeContext

    def __init__(self) -> None:
        super().__init__(
            undefined=Absent, autoescape=False, optimized=False, finalize=_finalize, keep_trailing_newline=True
        )
        self.globals.clear()
        self.filters.clear()
        self.tests.clear()
        self.filters.update({name: _guarded_filter(name, function) for name, function in catalog.FILTERS.items()})
        self.filters.update(OWN_FILTERS)
        self.filters.update(DOORS)
        self.tests.update({name: _guarded_test(function) for name, function in catalog.TESTS.items()})
        self.tests.update(OWN_TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give a mapping's value, or an attribute of the loop; nothing else has attributes."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Give a mapping's value, or an item or slice of a list or text."""
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, SecretValue):
            return obj[argument]
        by_place = isinstance(obj, list | tuple | str) and isinstance(argument, int | slice)
        try:
            return obj[argument] if by_place or isinstance(obj, Mapping) else self.undefined(obj=obj, name=argument)
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Do `+`, `*`, `**` and `%` with bounds."""
        budget: bounds.Budget = context.session.budget  # type: ignore[attr-defined] # a ScopeContext
        budget.charge(1)
        if operator == "+":
            if isinstance(left, SecretValue) or isinstance(right, SecretValue):
                return join_parts(
                    [part if isinstance(part, SecretValue) else _text_only(part) for part in (left, right)]
                )
            if isinstance(left, str) and isinstance(right, str):
                bounds.check_text_size(len(left) + len(right))
        elif operator == "*":
            bounds.check_product(left, right)
        elif operator == "**":
            bounds.check_power(left, right)
        elif isinstance(left, str):
            return percent(left, right)
        result = self.binop_table[operator](left, right)
        budget.charge_for(result)
        return result


def _text_only(value: object) -> str:
    if isinstance(value, Undefined):
        use_absent(value)
    if isinstance(value, str):
        return value
    raise TemplateError("a secret can be joined with text only", hint="use ~, which makes text of anything")


@pass_context
def _finalize(context: ScopeContext, value: object) -> str:
    """Make text of what stands in a text; a secret becomes a mark that the session knows."""
    if isinstance(value, Undefined):
        use_absent(value)
    if isinstance(value, SecretValue):
        return context.session.mark(value)  # type: ignore[no-any-return] # see ScopeContext.session
    text = to_text(value)
    if context.session.escapes:
        text = html.escape(text)
    context.session.charge_output(len(text))
    return text


def _guarded_filter(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """Wrap a filter: nothing undefined, secrets only where their work can be put off, and paid for."""
    takes_secrets, passes_on = name in catalog.SECRET_FILTERS, name == "ternary"

    @pass_context
    def apply(context: ScopeContext, value: object, *arguments: object, **named: object) -> object:
        budget = context.session.budget
        for item in (value, *arguments, *named.values()):
            if isinstance(item, Undefined):
                use_absent(item)
            if isinstance(item, SecretValue) and not (takes_secrets and (item is value or passes_on)):
                item.then(name)._refuse()  # noqa: SLF001 - the one text for all refusals
            budget.charge_for(item)
        return function(value, *arguments, **named)

    return apply


def _guarded_test(function: Callable[..., bool]) -> Callable[..., bool]:
    """Wrap a test in the same way."""
    return _guarded_filter("", function)  # type: ignore[return-value] # a test's result is passed on
