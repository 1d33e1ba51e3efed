import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.render import evaluate, evaluate_bool, render, render_text_template
from runbook_engine.model.errors import ExitCode

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ n }}", 3),
        ("{{ [n, 'x'] }}", [3, "x"]),
        ("{{ (n, 4) }}", [3, 4]),
        ("{{ {'a': n} }}", {"a": 3}),
        ("{{ none }}", None),
        ("{{ n == 3 }}", True),
        ("{{ n / 2 }}", 1.5),
        (" {{ n }}", " 3"),
        ("{{ n }}\n", "3\n"),
        ("{{ n }}{{ n }}", "33"),
        ("a {{ n }} b\n\nc\n", "a 3 b\n\nc\n"),
        ("none: {{ none }}, true: {{ true }}", "none: , true: True"),
        ("{% raw %}{{ n }}{% endraw %}", "{{ n }}"),
        ("{# a comment #}x", "x"),
        ("{% if n > 2 %}many{% else %}few{% endif %}", "many"),
        ("{% set m = n + 1 %}{{ m * 2 }}", "8"),
        ("{% for x in range(n) %}{{ loop.index }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}", None),
        ("{% for x in [1, 2, 3] if x != 2 %}{{ loop.index }}{{ x }};{% else %}none{% endfor %}", "11;23;"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{{ 'a' ~ n ~ [1] }}", "a3[1]"),
        ("{{ '%s-%03d' % ('a', n) }}", "a-003"),
        ("{{ 'abc'[1:] }}", "bc"),
        ("{{ 'a-b'.split('-') }}", ["a", "b"]),
        ("{{ {'a': 1}.get('b', 7) }}", 7),
        ("no template: { } %} }}", "no template: { } %} }}"),
    ],
)
def test_a_template_gives_its_value(make_scope, template, value):
    if value is None and "for" in template:
        with pytest.raises(TemplateError, match="no else"):  # an inline if without else has no value on the last turn
            render(template, make_scope(inputs={"n": 3}))
        return
    result = render(template, make_scope(inputs={"n": 3})).value
    assert result == value
    assert type(result) is type(value)


def test_every_text_of_a_value_is_rendered_and_keys_are_not(make_scope):
    value = {"argv": ["/opt/{{ a }}", "{{ a }}", 1], "{{ a }}": {"deep": "{{ a }}"}, "none": None}
    assert render(value, make_scope(inputs={"a": "x"})).value == {
        "argv": ["/opt/x", "x", 1],
        "{{ a }}": {"deep": "x"},
        "none": None,
    }


@given(value=_JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_data_comes_through_an_expression_as_it_is(make_scope, value):
    assert render("{{ data }}", make_scope(inputs={"data": value})).value == value
    assert render({"x": "{{ [data, data] }}"}, make_scope(inputs={"data": value})).value == {"x": [value, value]}


@pytest.mark.parametrize(
    "template",
    [
        "{{ evil }}",
        "{{ evil ~ '' }}",
        "x{{ evil }}"[1:],
        "{{ [evil] | join }}",
        "{{ via_var }}",
        "{{ hostvars.web2.hostile }}",
    ],
)
def test_data_that_looks_like_a_template_stays_data(make_scope, template):
    scope = make_scope(inputs={"evil": "{{ 1 + 1 }}"}, runbook_vars={"via_var": "{{ evil }}"})
    assert render(template, scope).value == "{{ 1 + 1 }}"


def test_an_output_that_looks_like_a_template_stays_data(make_scope, make_step):
    steps = {"a": make_step(outputs={"stdout": "{{ secret('env:HOME') }} \ue000secret:" + "0" * 32 + "\ue001"})}
    rendered = render("{{ steps.a.stdout }}", make_scope(steps=steps))
    assert rendered.value == steps["a"].outputs["stdout"]
    assert rendered.secrets == {}


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("{{ regoin }}", "'regoin' is not defined", 'did you mean "region"?'),
        ("{{ target.nmae }}", "no 'nmae'", 'did you mean "name"?'),
        ("{{ run.operater }}", "no 'operater'", 'did you mean "operator"?'),
        ("{{ hostvars['web9'].x }}", "no 'web9'", ""),
        ("{{ 'x'.name }}", "str has no 'name'", ""),
        ("{{ [1][5] }}", "list has no '5'", ""),
        ("{{ 1 / 0 }}", "division by zero", ""),
        ("{{ 'a' + 1 }}", "can't evaluate {{ 'a' + 1 }}", ""),
        ("{{ 1 | combine({}) }}", "combine needs a mapping, not int", ""),
        ("{{ 'x' | bool }}", "neither true nor false", ""),
        ("{{ 1e999 }}", "the number is too large", ""),
        ("{{ 1e200 * 1e200 }}", "not a number that JSON knows", ""),
        ("{{ n | uper }}", "no filter 'uper'", 'did you mean "upper"?'),
        ("{{ n is defned }}", "no test 'defned'", 'did you mean "defined"?'),
        ("{{ lookup('env', 'HOME') }}", "can't be called", "lookups"),
        ("{{ secret('HOME') }}", "takes a reference", ""),
        ("{{ secret }}", "must be called", ""),
        ("{{ n", "not a template", "each {{ needs its }}"),
        ("{{ n n }}", "not a template", ""),
        ("{% if n %}", "not a template", ""),
        ("{{ }}", "not a template", ""),
        ("{% include 'x' %}", "an include is not allowed", ""),
        ("{% macro f() %}{% endmacro %}", "a macro is not allowed", ""),
        ("{% set x %}y{% endset %}", "a set block is not allowed", ""),
        ("{% set run = 1 %}", "can't be set", ""),
        ("{% for secret in [1] %}{% endfor %}", "can't be set", ""),
        ("{% for x in [1] recursive %}{% endfor %}", "recursive", ""),
        ("{{ [1] | map('nothing') }}", "no filter 'nothing'", ""),
        ("{{ [1] | map('_each') }}", "no filter '_each'", ""),
    ],
)
def test_what_is_wrong_is_said_plainly(make_scope, template, message, hint):
    with pytest.raises(TemplateError) as caught:
        render(template, make_scope(inputs={"n": 3}))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code is ExitCode.INVALID


