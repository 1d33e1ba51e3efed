"""Inputs of the command line: converted by type, checked, completed."""

import pytest

from runbook_engine.loading.inputs import complete_inputs, read_inputs
from runbook_engine.model.config import Limits
from runbook_engine.model.runbook import Input, Runbook


def runbook(**inputs):
    return Runbook.model_validate(
        {"runbook": "demo", "inputs": inputs, "steps": [{"id": "a", "action": {"name": "x.y"}}]}
    )


def read(inputs, *given, project=None):
    values, found = read_inputs(runbook(**inputs), given, project=project, limits=Limits())
    return values, [(str(item.location), item.message) for item in found]


@pytest.mark.parametrize(
    ("definition", "text", "value"),
    [
        ({}, "a=b c", "a=b c"), ({}, " x ", " x "), ({}, "", ""), ({}, "5", "5"),
        ({"type": "integer"}, "5", 5), ({"type": "integer"}, " -5 ", -5), ({"type": "number"}, "5", 5), ({"type": "number"}, "5.5e1", 55.0),
        ({"type": "boolean"}, "true", True), ({"type": "boolean"}, "No", False),
        ({"type": "list"}, "a, b,c", ["a", "b", "c"]), ({"type": "list"}, "[a, 'b', 3]", ["a", "b", 3]), ({"type": "list"}, '["a", "b"]', ["a", "b"]), ({"type": "list"}, "", []),
        ({"type": "duration"}, "1h30m", "1h30m"),
        ({"pattern": "^[A-Z]+-[0-9]+$"}, "OPS-1", "OPS-1"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, "5", 5),
        ({"choices": ["a", "b"]}, "b", "b"),
    ],
)  # fmt: skip
def test_text_is_converted(definition, text, value):
    values, found = read({"x": definition}, f"x={text}")
    assert found == []
    assert values == {"x": value}
    assert type(values["x"]) is type(value)


@pytest.mark.parametrize(
    ("definition", "text", "words"),
    [
        ({"type": "integer"}, "5.0", "whole number"), ({"type": "integer"}, "9" * 400, "whole number"), ({"type": "integer"}, "1_0", "whole number"),
        ({"type": "number"}, "1" * 100_000 + "x", "a number"), ({"type": "number"}, "nan", "a number"), ({"type": "number"}, "1e999", "a number"), ({"type": "boolean"}, "maybe", "true or false"),
        ({"type": "duration"}, "5", "a duration"), ({"type": "list"}, "[a", "a list"), ({"pattern": "[a-z]+"}, "abc1", "pattern"), ({"pattern": "[a-z]+"}, "abc\n", "pattern"),
        ({"type": "integer", "minimum": 1}, "0", "at least 1"), ({"type": "duration", "maximum": 60}, "2m", "at most 60"), ({"maximum": 3}, "abcd", "at most 3"),
        ({"choices": ["eu-west-1"]}, "eu-wst-1", 'did you mean "eu-west-1"?'), ({"type": "list", "choices": ["a", "b"]}, "a,c", "one of a, b"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_the_inputs_name(definition, text, words):
    _, found = read({"x": definition}, f"x={text}")
    ((place, message),) = found
    assert place == "-e x"
    assert message.startswith('"x" ')
    assert words in message


def test_required_default_and_absent():
    values, found = read({"a": {"required": True}, "b": {"default": 5, "type": "integer"}, "c": {}})
    assert values == {"a": None, "b": 5, "c": None}
    assert found == [("inputs", 'the input "a" is required')]


def test_unknown_names_and_what_is_no_input():
    values, found = read_inputs(runbook(incident={}), ["incidnt=1", "novalue", "=x"], project=None, limits=Limits())
    assert [item.hint for item in found] == ["write -e name=value or -e @file.yml"] * 2 + ['did you mean "incident"?']
    assert values == {"incident": None}


def test_a_later_value_wins():
    values, _ = read({"a": {}}, "a=1", "a=2")
    assert values == {"a": "2"}


@pytest.mark.timeout(30)
def test_a_pattern_without_end_is_given_up_on():
    _, found = read({"a": {"pattern": "(a+)+$"}}, "a=" + "a" * 40 + "!")
    assert "found no end" in found[0][1]


def test_files(tmp_path):
    (tmp_path / "a.yml").write_text("x: 5\nlist: [a]\nbogus: 1\n")
    (tmp_path / "b.json").write_text('{\n\t"x": 6\n}')
    inputs = {"x": {"type": "integer"}, "list": {"type": "list"}}
    values, found = read(inputs, "@a.yml", "@b.json", project=tmp_path)
    assert values == {"x": 6, "list": ["a"]}
    assert found == [("a.yml:3:8", 'the runbook has no input "bogus"')]


@pytest.mark.parametrize(
    ("name", "content", "rule", "place"),
    [
        ("a.yml", "- 1\n", "RB101", "a.yml"), ("a.yml", "a: [\n", "RB005", "a.yml:2:1"), ("a.json", "[1]", "RB101", "a.json"), ("a.json", '{\n"x": }', "RB005", "a.json:2:6"),
        ("a.json", '{"x": 1, "x": 2}', "RB005", "a.json"), ("a.json", '{"x": NaN}', "RB005", "a.json"), ("a.json", "[" * 200_000, "RB007", "a.json"), ("a.json", '{"x": ' + "9" * 5000 + "}", "RB005", "a.json"),
    ],
    ids=range(8),
)  # fmt: skip
def test_files_that_are_not_valid(tmp_path, name, content, rule, place):
    (tmp_path / name).write_text(content)
    _, found = read_inputs(runbook(x={}), [f"@{name}"], project=tmp_path, limits=Limits())
    assert [(item.rule, str(item.location)) for item in found] == [(rule, place)]


def test_a_file_that_is_not_there(tmp_path):
    _, found = read({"x": {}}, "@none.yml", project=tmp_path)
    assert len(found) == 1
    assert "can't read" in found[0][1]


def test_a_value_in_a_file_has_its_type_and_place(tmp_path):
    (tmp_path / "a.yml").write_text("x: '5'\n")
    _, found = read({"x": {"type": "integer"}}, "@a.yml", project=tmp_path)
    assert found == [("a.yml:1:4", '"x" must be a whole number, not "5"')]


def test_inputs_of_an_import_are_converted_where_a_template_made_text():
    inputs = {"n": Input(type="integer"), "s": Input(), "r": Input(required=True), "d": Input(default="x")}
    assert complete_inputs(inputs, {"n": "5", "s": "5", "r": 1}) == (
        {"n": 5, "s": "5", "r": 1, "d": "x"},
        ['"r" must be text, not "1"'],
    )
    assert complete_inputs(inputs, {"r": "x", "bogus": 1})[1] == [
        'the runbook has no input "bogus" (inputs: n, s, r, d)'
    ]
