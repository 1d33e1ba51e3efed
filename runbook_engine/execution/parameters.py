"""Renders what an action is given: its parameters, and the template files that they name."""

import hashlib
from collections.abc import Callable, Mapping
from typing import cast

from runbook_engine.expressions.errors import KnownAfterApplyError
from runbook_engine.expressions.render import Rendered, evaluate, render, render_text_template
from runbook_engine.expressions.scope import Scope
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject, JsonValue, digest
from runbook_engine.ports.action import Action, Params


def render_params(action: Action[Params], written: JsonObject, scope: Scope) -> Rendered:
    """Render parameters; bare expressions are evaluated, and what goes into HTML is escaped.

    Raises:
        TemplateError: a template can't be evaluated.
        KnownAfterApplyError: an expression needs what a dry run can't know.
    """
    bare = {name: written[name] for name in action.expressions if name in written}
    markup = {name: written[name] for name in action.html if name in written and name not in action.template_files}
    rendered = render({name: value for name, value in written.items() if name not in {*bare, *markup}}, scope)
    if not bare and not markup:
        return rendered
    values: dict[str, JsonValue] = dict(cast("JsonObject", rendered.value))
    for name, value in bare.items():
        values[name] = _evaluate(value, scope)
    escaped = render(markup, scope, html=True)
    values.update(cast("JsonObject", escaped.value))
    secrets, unknown = {**rendered.secrets, **escaped.secrets}, (*rendered.unknown, *escaped.unknown)
    return Rendered(values, secrets, tuple(dict.fromkeys(unknown)))


def render_files(
    action: Action[Params],
    parameters: JsonObject,
    scope: Scope,
    secrets: dict[str, str],
    project_file: Callable[[str], bytes],
) -> dict[str, str]:
    """Render the template files that the parameters name; give each text by the SHA-256 of its source.

    Args:
        secrets: takes the references of the secrets in them.

    Raises:
        RunbookError: a file can't be read, or rendered.
        KnownAfterApplyError: it needs what a dry run can't know.
    """
    files: dict[str, str] = {}
    for name in action.template_files:
        path = parameters.get(name)
        if not isinstance(path, str):
            continue
        try:
            text = project_file(path).decode()
        except UnicodeDecodeError:
            raise RunbookError(f"the template {path} is not UTF-8 text") from None
        rendered = render_text_template(text, scope, html=name in action.html)
        if rendered.unknown:
            raise KnownAfterApplyError(rendered.unknown[0])
        secrets.update(rendered.secrets)
        files[hashlib.sha256(text.encode()).hexdigest()] = str(rendered.value)
    return files


def parameters_digest(parameters: JsonObject, secrets: Mapping[str, str]) -> str:
    """Give the SHA-256 of rendered parameters; references stand for secrets, so that it is the same each time."""

    def walk(value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            for placeholder, reference in secrets.items():
                value = value.replace(placeholder, f"secret({reference})")
            return value
        if isinstance(value, Mapping):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [walk(item) for item in value]
        return value

    return digest(walk(parameters) if secrets else parameters)


def _evaluate(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return evaluate(value, scope)
    if isinstance(value, list | tuple):
        return [_evaluate(item, scope) for item in value]
    return value


def not_valid(action: str) -> str:
    """Give the words that say of an action's parameters that they are none it takes."""
    return f"the parameters of {action} are not valid"
