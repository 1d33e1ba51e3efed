"""Templates and expressions as a target of `targets.py`, with all that a template may name."""

import json
from contextlib import suppress
from types import SimpleNamespace

from fuzz.parts import parts
from runbook_engine.expressions.errors import KnownAfterApplyError, TemplateError
from runbook_engine.expressions.placeholders import PLACEHOLDER, base_references, resolve_placeholders
from runbook_engine.expressions.render import evaluate, evaluate_bool, render, render_text_template
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.inventory import Group, Inventory, Target

_LONGEST = 1_100_000  # characters; what a template may make, and a little around it
# Text of a host that would be a template, if data were ever taken for one.
_HOSTILE = "{{ 'pw' ~ 'ned' }}{% set x = 'pw' ~ 'ned' %}"
_SEALED = "sealed-in-the-vault"
_STEPS = {
    "a": SimpleNamespace(
        known=True, outputs={"b": [1, {"c": None}], "stdout": _HOSTILE}, targets={}, outcome="changed"
    ),
    "many": SimpleNamespace(known=True, outputs={}, targets={"web1": {"x": 1.5}, "db": {"x": _HOSTILE}}, outcome="ok"),
    "later": SimpleNamespace(known=False, outputs={}, targets={}, outcome=None),
}
_STEPS_VIEW = SimpleNamespace(step=_STEPS.get, ids=lambda: _STEPS)


def expression(_folder):
    """A template and the text of a variable that it may name, in everything that templates stand in."""
    host = Target(
        name="web1",
        groups=("web",),
        variables={
            "region": "eu",
            "hostile": _HOSTILE,
            "list": [1, "a", None, True],
            "sealed": _SEALED,
            "map": {"a": 1},
        },
    )
    groups = {name: Group(name=name) for name in ("all", "ungrouped", "web")}
    view = InventoryView(Inventory(name="demo", targets={"web1": host}, groups=groups, secrets={_SEALED: "x"}))

    def check(data):
        text, variable = (one.decode("utf-8", "replace") for one in parts(data, 2))
        for use in (evaluate, evaluate_bool, render, render_text_template, _html):
            scope = Scope(
                target=host,
                inventory=view,
                inputs={"n": 3, "text": "a{{b", "floats": [0.1, -1e300]},
                runbook_vars={"var": variable, "twice": "{{ var }}{{ hostile }}"},
                step_vars={"own": ["{{ region }}", {"k": "{{ n }}"}]},
                run={"id": "r", "mode": "live"},
                steps=_STEPS_VIEW,
                here={"item": {"name": "x"}, "result": [1]},
            )
            with suppress(TemplateError, KnownAfterApplyError):
                given = use(text, scope)
                _judge(given if use in {evaluate, evaluate_bool} else given.value, data, given)

    return check


def _html(text, scope):
    return render({"body": text, "list": [text]}, scope, html=True)


def _judge(value, data, given):
    """Hold a result against what is promised of all of them: it can be kept, is bounded, and no data was rendered."""
    written = json.dumps(value, ensure_ascii=False)
    assert len(written) < 8 * _LONGEST, len(written)
    assert "pwned" not in written or b"ned" in data, written[:300]
    assert _SEALED not in written or _SEALED.encode() in data, written[:300]
    for reference in getattr(given, "secrets", {}).values():
        list(base_references(reference))
    resolved = json.dumps(resolve_placeholders(value, getattr(given, "secrets", {}), lambda _reference: "s"))
    assert not PLACEHOLDER.search(resolved) or "\ue000".encode() in data


TEMPLATES = {"expression": expression}
