"""What `runbook explain` shows as bad is found by its rule, and what it shows as good is not.

Samples that are code are put into a project that validates; IN_WORDS lists the rules whose samples are not.
"""

import re
from textwrap import indent

import pytest

from runbook_engine.app.project import open_project
from runbook_engine.app.validate import broken_config, validate
from runbook_engine.model.rules import RULES

RUNBOOK = "runbooks/r.yml"
VARS = (
    "{standby_region: eu-west-1, primary_region: us-east-1, escaped_region: us-east-1, app_url: 'https://example.com'}"
)
STEPS = """\
- id: restore-db
  aws.rds_restore_snapshot: {snapshot: latest, source_instance: a, instance: b, region: eu-west-1}
- id: declare
  gate.approval: {roles: [director], message: Go on?}
- {id: verify, needs: [declare, restore-db], assert.that: {that: ['true']}}
"""
TEAM = "roles: {director: {}}\n"
DANA = "people: {dana: {name: Dana, roles: [director]}}\n"
AUDIENCE = "audiences: {customers: {email: [c@example.com], sandbox: {email: [s@example.com]}}}\n"
INVENTORY = "all: {children: {databases: {hosts: {db1: {ansible_connection: local}}}}}\n"


def runbook(more="", *, top="", variables=f"vars: {VARS}\n"):
    return {RUNBOOK: f"runbook: r\n{top}{variables}steps:\n{indent(STEPS + more, '  ')}"}


def within(*beginning):
    """Put a sample below these keys, each one level deeper."""

    def put(sample):
        lines = [f"{'  ' * depth}{key}" for depth, key in enumerate(beginning)]
        return "\n".join([*lines, indent(sample, "  " * len(beginning))]) + "\n"

    return put


def step_with(key, action="assert.that: {that: ['true']}"):
    return runbook(f"- id: sample\n{indent(key, '  ')}\n" + (f"  {action}\n" if action else ""))


def action(sample):
    return step_with(sample, "")


def address(sample):
    return action(f"http.check:\n  url: {sample}")


def communication(sample):
    promised = {"audience": "customers", "every": "30m", "from": "declare", "until": "verify"}
    name, _, value = sample.partition(": ")
    promised[name] = value
    message = "[{notify.email: {subject: a, body: b, sender: a@example.com, smtp: {host: mail.example.com}}}]"
    lines = [f"{key}: {text}" for key, text in promised.items()]
    told = [f"{when}: {message}" for when in ("first", "update", "resolved")]
    return runbook(top=within("communications:", "-")("\n".join([*lines, *told])))


def inventory(text, name="hosts.yml"):
    return {"inventories/i/hosts.yml": None, f"inventories/i/{name}": text}


def host_variable(sample):
    return inventory(within("all:", "hosts:", "db1:")(sample))


def all_variable(sample):
    return inventory(within("all:", "vars:")(sample) + "  children: {databases: {hosts: {db1: }}}\n")


def ini(sample):
    return inventory(f"{sample}\n", "hosts")


def person(sample):
    return {"team.yml": TEAM + within("people:", "dana:")(f"name: Dana\nroles: [director]\n{sample}")}


def audiences(sample):
    return {"team.yml": TEAM + DANA + within("audiences:")(sample)}


def trigger(sample):
    return runbook(top=within("triggers:", "-")(f"{sample}\nfor: 5m\nthen: notify"))