def test_an_error_says_where_it_is(make_scope):
    with pytest.raises(TemplateError) as caught:
        render({"argv": ["ok", "one\n  {{ region }} {{ nmae }}\n"]}, make_scope())
    assert caught.value.path == ("argv", 1)
    assert caught.value.position == (2, 19)


def test_the_line_of_an_operation_that_fails_is_known(make_scope):
    with pytest.raises(TemplateError) as caught:
        render("a\nb {{ 1 }}\nc {{ 1 // 0 }}\n", make_scope())
    assert caught.value.position == (3, 0)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("n > 2", True), ("{{ n > 2 }}", True), ("n", 3), ("n in [1, 3]", True), ("'{' in 'a{b'", True), ("n, 1", [3, 1])],
)
def test_an_expression_may_have_braces_or_not(make_scope, expression, value):
    assert evaluate(expression, make_scope(inputs={"n": 3})) == value


@pytest.mark.parametrize("expression", ["text {{ n }}", "{% if n %}true{% endif %}", "n ==", "", "n }} {{ n"])
def test_a_condition_is_one_expression(make_scope, expression):
    with pytest.raises(TemplateError):
        evaluate(expression, make_scope(inputs={"n": 3}))


@pytest.mark.parametrize("expression", ["'false'", "'true'", "0", "1", "none", "[]", "''", "{{ 'yes' }}"])
def test_only_true_and_false_decide_a_condition(make_scope, expression):
    with pytest.raises(TemplateError, match="neither true nor false") as caught:
        evaluate_bool(expression, make_scope())
    assert "compare it" in caught.value.hint


def test_conditions(make_scope):
    assert evaluate_bool("inventory_hostname in groups.eu and not (region is match('us'))", make_scope())
    assert not evaluate_bool("'true' == 'yes'", make_scope())
    assert evaluate_bool(True, make_scope())


def test_a_file_that_is_one_expression_still_gives_text(make_scope):
    assert render_text_template("{{ n }}", make_scope(inputs={"n": 3})).value == "3"
    assert render_text_template("port={{ n }}\n", make_scope(inputs={"n": 3})).value == "port=3\n"


def test_the_doors_of_this_package_do_not_load_jinja2():
    code = (
        "import sys, runbook_engine.expressions.render, runbook_engine.expressions.scope,"
        " runbook_engine.expressions.placeholders; sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_value_without_templates_does_not_load_jinja2():
    code = (
        "import sys; from runbook_engine.expressions.render import render; from runbook_engine.expressions.scope import"
        " Scope; render({'a': ['x', {'y': 1}]}, Scope()); sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
