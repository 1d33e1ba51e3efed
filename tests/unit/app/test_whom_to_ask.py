import jsonschema
import pytest
import yaml

from runbook_engine.app.run_secrets import audience_references, variables_of
from runbook_engine.app.schema import team_schema
from runbook_engine.app.whom_to_ask import whom_to_ask
from runbook_engine.model.team import Team

TEAM = Team.model_validate(
    {
        "roles": {"director": {}, "support": {}, "nobody": {}},
        "people": {
            "dana": {"name": "Dana", "roles": ["director"], "phone": "+1 555 0100", "on_call": "nights"},
            "sam": {"name": "Sam", "roles": ["support"], "email": "sam@example.com"},
        },
    }
)


def test_people_of_the_roles_with_how_they_are_reached():
    assert whom_to_ask(TEAM, ["director"]) == ["dana: Dana, +1 555 0100, on call: nights"]
    assert whom_to_ask(TEAM, ["support", "director"]) == [
        "dana: Dana, +1 555 0100, on call: nights",
        "sam: Sam, sam@example.com",
    ]


def test_nobody_is_told_and_anybody_is_not_named():
    assert whom_to_ask(TEAM, ["nobody"]) == ["nobody in team.yml has the role nobody"]
    assert whom_to_ask(TEAM, []) == []


@pytest.mark.parametrize(
    "text", ["people: {dana: {nmae: Dana}}", "contacts: {aws: {url: x}}", "audiences: {a: {fax: []}}"]
)
def test_the_schema_refuses_what_the_loader_refuses(text):
    schema = team_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(TEAM.model_dump(mode="json", exclude_none=True), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema)


def test_what_opens_an_audiences_channels_is_a_secret_of_each_run():
    audience = {"email": ["a@example.com"], "slack": ["env:SLACK"], "sandbox": {"teams": ["file:teams"]}}
    team = Team.model_validate({"audiences": {"customers": audience}})
    assert audience_references(team) == {"env:SLACK": "customers", "file:teams": "customers"}
    assert variables_of(audience_references(team)) == {"SLACK"}