# By rule: where its samples stand.
CODE = {
    "RB005": step_with,
    "RB011": lambda sample: runbook(variables=within("vars:")(sample)),
    "RB015": lambda sample: runbook(variables=within("vars:")(sample)),
    "RB016": lambda sample: runbook(variables=within("vars:")(sample)),
    "RB101": lambda sample: {"runbooks/restore-db.yml": sample},
    "RB102": step_with,
    "RB103": lambda sample: {RUNBOOK: within("runbook: r\nsteps:")(sample)},
    "RB104": step_with,
    "RB107": lambda sample: {RUNBOOK: within("runbook: r\nsteps:")(sample)},
    "RB108": lambda sample: {RUNBOOK: within("runbook: r\nsteps:")(sample)},
    "RB109": action,
    "RB110": step_with,
    "RB111": lambda sample: runbook(top=within("inputs:")(sample)),
    "RB112": lambda sample: runbook(top=sample + "\n", variables=""),
    "RB113": lambda sample: runbook(top=within("inputs:")(sample)),
    "RB114": lambda sample: action(sample) | dict.fromkeys(
        ("runbooks/restore-db.yml", "runbooks/parts/restore-db.yml"),
        "runbook: restore-db\nsteps: [{id: a, assert.that: {that: ['true']}}]\n",
    ),
    "RB202": action,
    "RB203": step_with,
    "RB204": lambda sample: action(f"http.check:\n  {sample}"),
    "RB205": address,
    "RB208": lambda sample: action(sample.replace("]}", "], message: Go?}")),
    "RB209": step_with,
    "RB211": lambda sample: action(f"aws.identity:\n  {sample}"),
    "RB214": address,
    "RB218": trigger,
    "RB222": lambda sample: address(f'"{sample}"'),
    "RB233": lambda sample: action(f"notify.email:\n  to: [a@example.com]\n  sender: a@example.com\n  subject: a\n  body: b\n  {sample}"),
    "RB242": host_variable,
    "RB250": communication,
    "RB251": communication,
    "RB255": lambda sample: action(sample.replace("}", ", text: hello}", 1) if "{{" not in sample else sample.replace('}"}', '}", text: hello}')),
    "RB310": lambda sample: ini(sample.replace(", ", "\n")),
    "RB311": inventory,
    "RB312": inventory,
    "RB314": lambda sample: {"inventories/i/group_vars/all.yml": sample},
    "RB315": host_variable,
    "RB317": host_variable,
    "RB321": host_variable,
    "RB323": all_variable,
    "RB328": host_variable,
    "RB329": host_variable,
    "RB401": lambda sample: {"team.yml": f"{TEAM}{sample}"},
    "RB402": person,
    "RB403": lambda sample: {"runbook.toml": sample},
    "RB405": lambda sample: {"runbook.toml": f"[[monitor.tell]]\n{sample}"},
    "RB406": audiences,
    "RB408": audiences,
}  # fmt: skip
# The others, whose samples are words at least in part: what is said of a file, of two places at once, or "the same with …".
IN_WORDS = frozenset(
    [
        "RB001",
        "RB002",
        "RB003",
        "RB004",
        "RB006",
        "RB007",
        "RB008",
        "RB009",
        "RB010",
        "RB012",
        "RB013",
        "RB014",
        "RB017",
        "RB018",
        "RB105",
        "RB106",
        "RB115",
        "RB120",
        "RB201",
        "RB206",
        "RB210",
        "RB212",
        "RB213",
        "RB215",
        "RB216",
        "RB217",
        "RB219",
        "RB220",
        "RB221",
        "RB230",
        "RB231",
        "RB232",
        "RB234",
        "RB240",
        "RB241",
        "RB243",
        "RB252",
        "RB253",
        "RB254",
        "RB256",
        "RB260",
        "RB261",
        "RB262",
        "RB263",
        "RB264",
        "RB301",
        "RB302",
        "RB303",
        "RB304",
        "RB305",
        "RB306",
        "RB307",
        "RB308",
        "RB309",
        "RB313",
        "RB316",
        "RB318",
        "RB319",
        "RB320",
        "RB322",
        "RB324",
        "RB325",
        "RB326",
        "RB327",
        "RB404",
        "RB407",
        "RB410",
        "RB411",
        "RB412",
        "RB413",
    ]
)


def samples(rule):
    """Give the samples of a rule, each with whether it is good; several stand on a line with room between them."""
    word = None
    found = []
    for line in RULES[rule].text.splitlines():
        begins = re.match(r"(Bad|Good): +(.*)", line)
        if begins:
            word = begins[1]
            found += [[word == "Good", one] for one in re.split(r" {3,}(?![ #(])", begins[2])]
        elif word and line.startswith("      "):
            found[-1][1] += f"\n{line[6:]}"
    return [(good, re.sub(r" +# .*", "", text)) for good, text in found]


def found_in(root, files):
    """The rules of the findings of a project with these files."""
    base = {"runbook.toml": "", "team.yml": TEAM + DANA + AUDIENCE, "inventories/i/hosts.yml": INVENTORY} | runbook()
    for name, text in (base | files).items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    found = broken_config(root) or validate(open_project(root))
    return {one.rule for one in found.diagnostics}


def test_the_project_around_the_samples_is_well(tmp_path):
    assert found_in(tmp_path, {}) <= {"RB262"}


@pytest.mark.parametrize("rule", CODE)
def test_samples_are_what_they_are_said_to_be(rule, tmp_path):
    assert {good for good, _ in samples(rule)} == {True, False}
    for number, (good, sample) in enumerate(samples(rule)):
        root = tmp_path / str(number)
        root.mkdir()
        found = found_in(root, CODE[rule](sample))
        assert (rule in found) is not good, (good, sample, found)


def test_every_rule_is_tried_or_known_to_be_in_words():
    assert not CODE.keys() & IN_WORDS
    assert CODE.keys() | IN_WORDS == RULES.keys()
