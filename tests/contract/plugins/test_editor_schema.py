"""What editors are given for this repository's own files: they are valid, each key has a text, choices are listed."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from runbook_engine.app.project import open_project
from runbook_engine.app.schema import schema_of, team_schema

ROOT = Path(__file__).parents[3]
SHIPPED = sorted([*ROOT.glob("runbooks/*.yml"), *ROOT.glob("runbook_engine/app/starter*/runbooks/*.yml")])


class AsEditorsRead(yaml.SafeLoader):
    """YAML 1.2, in which a date is a text."""


AsEditorsRead.yaml_implicit_resolvers = {
    sign: [(tag, form) for tag, form in found if not tag.endswith(":timestamp")]
    for sign, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(scope="module")
def schema():
    return schema_of(open_project(ROOT).catalog)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_shipped_runbook_is_valid(file, schema):
    found = jsonschema.Draft202012Validator(schema).iter_errors(AsEditorsRead(file.read_text()).get_single_data())
    assert [(list(error.absolute_path), error.message) for error in found] == []


@pytest.mark.parametrize(
    "file", [ROOT / "team.yml", ROOT / "runbook_engine/app/starter/team.yml"], ids=["own", "starter"]
)
def test_every_shipped_team_is_valid(file):
    found = jsonschema.Draft202012Validator(team_schema()).iter_errors(
        AsEditorsRead(file.read_text()).get_single_data()
    )
    assert [error.message for error in found] == []


def test_every_key_has_a_text_for_who_points_at_it(schema):
    assert len(list(_keys(schema))) > 500
    assert [path for path, key in _keys(schema) if not _text(schema, key)] == []


def test_every_choice_is_offered(schema):
    step = schema["$defs"]["Step"]["properties"]
    assert schema["$defs"][step["on_failure"]["$ref"].rpartition("/")[2]]["enum"] == [
        "stop",
        "hold",
        "continue",
        "revert",
    ]
    assert {"command.run", "aws.rds_restore_pitr", "import", "jira.export"} <= step.keys()
    assert _choices(schema["$defs"]["http.check"]["properties"]["method"]) >= {"GET", "HEAD"}
    assert _choices(schema["$defs"]["Input"]["properties"]["type"]) or schema["$defs"]["InputType"]["enum"]


def _keys(node, path=""):
    if isinstance(node, dict):
        for name, key in (node.get("properties") or {}).items():
            if isinstance(key, dict):
                yield f"{path}/{name}", key
        for name, inner in node.items():
            yield from _keys(inner, f"{path}/{name}")
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from _keys(inner, f"{path}/{number}")


def _text(schema, key):
    """What an editor shows: the key's own text, or that of what it refers to."""
    referred = key.get("$ref", "#/$defs/").rpartition("/")[2]
    return key.get("description") or schema["$defs"].get(referred, {}).get("description")


def _choices(key):
    return {choice for branch in key.get("anyOf", [key]) for choice in branch.get("enum", ())}
