"""The schema for editors accepts what the loader accepts in shape, and refuses what it refuses."""

from datetime import timedelta

import jsonschema
import pytest
import yaml

from runbook_engine.loading.json_schema import runbook_schema
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.config import Limits
from runbook_engine.model.names import Duration
from runbook_engine.ports.action import Params


class Header(Params):
    name: str
    count: int = 1


class Run(Params):
    """Runs a command."""

    argv: list[str]
    status: int = 200
    wait: Duration = timedelta(seconds=5)
    headers: tuple[Header, ...] = ()
    mode: str | None = None


class Identity(Params):
    account: str | None = None


ACTIONS = {"command.run": Run, "aws.identity": Identity}
SCHEMA = runbook_schema(ACTIONS)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

GOOD = [
    "{id: b, aws.identity: }",
    "{id: b, aws.identity: {}}",
    "{id: b, aws.identity: {account: '{{ x }}'}}",
    "{id: b, command.run: {argv: [a, '{{ b }}']}}",
    "{id: b, command.run: {argv: '{{ list }}', status: '{{ n }}', wait: '{{ w }}', headers: [{name: x, count: '{{ c }}'}]}}",
    "{id: b, command.run: {argv: [], wait: 1h30m}, timeout: 45m, retry: {attempts: 3, delay: 10s}}",
    "{id: b, aws.identity: , needs: [a, 'a@target'], batch: [1, 25%], max_failures: 10%, when: '{{ x }}', loop: '{{ y }}'}",
    "{id: b, aws.identity: , batch: 50%, loop: [1, {a: 2}], when: false, on_failure: hold, always: true, tags: [x]}",
    "{id: b, aws.identity: , revert: {command.run: {argv: [x]}}, environment: {A: b}, vars: {x: [1]}, sensitive: true}",
    "{id: b, import: a.yml, inputs: {x: '{{ y }}'}}",
    "{id: b, import: a.yml}",
]
BAD = [
    "{id: b}",
    "{aws.identity: }",
    "{id: b, aws.identity: , tiemout: 5m}",
    "{id: b, aws.identity: , command.run: {argv: []}}",
    "{id: b, aws.identity: , import: a.yml}",
    "{id: b, aws.identity: , inputs: {}}",
    "{id: B, aws.identity: }",
    "{id: a/b, aws.identity: }",
    "{id: b, aws.identity: now}",
    "{id: b, aws.identity: , needs: a}",
    "{id: b, aws.identity: , needs: [a@web1]}",
    "{id: b, aws.identity: , timeout: 45}",
    "{id: b, aws.identity: , timeout: abc}",
    "{id: b, aws.identity: , retry: {attempts: 0}}",
    "{id: b, aws.identity: , retry: {atempts: 1}}",
    "{id: b, aws.identity: , batch: 0}",
    "{id: b, aws.identity: , batch: [200%]}",
    "{id: b, aws.identity: , always: 'no'}",
    "{id: b, aws.identity: , on_failure: hodl}",
    "{id: b, aws.identity: , revert: {aws.identity: {}, command.run: {argv: []}}}",
    "{id: b, aws.identity: , revert: {bogus: {}}}",
    "{id: b, aws.identity: , action: {name: x.y}}",
]
# What needs the catalogue: the loader leaves it to the lint rules.
BAD_PARAMETERS = [
    "{id: b, no.such: {}}",
    "{id: b, command.run: }",
    "{id: b, command.run: {argv: [], bogus: 1}}",
    "{id: b, command.run: {argv: [], status: many}}",
    "{id: b, command.run: {argv: [], wait: 5}}",
    "{id: b, command.run: {argv: [], headers: [{count: 1}]}}",
]


def document(step):
    return f"runbook: demo\nsteps:\n  - {{id: a, aws.identity: }}\n  - {step}\n"


@pytest.fixture
def loads(tmp_path):
    (tmp_path / "a.yml").write_text("runbook: a\nsteps: [{id: a, aws.identity: }]\n")

    def valid(text):
        (tmp_path / "demo.yml").write_text(text)
        return not load_runbook(tmp_path / "demo.yml", project=tmp_path, limits=Limits()).diagnostics

    return valid


def accepted(text):
    return VALIDATOR.is_valid(yaml.safe_load(text))


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(runbook_schema({}))


@pytest.mark.parametrize("step", GOOD)
def test_good_steps(step, loads):
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(document(step)))] == []
    assert loads(document(step))


@pytest.mark.parametrize("step", BAD)
def test_bad_steps(step, loads):
    assert not accepted(document(step))
    assert not loads(document(step))


@pytest.mark.parametrize("step", BAD_PARAMETERS)
def test_bad_parameters(step):
    assert not accepted(document(step))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("objectives: {rto: 60m}", True), ("objectives: {rto: 60}", False), ("files: {a: b}", False), ("bogus: 1", False),
        ("inputs: {a: {type: string, choices: [a]}, b: {}}", True), ("inputs: {a: {type: strin}}", False), ("inputs: {a-b: {}}", False),
        ("communications: [{audience: x, every: 5m, from: a, until: a, first: [{aws.identity: {}}]}]", True),
        ("communications: [{audience: x, every: 5m, begins: a, until: a}]", False),
        ("triggers: [{when: {aws.identity: {}}, for: 5m, then: notify}]", True), ("triggers: [{when: {aws.identity: {}}, for: 5m, then: run}]", False),
    ],
)  # fmt: skip
def test_the_rest_of_the_file(text, good, loads):
    whole = f"{text}\n" + document("{id: b, aws.identity: }")
    assert accepted(whole) is good
    assert loads(whole) is good


def test_parameters_that_the_configuration_gives_need_not_be_written():
    schema = runbook_schema(ACTIONS, {"command.run": {"argv": ["x"]}})
    text = yaml.safe_load(document("{id: b, command.run: {status: 5}}"))
    assert jsonschema.Draft202012Validator(schema).is_valid(text)
    assert not VALIDATOR.is_valid(text)


def test_without_a_catalogue_any_action_is_accepted():
    validator = jsonschema.Draft202012Validator(runbook_schema({}))
    assert validator.is_valid(yaml.safe_load(document("{id: b, no.such: {a: 1}}")))
    assert not validator.is_valid(yaml.safe_load(document("{id: b, nosuch: {a: 1}}")))


def test_editors_have_something_to_show():
    for key, value in SCHEMA["$defs"]["Step"]["properties"].items():
        assert "." in key or value["description"], key
    assert "Runs a command." in SCHEMA["$defs"]["command.run"]["description"]
