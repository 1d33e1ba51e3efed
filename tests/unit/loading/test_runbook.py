"""A runbook file: what its keys become, and every mistake at its line and column."""

from datetime import timedelta

import pytest

from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Severity
from runbook_engine.model.runbook import ActionCall, Need, OnFailure

ACTIONS = ["command.run", "http.check", "gate.approval", "aws.identity", "notify.email", "status_page.check"]


@pytest.fixture
def load(tmp_path):
    def load_text(text, name="demo"):
        (tmp_path / f"{name}.yml").write_text(text)
        return load_runbook(tmp_path / f"{name}.yml", project=tmp_path, limits=Limits(), action_names=ACTIONS)

    return load_text


def found(loaded, rule=None):
    return [
        (f"{item.location.line}:{item.location.column}", item.rule)
        for item in loaded.diagnostics
        if rule in {None, item.rule}
    ]


def step(body, first="runbook: demo\nsteps:\n  - id: a\n    aws.identity:\n"):
    return first + "  - id: b\n" + "".join(f"    {line}\n" for line in body.split("\n"))


FULL = """\
runbook: demo
title: A demo
owner: engineering
policy: ["BCDR 6"]
objectives: {rto: 60m, rpo: 15m}
drill: {every: 365d}
review: {every: 365d, last: 2026-07-01}
inputs:
  incident: {type: string, required: true, pattern: "^[A-Z]+-[0-9]+$"}
vars:
  db_name: "reviews-{{ incident }}"
steps:
  - id: who
    aws.identity:
  - id: deploy
    name: Deploy {{ db_name }}
    needs: [who, "who@target"]
    targets: apps:&eu
    batch: [1, 25%, 100%]
    max_failures: 10%
    command.run: {argv: [deploy, --db, "{{ db_name }}"], env: {A: "1"}}
    retry: {attempts: 3, delay: 10s, backoff: 2}
    timeout: 45m
    on_failure: hold
    revert:
      command.run: {argv: [rollback]}
  - id: verify
    needs: [deploy]
    batch: 50%
    loop: [1, 2]
    when: "{{ true }}"
    http.check: {url: "https://example.com"}
communications:
  - audience: customers
    every: 30m
    from: who
    until: verify
    first: [{notify.email: {text: x}}]
triggers:
  - when: {status_page.check: {provider: aws}}
    for: 5m
"""


def test_a_whole_runbook(load):
    loaded = load(FULL)
    assert loaded.diagnostics == []
    runbook = loaded.runbook
    assert runbook.objectives.rto == timedelta(hours=1)
    assert str(runbook.review.last) == "2026-07-01"
    who, deploy, verify = runbook.steps
    assert who.action == ActionCall(name="aws.identity", params={})
    assert deploy.needs == (Need(step="who"), Need(step="who", per_target=True))
    assert deploy.batch == (1, "25%", "100%")
    assert deploy.action.params["argv"][2] == "{{ db_name }}"
    assert deploy.revert == ActionCall(name="command.run", params={"argv": ["rollback"]})
    assert deploy.on_failure is OnFailure.HOLD
    assert verify.batch == ("50%",)
    assert verify.loop == (1, 2)
    assert runbook.communications[0].first == (ActionCall(name="notify.email", params={"text": "x"}),)
    assert runbook.triggers[0].when.name == "status_page.check"
    assert runbook.files == {"demo.yml": loaded.sources and runbook.files["demo.yml"]}
    assert len(runbook.files["demo.yml"]) == 64


