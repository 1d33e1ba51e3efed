import pytest

from runbook_engine.expressions.errors import KnownAfterApplyError, TemplateError
from runbook_engine.expressions.render import KNOWN_AFTER_APPLY, evaluate, evaluate_bool, render
from runbook_engine.expressions.scope import RESERVED


def test_the_nearer_layer_wins(make_scope):
    layers = {
        "here": {"item": "here"},
        "inputs": {"item": "input", "a": "input", "app": "input"},
        "step_vars": {"a": "step", "b": "step", "item": "step"},
        "runbook_vars": {"a": "book", "b": "book", "c": "book", "app": "book"},
    }
    assert render("{{ [item, a, b, c, app, region] }}", make_scope(**layers)).value == [
        "here", "input", "step", "book", "input", "eu-west-1",
    ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(RESERVED - {"loop", "range", "secret", "steps"}))
def test_the_engines_names_can_not_be_taken(make_scope, name):
    taken = {name: "mine"}
    scope = make_scope(inputs=taken, step_vars=taken, runbook_vars=taken, here=taken)
    assert render("{{ " + name + " }}", scope).value != "mine"


def test_names_of_target_and_inventory(make_scope):
    value = {
        "a": "{{ target.name }} {{ target.groups | join('+') }} {{ target.region }}",
        "b": "{{ groups.apps }}",
        "c": "{{ groups['all'] | length }}{{ groups.empty }}",
        "d": "{{ hostvars[groups.apps[1]].region }}",
        "e": "{{ inventory_hostname }}{{ group_names }}",
        "f": "{{ run.id }} {{ run.mode }} {{ run.operator }}",
    }
    assert render(value, make_scope()).value == {
        "a": "web1 apps+eu eu-west-1",
        "b": ["web1", "web2"],
        "c": "2[]",
        "d": "us-east-1",
        "e": "web1['apps', 'eu']",
        "f": "r1 live ada",
    }


def test_without_a_target_its_names_are_not_defined(make_scope):
    with pytest.raises(TemplateError, match="'target' is not defined"):
        render("{{ target.name }}", make_scope(target=None))


def test_vars_are_templates_over_other_vars_and_keep_their_type(make_scope):
    scope = make_scope(
        inputs={"n": 2}, runbook_vars={"base": "{{ region }}-db", "ports": ["{{ n }}", "{{ n + 1 }}"]},
        step_vars={"full": {"name": "{{ base }}", "ports": "{{ ports }}"}},
    )  # fmt: skip
    assert render("{{ full }}", scope).value == {"name": "eu-west-1-db", "ports": [2, 3]}


def test_a_var_that_nobody_names_is_not_rendered(make_scope):
    scope = make_scope(runbook_vars={"broken": "{{ nothing }}", "fine": "x"})
    assert render("{{ fine }}", scope).value == "x"


@pytest.mark.parametrize(
    ("variables", "circle"),
    [({"a": "{{ a }}"}, "a → a"), ({"a": "{{ b }}", "b": ["{{ c }}"], "c": "x{{ a }}"}, "a → b → c → a")],
)
def test_vars_that_lead_back_to_themselves_are_shown_as_a_circle(make_scope, variables, circle):
    with pytest.raises(TemplateError, match=circle):
        render("{{ a }}", make_scope(runbook_vars=variables))


def test_result_is_in_scope_of_until(make_scope):
    scope = make_scope(inputs={"n": 1}).with_names({"result": {"status": 200}})
    assert evaluate_bool("result.status == 200 and n == 1", scope)


@pytest.fixture
def steps(make_step):
    return {
        "restore-db": make_step(outputs={"endpoint": "db.example"}, targets={"localhost": {}}, outcome="changed"),
        "many": make_step(targets={"web1": {"port": 1}, "web2": {"port": 2}}, outcome="changed"),
        "later": make_step(known=False, outputs={"early": "e"}, outcome="would-change"),
    }


def test_outputs_of_steps(make_scope, steps):
    value = {
        "a": "{{ steps['restore-db'].endpoint }}",
        "b": "{{ steps.many.targets['web2'].port }}",
        "c": "{{ steps.many.outcome }}",
        "d": "{{ steps.many.targets.values() | map(attribute='port') | sum }}",
        "e": "{{ steps['restore-db'] | to_json }}",
    }
    rendered = render(value, make_scope(steps=steps))
    assert rendered.value == {"a": "db.example", "b": 2, "c": "changed", "d": 3, "e": '{"endpoint": "db.example"}'}
    assert rendered.unknown == ()


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("{{ steps['restore-bd'].x }}", "no step 'restore-bd'", 'did you mean "restore-db"?'),
        ("{{ steps['restore-db'].endpont }}", "it has: endpoint", 'did you mean "endpoint"?'),
        ("{{ steps.many.port }}", "one value for each", "steps['many'].targets['web1'].port"),
        ("{{ steps.many.targets.web3.port }}", "it has: web1, web2", 'did you mean "web'),
        ("{{ steps.many.targets.web1.prot }}", "it has: port", 'did you mean "port"?'),
    ],
)
def test_a_missing_output_in_a_live_run_says_what_there_is(make_scope, steps, template, message, hint):
    with pytest.raises(TemplateError) as caught:
        render(template, make_scope(steps=steps))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_missing_output_may_have_a_default(make_scope, steps):
    assert render("{{ steps['restore-db'].nothing | default('d') }}", make_scope(steps=steps)).value == "d"


def test_what_depends_on_a_step_not_applied_is_known_after_apply(make_scope, steps):
    value = {
        "a": "{{ steps.later.endpoint }}",
        "b": "host={{ steps['later'].targets['web1'].port }};",
        "c": ["{{ steps.later.endpoint | default('x') | upper }}", "{{ via }}", "{{ steps.later.early }}", "plain"],
        "d": "{% if steps.later.endpoint %}x{% endif %}",
        "e": "{{ steps.later.outcome }}",
    }
    rendered = render(value, make_scope(steps=steps, runbook_vars={"via": "x{{ steps.later.other }}"}))
    k = KNOWN_AFTER_APPLY
    assert rendered.value == {"a": k, "b": k, "c": [k, k, "e", "plain"], "d": k, "e": "would-change"}
    assert rendered.unknown == (
        "steps['later'].endpoint",
        "steps['later'].other",
        "steps['later'].targets['web1'].port",
    )


def test_a_condition_that_is_known_after_apply_says_so(make_scope, steps):
    with pytest.raises(KnownAfterApplyError) as caught:
        evaluate("steps.later.endpoint == 'x'", make_scope(steps=steps))
    assert caught.value.reference == "steps['later'].endpoint"
    assert evaluate("region == 'x' and steps.later.endpoint == 'x'", make_scope(steps=steps)) is False
