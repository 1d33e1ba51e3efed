"""Rendering of parameters, conditions and whole files: what the rest of the engine calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_engine.expressions.errors import KnownAfterApplyError, TemplateError
from runbook_engine.expressions.placeholders import issue
from runbook_engine.expressions.plain import to_json_value
from runbook_engine.expressions.scope import Scope
from runbook_engine.expressions.secret_value import SecretValue
from runbook_engine.model.json import JsonValue

_Path = tuple[str | int, ...]
KNOWN_AFTER_APPLY = "(known after apply)"
_MAX_NESTING = 100


@dataclass(frozen=True, slots=True)
class Rendered:
    """A value with its templates rendered.

    Attributes:
        value: plain JSON; a placeholder stands where a secret belongs, `KNOWN_AFTER_APPLY` where a dry run can't know.
        secrets: reference of each placeholder; see `placeholders.resolve_placeholders`.
        unknown: what is not known, as a runbook writes it (`steps['restore-db'].endpoint`), sorted.
    """

    value: JsonValue
    secrets: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def render(value: JsonValue, scope: Scope, *, html: bool = False) -> Rendered:
    """Render every text in a value. A text that is exactly one `{{ … }}` gives the expression's own value.

    What a template gives is data and never rendered again.

    Args:
        html: the texts are HTML, so that what their templates give is escaped.

    Raises:
        TemplateError: a template can't be evaluated; `path` leads to it.
    """
    work = _Rendering(scope, html=html)
    rendered = work.walk(value, ())
    return Rendered(rendered, work.secrets, tuple(sorted(work.unknown)))


def unrendered(value: JsonValue) -> JsonValue:
    """Give what `render` gives for a value that `has_templates` denies, which needs no scope.

    Raises:
        TemplateError: it is nested too deeply.
    """
    return _walk(value, (), lambda text, _: text)


def has_templates(value: object) -> bool:
    """Tell whether a value could render to anything but itself."""
    if isinstance(value, str):
        return "{" in value
    if isinstance(value, Mapping):
        return any(has_templates(item) for item in value.values())
    return isinstance(value, list | tuple) and any(has_templates(item) for item in value)


def render_text_template(text: str, scope: Scope, *, html: bool = False) -> Rendered:
    """Render a whole file's text; the result is text, also of a file that is one `{{ … }}`.

    Raises:
        TemplateError: it can't be evaluated.
    """
    from runbook_engine.expressions.plain import to_text

    rendered = render(text, scope, html=html)
    if isinstance(rendered.value, str):
        return rendered
    return Rendered(to_text(rendered.value), rendered.secrets, rendered.unknown)


def evaluate(expression: str, scope: Scope) -> JsonValue:
    """Evaluate an expression as in `when`, with or without braces around it.

    Raises:
        TemplateError: it can't be evaluated, or depends on a secret.
        KnownAfterApplyError: it needs what a dry run can't know.
    """
    return to_json_value(_session(scope).run(expression, bare=True), None)


def evaluate_bool(expression: str | bool, scope: Scope) -> bool:
    """Evaluate a condition; only true and false count as such.

    Raises:
        TemplateError: as `evaluate`, or the result is neither true nor false.
        KnownAfterApplyError: it needs what a dry run can't know.
    """
    result = expression if isinstance(expression, bool) else evaluate(expression, scope)
    if isinstance(result, bool):
        return result
    kind = "null" if result is None else type(result).__name__
    raise TemplateError(
        f"the condition {str(expression)[:80]!r} gives {str(result)[:40]!r} ({kind}), which is neither true nor false",
        hint="compare it (x == 'yes', x | length > 0), or read a text with the filter bool",
    )


def _walk(value: JsonValue, path: _Path, text: Callable[[str, _Path], JsonValue]) -> JsonValue:
    """Give a value with each text that may be a template replaced."""
    if isinstance(value, str):
        return text(value, path) if "{" in value else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if len(path) > _MAX_NESTING:
        raise TemplateError(f"the value is nested deeper than {_MAX_NESTING} levels", path=path)
    if isinstance(value, dict):
        return {key: _walk(item, (*path, key), text) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, (*path, index), text) for index, item in enumerate(value)]
    return to_json_value(value, None)


class _Rendering:
    """Walks one value and gathers what it met; one session, so that vars and costs are shared."""

    def __init__(self, scope: Scope, *, html: bool = False) -> None:
        self._scope = scope
        self._html = html
        self._active: Any = None  # an `evaluate.Session`, made (and Jinja2 imported) at the first template
        self.secrets: dict[str, str] = {}
        self.unknown: set[str] = set()

    def walk(self, value: JsonValue, path: tuple[str | int, ...]) -> JsonValue:
        return _walk(value, path, self._text)

    def _text(self, text: str, path: tuple[str | int, ...]) -> JsonValue:
        if "{{" not in text and "{%" not in text and "{#" not in text:
            return text
        if self._active is None:
            self._active = _session(self._scope, html=self._html)
        try:
            result = self._active.run(text)
            if isinstance(result, SecretValue):
                return issue(result, self.secrets)
            return to_json_value(result, self.secrets)
        except KnownAfterApplyError as unknown:
            self.unknown.add(unknown.reference)
            return KNOWN_AFTER_APPLY
        except TemplateError as error:
            error.path = error.path or path
            raise


def _session(scope: Scope, *, html: bool = False) -> Any:
    from runbook_engine.expressions.evaluate import Session

    return Session(scope, is_html=html)