def test_parts_of_a_step_know_their_places(load):
    place = load(FULL).place
    assert str(place(1, "params", "argv", 2)) == "demo.yml:21:40"
    assert str(place(1, "action", "params", "argv", 2)) == "demo.yml:21:40"
    assert str(place(1, "action")) == "demo.yml:21:5"
    assert str(place(1, "action", "name")) == "demo.yml:21:5"
    assert str(place(1, "params", "env")) == "demo.yml:21:63"
    assert str(place(1, "needs", 1)) == "demo.yml:17:18"
    assert str(place(1, "needs", 1, "step")) == "demo.yml:17:18"
    assert str(place(1, "revert", "params", "argv")) == "demo.yml:26:27"
    assert str(place(2, "batch", 0)) == "demo.yml:29:12"
    assert str(place(2, "targets")) == "demo.yml:27:5"
    assert str(place(2, "when")) == "demo.yml:31:11"
    assert str(place(None, "owner")) == "demo.yml:3:8"
    assert str(place(None, "communications", 0, "begins")) == "demo.yml:36:11"
    assert str(place(None, "communications", 0, "first", 0, "params", "text")) == "demo.yml:38:35"
    assert str(place(None, "triggers", 0, "when", "params", "provider")) == "demo.yml:40:42"


@pytest.mark.parametrize(
    ("body", "expected", "hint"),
    [
        ("aws.identity:\ntiemout: 5m", [("7:5", "RB102")], 'did you mean "timeout"?'),
        ("http_check: {url: x}", [("6:5", "RB102")], 'did you mean "http.check"?'),
        ("zzz: 1", [("5:5", "RB108"), ("6:5", "RB102")], ""),
        ("name: x", [("5:5", "RB108")], "command.run"),
        ("aws.identity:\nhttp.check: {url: x}", [("7:5", "RB108")], "step of its own"),
        ("import: x.yml\naws.identity:", [("6:13", "RB114"), ("7:5", "RB108")], ""),
        ("command.run: deploy --now", [("6:18", "RB109")], "write command.run:"),
        ("command.run: [deploy]", [("6:18", "RB109")], "write command.run:"),
        ("aws.identity:\nneeds: a", [("7:12", "RB110")], "needs: [a]"),
        ("aws.identity:\nneeds:", [("7:11", "RB110")], "needs: ["),
        ("aws.identity:\nneeds: [a, 5, [a]]", [("7:16", "RB110"), ("7:19", "RB110")], "id alone"),
        ("aws.identity:\nneeds: [a@web1]", [("7:13", "RB110")], '"a@target"'),
        ("aws.identity:\nneeds: ['@target']", [("7:13", "RB110")], "id alone"),
        ("aws.identity:\nneeds: [b]", [("7:13", "RB107")], "remove"),
        ("aws.identity:\nneeds: ['b@target']", [("7:13", "RB107")], "remove"),
        ("aws.identity:\ninputs: {a: 1}", [("7:5", "RB102")], "belong to an import"),
        ("aws.identity:\naction: {name: x.y}", [("7:5", "RB102")], ""),
        ("aws.identity:\ntimeout: 45", [("7:14", "RB104")], ""),
        ("aws.identity:\ntimeout: 0s", [("7:14", "RB104")], ""),
        ("aws.identity:\nretry: {attempts: 0, dealy: 1s}", [("7:23", "RB104"), ("7:26", "RB102")], ""),
        ("aws.identity:\nretry: {attempts: true}", [("7:23", "RB104")], ""),
        ("aws.identity:\nretry: {attempts: '3'}", [("7:23", "RB104")], ""),
        ("aws.identity:\nalways: 'no'", [("7:13", "RB104")], ""),
        ("aws.identity:\nbatch: [1, 0, 200%]", [("7:16", "RB104"), ("7:19", "RB104")], ""),
        ("aws.identity:\nbatch: 0", [("7:12", "RB104")], ""),
        ("aws.identity:\non_failure: hodl", [("7:17", "RB104")], 'did you mean "hold"?'),
        ("aws.identity:\nmutex: ''", [("7:12", "RB104")], ""),
        ("aws.identity:\nmutex: 5", [("7:12", "RB104")], 'in quotes: "5"'),
        ("aws.identity:\ntags: web", [("7:11", "RB104")], "[web]"),
        ("aws.identity:\nloop: {a: 1}", [("7:11", "RB104")], ""),
        ("aws.identity:\nenvironment: {PORT: 80}", [("7:25", "RB104")], 'in quotes: "80"'),
        ("aws.identity:\nrevert: {aws.identity: {}, http.check: {}}", [("7:13", "RB108")], ""),
        ("aws.identity:\nrevert: {rollback: {}}", [("7:14", "RB108")], ""),
        ("aws.identity:\nrevert: {aws.identity: now}", [("7:28", "RB109")], ""),
        ("import: 5", [("6:13", "RB104")], ""),
    ],
)  # fmt: skip
def test_mistakes_in_a_step(load, body, expected, hint):
    loaded = load(step(body))
    assert found(loaded) == expected
    assert any(hint in item.hint for item in loaded.diagnostics)
    assert loaded.runbook is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("1:1", "RB101")]),
        ("- a\n", [("1:1", "RB101")]),
        ("just text\n", [("1:1", "RB101")]),
        ("runbook: demo\n", [("1:1", "RB103")]),
        ("runbook: demo\nsteps: []\n", [("2:8", "RB104")]),
        ("runbook: demo\nsteps: {a: 1}\n", [("2:8", "RB104")]),
        ("runbook: demo\nsteps:\n", [("2:7", "RB104")]),
        ("runbook: demo\nsteps: [5]\n", [("2:9", "RB104")]),
        ("runbook: demo\nsteps:\n  - aws.identity:\n", [("3:5", "RB103")]),
        ("runbook: other\nsteps: [{id: a, aws.identity: }]\n", [("1:10", "RB105")]),
        ("runbook: 5\nsteps: [{id: a, aws.identity: }]\n", [("1:10", "RB104")]),
        ("runbook: demo\nfiles: {a: b}\nsteps: [{id: a, aws.identity: }]\n", [("2:1", "RB102")]),
        ("runbook: demo\nstesp: 1\nsteps: [{id: a, aws.identity: }]\n", [("2:1", "RB102")]),
        ("runbook: demo\nsteps: [{id: a, aws.identity: }, {id: a, aws.identity: }]\n", [("2:39", "RB106")]),
        ("runbook: demo\nsteps: [{id: a/b, aws.identity: }]\n", [("2:14", "RB104")]),
        ("runbook: demo\nsteps: [{id: A, aws.identity: }]\n", [("2:14", "RB104")]),
        ("runbook: demo\ndrill: {evry: 1d}\nsteps: [{id: a, aws.identity: }]\n", [("2:8", "RB103"), ("2:9", "RB102")]),
        ("runbook: demo\nreview: {every: 1d, last: 2026-13-01}\nsteps: [{id: a, aws.identity: }]\n", [("2:27", "RB104")]),
        ("runbook: demo\npolicy: [5]\nsteps: [{id: a, aws.identity: }]\n", [("2:10", "RB104")]),
        ("runbook: demo\ncommunications: [{audience: x, every: 1m, begins: a, until: a}]\nsteps: [{id: a, aws.identity: }]\n", [("2:18", "RB103"), ("2:43", "RB102")]),
        ("runbook: demo\ncommunications: [{audience: x, every: 1m, from: a, until: a, first: [5, {a: 1}]}]\nsteps: [{id: a, aws.identity: }]\n", [("2:70", "RB108"), ("2:74", "RB108")]),
        ("runbook: demo\ntriggers: [{when: {a: 1}, for: 5m}]\nsteps: [{id: a, aws.identity: }]\n", [("2:20", "RB108")]),
        ("runbook: demo\ntriggers: [{for: 5m}]\nsteps: [{id: a, aws.identity: }]\n", [("2:12", "RB103")]),
    ],
)  # fmt: skip
def test_mistakes_in_a_file(load, text, expected):
    loaded = load(text)
    assert found(loaded) == expected
    assert loaded.runbook is None


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("{type: strin}", [("3:13", "RB104")]),
        ("{type: integer, default: x}", [("3:31", "RB111")]),
        ("{type: integer, default: true}", [("3:31", "RB111")]),
        ("{default: c, choices: [a, b]}", [("3:16", "RB111")]),
        ("{pattern: '[a-z]+', default: A}", [("3:35", "RB111")]),
        ("{pattern: '('}", [("3:16", "RB111")]),
        ("{type: integer, choices: [1, b]}", [("3:35", "RB111")]),
        ("{type: integer, minimum: 5, maximum: 1}", [("3:31", "RB111")]),
        ("{type: duration, default: 5m, maximum: 60}", [("3:32", "RB111")]),
        ("{required: true, default: x}", [("3:32", "RB113")]),
        ("{type: duration, default: 5m}", []),
        ("{type: list, default: [a, b], choices: [a, b, c]}", []),
        ("{}", []),
    ],
)
def test_definitions_of_inputs(load, definition, expected):
    text = f"runbook: demo\ninputs:\n  x: {definition}\nsteps: [{{id: a, aws.identity: }}]\n"
    assert found(load(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inputs: {a-b: {}}", [("2:10", "RB112")]),
        ("inputs: {steps: {}}", [("2:10", "RB112")]),
        ("vars: {target: 1}", [("2:8", "RB112")]),
        ("inputs: {x: {}}\nvars: {x: 1}", [("3:8", "RB112")]),
    ],
)
def test_names_of_inputs_and_vars(load, text, expected):
    assert found(load(f"runbook: demo\n{text}\nsteps: [{{id: a, aws.identity: }}]\n")) == expected


