from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_engine.expressions.facts import Facts, facts_of
from runbook_engine.expressions.references import facts_in

# Behind a text, this keeps it from being taken apart: it is parsed as it stands.
WHOLE = "\0\n{% if true %}{% endif %}"
FRAGMENTS = [
    "{{", "}}", "{{ ", " }}", "{", "}", "'", '"', "steps['", "']", 'steps["', '"]', "a-b", "in", "if-1", "x", "0",
    "db/restore", "/b/", ".y", " | default(", "secret(", "'env:A'", ")", "(", "[", "]", "-", "#}", "~", " is defined",
    "\\", "\n", " and ", "steps", "s.t", "_x", "{{ steps['a-b'].x }}", "{{ release }}", "{{ x | d('}') }}", "'steps['",
    "steps[ '0' ]", "steps['in'].x", "steps['a1'].y | uper", "{{-", "-}}", "{{ steps.a.b }}", "{{ steps }}",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=9).map("".join))
@example("{{ 'steps['in']' }}")  # an operator between two texts, not the id of a step
@example("{{ 'steps['/b/']' }}")
@example("""{{ steps["steps['a']"].x }}""")  # the id of a step that looks like a reference
@example("""{{ secret("file:steps['a']") }}""")
@example("{{ steps[ '0' ].x }} {{ steps['a'].x }}")
@example("{{ (a }} b) }}")
@example("{{{ a }}")
def test_a_text_taken_apart_says_what_it_says_as_a_whole(text):
    apart, whole = facts_of(text), facts_of(text + WHOLE)
    assert bool(apart.problems) == bool(whole.problems)
    if not apart.problems:
        assert apart == whole


@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=6).map("".join))
@example("steps['a-b'].x and steps['in'].y")
@example("'steps['in']'")
def test_an_expression_says_the_same_with_and_without_braces(text):
    if "{" in text or "}" in text or text.startswith("-") or text.endswith("-"):
        return
    bare, braced = facts_of(text, bare=True), facts_of("{{ " + text + " }}")
    assert bool(bare.problems) == bool(braced.problems)
    assert replace(bare, problems=()) == replace(braced, problems=())


def test_equal_shapes_keep_their_own_steps():
    for number in range(3):
        facts = facts_of(f"{{{{ steps['s-{number}'].out }}}} on {{{{ steps['t-{number}'].out }}}} by {{{{ name }}}}")
        assert facts.references == {f"s-{number}", f"t-{number}"}
        assert facts.names == facts.required == {"steps", "name"}


def test_a_problem_has_its_place_in_the_whole_text():
    (problem,) = facts_of("first {{ fine }}\nsecond {{ steps['a'].x | uper }}").problems
    assert (problem.line, problem.column) == (2, 26)
    assert "'upper'" in problem.hint or '"upper"' in problem.hint


def test_a_message_quotes_the_step_as_it_is_written():
    (problem,) = facts_of("{{ steps['restore-db']['x'](1) }}").problems
    assert "\0" not in problem.message


def test_many_short_expressions_are_still_one_long_template():
    assert not facts_of("{{ a }}" * 280).problems
    (problem,) = facts_of("{{ a }}" * 21_000).problems
    assert "longer than" in problem.message


@pytest.mark.parametrize("value", [None, 3, True, "plain", ["a", {"b": "c"}], {"a": ["}}", "%}"]}, ()])
def test_a_value_without_templates_says_nothing(value):
    assert facts_in(value) == Facts()


def test_a_value_says_what_all_its_texts_say():
    facts = facts_in({"a": ["{{ steps.one.x }}", {"b": "{{ n | default(m) }}"}], "c": "{{ secret('env:A') }}{{ (m) }}"})
    assert facts.references == {"one"}
    assert facts.names == {"steps", "n", "m"}
    assert facts.required == {"steps", "m"}
    assert facts.secrets == ("env:A",)
