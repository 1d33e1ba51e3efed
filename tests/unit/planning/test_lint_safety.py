"""What a person would ask on reading a runbook is asked by validate: who agreed, how long, who is told."""

import textwrap

import pytest
from support.files import CATALOG, inventory, load

from runbook_engine.model.team import Audience, Role, Sandbox, Team
from runbook_engine.planning.lint import lint

AUDIENCE = Audience(email=("a@example.com",), sandbox=Sandbox(email=("b@example.com",)))
TEAM = Team(roles={"director": Role()}, audiences={"customers": AUDIENCE})
PROMOTE = "aws.rds_promote_replica: {instance: x, region: eu-west-1}"
GATE = "- {id: agree, gate.approval: {roles: [director], message: ok?}}"


@pytest.fixture
def findings(tmp_path):
    """Lint a runbook; give rules and lines of the findings of this family."""

    def of(text, team=TEAM):
        loaded = load(tmp_path, textwrap.dedent(text))
        assert loaded.runbook is not None, loaded.diagnostics
        found = lint(loaded, CATALOG, team=team, inventories=[inventory(tmp_path, "[web]\nw1\n")])
        return [(one.rule, one.location.line) for one in found if one.rule[:4] == "RB26" or one.rule == "RB222"]

    return of


def test_a_point_of_no_return_wants_a_person_before_it_however_far(findings):
    assert findings(f"steps:\n  - {{id: p, {PROMOTE}}}\n") == [("RB260", 3)]
    far = f"steps:\n  {GATE}\n  - {{id: b, needs: [agree], assert.that: {{that: [true]}}}}\n  - {{id: p, needs: [b], {PROMOTE}}}\n"
    assert findings(far) == []
    beside = f"steps:\n  {GATE}\n  - {{id: p, {PROMOTE}}}\n"
    assert findings(beside) == [("RB260", 4)]
    by_hand = f"steps:\n  - {{id: m, manual.task: {{roles: [director], instructions: x}}}}\n  - {{id: p, needs: [m], {PROMOTE}}}\n"
    assert findings(by_hand) == []


@pytest.mark.parametrize(
    "params",
    [
        "{argv: [rm, -rf, /srv/app]}",
        "{argv: [rm, -f, -r, /x]}",
        "{shell: cd / && rm -fr x}",
        "{argv: [psql, -c, DROP DATABASE reviews]}",
        "{shell: terraform -chdir=x destroy -auto-approve}",
        "{shell: aws --region x ec2 terminate-instances --ids 1}",
        "{argv: [kubectl, -n, app, delete, deployment, web]}",
        "{argv: [dd, if=/dev/zero, of=/dev/sda]}",
        "{argv: [rm, --recursive, /srv/app]}",
    ],
)
def test_what_destroys_something_wants_a_person_before_it(findings, params):
    assert findings(f"steps:\n  - {{id: d, command.run: {params}}}\n") == [("RB261", 3)]
    assert findings(f"steps:\n  {GATE}\n  - {{id: d, needs: [agree], command.run: {params}}}\n") == []


@pytest.mark.parametrize(
    "params",
    ["{argv: [rm, /tmp/one]}", "{shell: echo inform -r}", "{argv: [ls, -r]}", "{argv: [x], unless: rm -rf /tmp/probe}"],
)
def test_what_destroys_nothing_wants_nobody(findings, params):
    assert findings(f"steps:\n  - {{id: d, command.run: {params}}}\n") == []


@pytest.mark.parametrize("word", ["kubectl", "terraform", "dd", "aws", "rm -a"])
def test_a_very_long_command_is_read_in_time_that_grows_with_it_alone(findings, word):
    assert findings(f"steps:\n  - {{id: d, command.run: {{shell: '{f'{word} a ' * 100_000}'}}}}\n") == []


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("wait.for: {port: 80}", True),
        ("wait.for: {duration: 5s}", False),
        ("wait.until: {command: 'true'}", True),
        ("timeout: 5m, wait.for: {port: 80}", False),
        ("assert.that: {that: [true]}", False),
    ],
)
def test_a_wait_says_how_long(findings, step, found):
    assert findings(f"steps:\n  - {{id: w, {step}}}\n") == ([("RB262", 3)] if found else [])


@pytest.mark.parametrize(
    ("head", "step", "found"),
    [
        ("{rto: 60m}", "command.run: {argv: [x]}", True),
        ("{rto: 5m}", "command.run: {argv: [x]}", False),
        ("{rpo: 60m}", "command.run: {argv: [x]}", False),
        ("{rto: 60m}", "assert.that: {that: [true]}", False),
        ("{rto: 60m}", "notify.email: {audience: customers, subject: s, body: b}", False),
    ],
)
def test_somebody_is_told_of_a_long_recovery(findings, head, step, found):
    text = f"objectives: {head}\nsteps:\n  - {{id: a, {step}}}\n"
    assert findings(text) == ([("RB263", 2)] if found else [])
    assert findings(text, team=Team()) == []


@pytest.mark.parametrize(
    ("when", "found"), [("false", True), ("'False'", True), ("1 == 2 or x", False), ("true", False)]
)
def test_a_step_that_never_runs_is_found(findings, when, found):
    text = f"vars: {{x: 1}}\nsteps:\n  - {{id: a, when: {when}, assert.that: {{that: [x]}}}}\n"
    assert findings(text) == ([("RB264", 4)] if found else [])


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("steps['c'].stdout", False),
        ("steps.c.stdot", True),
        ("steps['c']['stdot']", True),
        ("steps['c'].outcome", False),
        ("steps['c'].targets['w1'].stdot", True),
        ("steps['c'].targets[inventory_hostname].stdot", True),
        ("steps['c'].targets['w1'].stdout | length", False),
        ("steps['c'].json.anything", False),
        ("steps['v'].whatever", False),
    ],
)
def test_outputs_that_no_action_gives_are_found(findings, template, found):
    text = f"""\
        steps:
          - {{id: c, targets: web, command.run: {{argv: [x]}}}}
          - {{id: v, assert.that: {{that: [true]}}}}
          - {{id: d, command.run: {{argv: ["{{{{ {template} }}}}"]}}}}
        """
    assert findings(text) == ([("RB222", 5)] if found else [])
