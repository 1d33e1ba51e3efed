"""Runs compiled templates in a scope, and says in plain words what went wrong."""

import html
import secrets
from dataclasses import dataclass, field
from types import TracebackType

from jinja2 import TemplateError as JinjaError
from jinja2 import Undefined
from jinja2.utils import missing

from runbook_engine.expressions import bounds
from runbook_engine.expressions.compiled import ENVIRONMENT, FILE_NAME, Compiled, compile_text, is_template, locate
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.lowering import RESULT
from runbook_engine.expressions.plain import to_text
from runbook_engine.expressions.runtime import ScopeContext, UndefinedValueError, use_absent
from runbook_engine.expressions.scope import Scope
from runbook_engine.expressions.secret_value import SecretValue, join_parts
from runbook_engine.expressions.steps import OutputsMapping
from runbook_engine.model.quoting import did_you_mean

_MAX_NESTING = 100
# What operators and filters raise when they are given a value that they can't work with.
_BAD_VALUES = (
    ArithmeticError,
    AttributeError,
    JinjaError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(slots=True)
class Session:
    """One rendering: what it may still cost, which vars are being rendered, which secrets stand in its text.

    Attributes:
        is_html: the text is HTML, and whatever an expression puts into it is data: its `<`, `>`, `&` and quotes are
            escaped, once, where it is put in.
    """

    scope: Scope
    budget: bounds.Budget = field(default_factory=bounds.Budget)
    rendering: list[str] = field(default_factory=list)
    marks: dict[str, SecretValue] = field(default_factory=dict)
    output: int = 0
    is_html: bool = False

    @property
    def escapes(self) -> bool:
        """Whether what is put into the text now is escaped: a var's own text is no part of it yet."""
        return self.is_html and not self.rendering

    def look_up(self, name: str) -> object:
        """Give a name's value, vars rendered; Jinja2's `missing` when there is none.

        Raises:
            TemplateError: vars that lead back to themselves.
        """
        if name in self.scope.rendered_vars:
            return self.scope.rendered_vars[name]
        found = self.scope.find(name)
        if found is None:
            return missing
        if not found.is_template:
            return found.value
        if name in self.rendering:
            circle = " → ".join([*self.rendering[self.rendering.index(name) :], name])
            raise TemplateError(f"vars lead back to themselves: {circle}")
        self.rendering.append(name)
        value = self.native(found.value)
        self.rendering.pop()
        self.scope.rendered_vars[name] = value
        return value

    def native(self, value: object, depth: int = 0) -> object:
        """Render every text in a value, each to what its expression gives; secrets stay `SecretValue`."""
        if isinstance(value, str):
            return self.run(value) if is_template(value) else value
        if depth > _MAX_NESTING:
            raise TemplateError(f"the value is nested deeper than {_MAX_NESTING} levels")
        if isinstance(value, dict):
            return {key: self.native(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.native(item, depth + 1) for item in value]
        return value

    def run(self, text: str, *, bare: bool = False) -> object:
        """Evaluate one template or expression.

        Raises:
            TemplateError: it can't be evaluated; says what and where.
            KnownAfterApplyError: it needs what a dry run can't know.
        """
        compiled = compile_text(text, bare=bare)
        context = ScopeContext(ENVIRONMENT, {}, None, {})
        context.session = self
        try:
            return self._run(compiled, context)
        except UndefinedValueError as error:
            raise self._undefined(text, error) from None
        except TemplateError as error:
            if error.position is None:
                error.position = (_line_of(error.__traceback__, compiled), 0)
            raise
        except _BAD_VALUES as error:
            position = (_line_of(error.__traceback__, compiled), 0)
            message = str(error) or type(error).__name__
            raise TemplateError(f"can't evaluate {_short(text)}: {message}", position=position) from None

    def mark(self, value: SecretValue) -> str:
        """Give a mark that stands for a secret inside this rendering's text."""
        mark = f"\ue000mark:{secrets.token_hex(16)}\ue001"
        self.marks[mark] = value
        return mark

    def charge_output(self, size: int) -> None:
        """Count text that is written."""
        self.output += size
        bounds.check_text_size(self.output)
        self.budget.charge(1 + size // 32)

    def _run(self, compiled: Compiled, context: ScopeContext) -> object:
        pieces = list(compiled.template.root_render_func(context))
        if compiled.native:
            result = context.vars[RESULT]
            if isinstance(result, Undefined):
                use_absent(result)
            # A text that is one expression gives its value, which was not put into any text yet.
            plain = self.escapes and not isinstance(result, SecretValue)
            return html.escape(to_text(result)) if plain else result
        bounds.check_text_size(sum(map(len, pieces)))
        if not self.marks:
            return "".join(pieces)
        return join_parts([self.marks.get(piece, piece) for piece in pieces])

    def _undefined(self, text: str, error: UndefinedValueError) -> TemplateError:
        """Say which name is not there, what there is instead, and what was perhaps meant."""
        name = str(error.name)
        line, column = locate(text, 1, name)
        if error.hint:
            return TemplateError(f"{_short(text)}: {error.hint}", position=(line, column))
        if isinstance(error.owner, OutputsMapping):
            message, hint = error.owner.explain(name)
        elif isinstance(error.owner, dict):
            message = f"{_short(text)}: there is no {name!r} in it"
            keys = [str(key) for key in error.owner]
            hint = did_you_mean(name, keys) or (f"it has: {', '.join(sorted(keys)[:20])}" if keys else "it is empty")
        elif error.owner is not None:
            message = f"{_short(text)}: {type(error.owner).__name__} has no {name!r}"
            hint = ""
        else:
            message = f"{name!r} is not defined"
            hint = did_you_mean(name, self.scope.names()) or "use default(…) for what may be missing"
        return TemplateError(message, hint=hint, position=(line, column))


def _line_of(traceback: TracebackType | None, compiled: Compiled) -> int:
    """Find the template's line that an error came from; 1 when it can't be told."""
    line = 1
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == FILE_NAME:
            line = compiled.template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 80 else words[:77] + "…"  # noqa: PLR2004 - a line's width
