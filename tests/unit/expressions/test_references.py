import pytest

from runbook_engine.expressions.references import check_syntax, names_used, references, references_in, secret_references


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("{{ steps['restore-db'].endpoint }}", {"restore-db"}),
        ("{{ steps.deploy.x }} and {{ steps['db/restore'].targets['web1'].y | default(steps.other.z) }}",
         {"deploy", "db/restore", "other"}),
        ("{% for x in steps.a.list %}{{ x }}{% endfor %}", {"a"}),
        ("{% if steps['b'].outcome == 'changed' %}{% endif %}", {"b"}),
        ("steps['restore-db'].endpoint", set()),
        ("{{ mysteps['a'] }}", set()),
        ("{% raw %}{{ steps.a.b }}{% endraw %}", set()),
        ("{{ steps[x].y }}", set()),
        ("{{ broken", set()),
    ],
)  # fmt: skip
def test_steps_that_a_template_refers_to(text, steps):
    assert references(text) == steps


def test_bare_expressions_refer_to_steps():
    assert references("steps['a'].x == steps.b.y", bare=True) == {"a", "b"}
    assert references("{{ steps.a.x }}", bare=True) == {"a"}


def test_references_go_deep_and_through_vars():
    value = {"a": ["{{ steps.one.x }}", {"b": "{{ endpoint }}"}]}
    variables = {
        "endpoint": "{{ host }}:1",
        "host": ["{{ steps['two'].x }}", "{{ endpoint }}"],
        "not_used": "{{ steps.no.x }}",
    }
    assert references_in(value) == {"one"}
    assert references_in(value, variables) == {"one", "two"}
    assert references_in("endpoint == 'x'", variables, bare=True) == {"two"}


def test_names_used():
    value = {
        "a": "{{ x.y | default(z) }}",
        "b": "{% set t = 1 %}{% for i in items %}{{ i }}{{ t }}{{ loop.index }}{% endfor %}",
    }
    assert names_used(value) == {"x", "z", "items"}
    assert names_used("a > b", bare=True) == {"a", "b"}


def test_secret_references_in_order():
    value = ["{{ secret('env:A') }}{{ secret('file:b') | trim }}", {"x": "{{ secret(name) }}"}, "secret('env:no')"]
    assert secret_references(value) == ["env:A", "file:b"]


def test_every_problem_is_found_at_once_with_its_place():
    value = {
        "ok": "{{ fine }}",
        "list": ["{{ x | uper }}", "{{ a.__class__ }} {{ b.__class__ }}"],
        "open": "line one\n{{ x",
        "dynamic": "{{ steps[name].x }}",
        "whole": "{{ steps }}",
    }
    found = [(problem.path, problem.line, problem.column) for problem in check_syntax(value)]
    assert sorted(found, key=repr) == sorted(
        [
            (("list", 0), 1, 8),
            (("list", 1), 1, 6),
            (("list", 1), 1, 6),
            (("open",), 2, 1),
            (("dynamic",), 1, 4),
            (("whole",), 1, 4),
        ],
        key=repr,
    )
    assert check_syntax({"when": "a =="}, bare=True)
    assert not check_syntax({"when": "a =="})
    assert not check_syntax("steps['a'].x and b", bare=True)