def test_a_hundred_mistakes_are_told_at_once_in_order(load):
    text = "runbook: demo\nsteps:\n" + "".join(
        f"  - id: s{number}\n    aws.identity:\n    tiemout: {number}m\n" for number in range(100)
    )
    loaded = load(text)
    assert [item.location.line for item in loaded.diagnostics] == [5 + 3 * number for number in range(100)]
    assert {item.hint for item in loaded.diagnostics} == {'did you mean "timeout"?'}


def test_yaml_findings_and_structure_findings_come_together(load):
    loaded = load("runbook: demo\nsteps:\n  - id: a\n    id: b\n    aws.identity:\n    sensitive: NO\n    bogus: 1\n")
    assert found(loaded) == [("4:5", "RB010"), ("6:16", "RB016"), ("6:16", "RB104"), ("7:5", "RB102")]


def test_a_warning_does_not_refuse_the_runbook(load):
    loaded = load("runbook: demo\ntitle: 1:30\nsteps: [{id: a, aws.identity: }]\n")
    assert [item.severity for item in loaded.diagnostics] == [Severity.WARNING]
    assert loaded.runbook.title == "1:30"


def test_a_runbook_that_is_not_there(tmp_path):
    loaded = load_runbook(tmp_path / "none.yml", project=tmp_path, limits=Limits())
    assert loaded.runbook is None
    assert [(str(item.location), item.rule) for item in loaded.diagnostics] == [("none.yml", "RB001")]


def test_a_large_runbook_loads_completely(load):
    text = "runbook: demo\nsteps:\n" + "".join(
        f"  - id: s{number}\n    aws.identity:\n    needs: [s{number - 1}]\n" for number in range(1, 3001)
    )
    loaded = load(text)
    assert loaded.diagnostics == []
    assert len(loaded.runbook.steps) == 3000


def test_of_a_number_or_percentage_only_the_form_that_was_meant_is_explained(load):
    messages = [item.message for item in load(step("aws.identity:\nbatch: [0, 200%]\nmax_failures: {}")).diagnostics]
    assert messages == [
        'item 1 of "batch" must be at least 1, not the number 0',
        'item 2 of "batch" must be a whole number or a percentage from 0% to 100%, not "200%"',
        '"max_failures" must be a whole number, not a mapping or text, not a mapping',
    ]
