"""The Atlassian family comes in by the door of plugins: a package whose modules import each other."""

import json

import pytest
from jsonschema import Draft202012Validator
from support.plugins import PLUGINS, plugin_catalog

from runbook_engine.app.list_actions import list_actions
from runbook_engine.app.schema import schema_of
from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model.config import Limits

NAMES = [name for name in plugin_catalog().names() if plugin_catalog().entry(name).origin == str(PLUGINS / "atlassian")]


def test_all_of_the_family_is_there():
    assert {"statuspage.incident", "statuspage.component"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_output_is_described(name):
    [view] = [view for view in list_actions(plugin_catalog()) if view.name == name]
    assert view.summary
    assert view.description
    for field in (*view.params, *view.outputs):
        assert field.description, f"{name}: {field.name} says nothing"


@pytest.mark.parametrize("name", NAMES)
def test_its_example_is_what_the_schema_of_a_project_with_it_takes(name):
    example = read_yaml(plugin_catalog().get(name).example, file="example", limits=Limits()).root
    runbook = {"runbook": "x", "steps": [{"id": "one", **json.loads(json.dumps(example))}]}
    Draft202012Validator(schema_of(plugin_catalog())).validate(runbook)


def test_secrets_are_no_plain_text():
    for name in NAMES:
        for view in list_actions(plugin_catalog()):
            if view.name == name:
                assert {field.type for field in view.params if field.name.endswith("token")} == {"password"}
