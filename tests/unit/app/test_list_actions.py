"""Every action describes itself well enough to be used."""

import pytest

from runbook_engine.app.list_actions import describe_action, list_actions, type_in_words
from runbook_engine.discovery.catalog import build_catalog
from runbook_engine.model.errors import UsageError

CATALOG, _ = build_catalog(())


@pytest.mark.parametrize("view", list_actions(CATALOG), ids=lambda view: view.name)
def test_an_action_has_a_summary_an_example_and_explained_parameters(view):
    assert view.summary.endswith(".")
    assert view.name in view.example
    unexplained = [field.name for field in (*view.params, *view.outputs) if not field.description]
    assert not unexplained


@pytest.mark.parametrize(
    ("action", "name", "type_", "default"),
    [
        ("notify.email", "smtp.host", "text", "required"),
        ("notify.email", "smtp.port", "whole number", 587),
        ("aws.route53_records", "records[].values", "list of text", []),
        ("aws.route53_records", "records[].alias.zone", "text", "required"),
        ("sql.verify", "tables.*.rows.min", "whole number or null", None),
        ("wait.until", "sql.query", "text", "required"),
        ("wait.until", "http.timeout", "duration", "10s"),
        ("wait.until", "sql.max_age", "duration or null", None),
    ],
)
def test_fields_of_mappings_are_listed_by_their_way(action, name, type_, default):
    fields = {field.name: field for field in describe_action(CATALOG, action).params}
    field = fields[name]
    assert (field.type, "required" if field.required else field.default) == (type_, default)
    assert field.description


def test_an_unknown_action_is_met_with_the_nearest_one():
    with pytest.raises(UsageError) as refused:
        describe_action(CATALOG, "http.chekc")
    assert "http.check" in refused.value.hint


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"const": "json"}, "json"),
        ({"$ref": "#/$defs/Inner"}, "mapping"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "mapping of number"),
        ({"$ref": "#/$defs/JsonValue"}, "anything"),
        ({}, "anything"),
    ],
)
def test_types_in_words(field, words):
    assert type_in_words(field, {"Inner": {"type": "object", "properties": {"x": {"type": "string"}}}}) == words


def test_a_type_that_contains_itself_ends():
    tree = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    assert type_in_words({"$ref": "#/$defs/Tree"}, {"Tree": tree}) == "list of anything"
