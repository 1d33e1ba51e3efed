import base64
import json
import re
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.placeholders import PLACEHOLDER, base_references, resolve_placeholders
from runbook_engine.expressions.render import evaluate, render

VALUES = {"env:PW": 'p/w "ö"\\\n', "env:USER": "ada"}


def final(template, scope):
    rendered = render(template, scope)
    return resolve_placeholders(rendered.value, rendered.secrets, VALUES.__getitem__)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ secret('env:PW') }}", VALUES["env:PW"]),
        ("a{{ secret('env:PW') }}b", f"a{VALUES['env:PW']}b"),
        ("{{ 'Basic ' ~ (('ada:' ~ secret('env:PW')) | b64encode) }}",
         "Basic " + base64.b64encode(f"ada:{VALUES['env:PW']}".encode()).decode()),
        ("https://{{ secret('env:USER') }}:{{ secret('env:PW') | urlencode }}@h", "https://ada:p%2Fw%20%22%C3%B6%22%5C%0A@h"),
        ("{{ {'p': secret('env:PW'), 'q': ['x', secret('env:USER')]} | to_json }}",
         json.dumps({"p": VALUES["env:PW"], "q": ["x", "ada"]})),
        ("echo {{ secret('env:PW') | trim | quote }}", "echo " + shlex.quote(VALUES["env:PW"].strip())),
        ("{{ [secret('env:USER'), 'x', secret('env:USER')] | join(':') }}", "ada:x:ada"),
        ("{{ 'u=' + secret('env:USER') }}", "u=ada"),
        ("{{ {'user': secret('env:USER'), 'n': 1} }}", {"user": "ada", "n": 1}),
        ("{{ secret(reference) }}", "ada"),
        ("{{ secret('env:USER') | default('x') }}", "ada"),
        ("{{ nothing | default(secret('env:USER')) }}", "ada"),
        ("{{ login }}", "ada:ada"),
        ("{{ login | b64encode }}", base64.b64encode(b"ada:ada").decode()),
        ("{{ 'a' if true else secret('env:PW') }}", "a"),
    ],
)  # fmt: skip
def test_a_secret_is_put_in_at_the_end(make_scope, template, value):
    scope = make_scope(
        inputs={"reference": "env:USER"}, runbook_vars={"login": "{{ secret('env:USER') }}:{{ secret('env:USER') }}"}
    )
    assert final(template, scope) == value


def test_what_is_rendered_holds_references_only(make_scope):
    rendered = render({"a": "x {{ secret('env:PW') }}", "b": "{{ secret('env:PW') | b64encode }}"}, make_scope())
    assert re.fullmatch(r"x \ue000secret:[0-9a-f]{32}\ue001", rendered.value["a"])
    assert sorted(rendered.secrets.values()) == ["b64encode|env:PW", "env:PW"]
    assert set(rendered.secrets) == set(PLACEHOLDER.findall(json.dumps(rendered.value, ensure_ascii=False)))


def test_each_rendering_has_placeholders_of_its_own(make_scope):
    first, second = (render("{{ secret('env:PW') }}", make_scope()) for _ in range(2))
    assert first.value != second.value


@pytest.mark.parametrize(
    "expression",
    [
        "secret('env:PW') == 'x'",
        "'x' == secret('env:PW')",
        "secret('env:PW') in ['x']",
        "'x' in secret('env:PW')",
        "secret('env:PW') < 'x'",
        "secret('env:PW') is match('x')",
        "secret('env:PW') is string",
        "secret('env:PW')[0]",
        "secret('env:PW')[0:1]",
        "secret('env:PW') | upper",
        "secret('env:PW') | length",
        "secret('env:PW') | hash('sha256')",
        "secret('env:PW') | regex_replace('a', 'b')",
        "'a' | replace('a', secret('env:PW'))",
        "[secret('env:PW'), 'x'] | sort",
        "[secret('env:PW'), 'x'] | unique",
        "[secret('env:PW')] | string",
        "[secret('env:PW')] | map('upper') | list",
        "secret('env:PW') * 2",
        "secret('env:PW') + 1",
        "'%s' % secret('env:PW')",
        "'%s' | format(secret('env:PW'))",
        "secret('env:PW').upper()",
        "'x'.startswith(secret('env:PW'))",
        "secret('env:PW').reference",
        "{secret('env:PW'): 1}",
        "not secret('env:PW')",
        "'a' if secret('env:PW') else 'b'",
        "secret(secret('env:PW'))",
        "range(secret('env:PW'))",
        "secret('env:PW') | trim('x')",
        "login[0]",
    ],
)
def test_nothing_may_look_at_a_secret(make_scope, expression):
    scope = make_scope(runbook_vars={"login": "u:{{ secret('env:PW') }}"})
    with pytest.raises(TemplateError):
        render("{{ " + expression + " }}", scope)


def test_a_condition_may_not_depend_on_a_secret(make_scope):
    with pytest.raises(TemplateError, match="secret"):
        evaluate("secret('env:PW')", make_scope())


def test_a_list_with_a_secret_does_not_become_text(make_scope):
    with pytest.raises(TemplateError, match="secret"):
        render("x {{ [secret('env:PW')] }}", make_scope())


def test_a_look_alike_is_left_alone():
    fake = "\ue000secret:" + "0" * 32 + "\ue001"
    mine = "\ue000secret:" + "1" * 32 + "\ue001"
    assert resolve_placeholders([fake, mine], {mine: "env:PW"}, lambda _: "value") == [fake, "value"]


def test_the_base_references_of_a_composed_secret(make_scope):
    rendered = render("{{ (secret('env:A') ~ ':|' ~ (secret('file:b|c') | quote)) | b64encode }}", make_scope())
    assert [base for reference in rendered.secrets.values() for base in base_references(reference)] == [
        "env:A",
        "file:b|c",
    ]


@given(secret=st.text(min_size=1), around=st.text(alphabet=st.characters(exclude_characters="{}\ue000\ue001")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_secret_arrives_whole_in_any_text(make_scope, secret, around):
    rendered = render({"t": "{{ t }}{{ secret('env:X') }}{{ t }}"}, make_scope(inputs={"t": around}))
    assert resolve_placeholders(rendered.value, rendered.secrets, lambda _: secret) == {"t": around + secret + around}
