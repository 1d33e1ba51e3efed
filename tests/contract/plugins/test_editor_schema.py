"""What editors are given for this repository's own files: they are valid, each key has a text, choices are listed."""

import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from runbook_engine.app.project import open_project
from runbook_engine.app.schema import OTHERS, schema_of

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


OTHER_FILES = [
    pytest.param(kind, file, id=file.relative_to(ROOT).as_posix())
    for kind, patterns in {
        "team": ("team.yml", "runbook_engine/app/starter*/team.yml"),
        "config": ("runbook.toml", "runbook_engine/app/starter*/runbook.toml"),
        "cases": ("runbooks/tests/*.yml", "runbook_engine/app/starter*/runbooks/tests/*.yml"),
        "inventory": ("inventories/*/hosts.yml", "runbook_engine/app/starter*/inventories/*/hosts.yml"),
    }.items()
    for pattern in patterns
    for file in sorted(ROOT.glob(pattern))
]


@pytest.mark.parametrize(("kind", "file"), OTHER_FILES)
def test_every_other_shipped_file_is_valid(kind, file):
    assert problems(kind, read(file)) == []


def read(file):
    text = file.read_text(encoding="utf-8")
    return tomllib.loads(text) if file.suffix == ".toml" else AsEditorsRead(text).get_single_data()


def problems(kind, document):
    return [error.message for error in jsonschema.Draft202012Validator(OTHERS[kind]()).iter_errors(document)]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("team", {"people": {"dana": {"name": "Dana", "role": ["director"]}}}),
        ("team", {"audiences": {"customers": {"fax": ["1"]}}}),
        ("config", {"fork": 5}),
        ("config", {"rules": {"RB261": "loud"}}),
        ("config", {"sandbox": [5]}),
        ("cases", {"runbook": "a", "cases": []}),
        ("cases", {"runbook": "a", "cases": [{"name": "x", "expect": {"status": "won"}}]}),
        ("inventory", {"web": {"host": {}}}),
        ("inventory", {"web": {"hosts": ["web1"]}}),
        ("inventory", {"plugin": "constructed"}),
    ],
)
def test_what_the_loader_refuses_an_editor_shows(kind, document):
    assert problems(kind, document)


@pytest.mark.parametrize("kind", OTHERS)
def test_the_other_files_have_texts_too(kind):
    schema = OTHERS[kind]()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [path for path, key in _keys(schema) if not _text(schema, key)] == []


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
