"""Lint: every finding at once, at its place, with a suggestion."""

import sys
import textwrap

import pytest
from support.files import CATALOG, inventory, load, write_runbook

from runbook_engine.loading.inputs import complete_inputs
from runbook_engine.model.team import Audience, Person, Role, Sandbox, Team
from runbook_engine.planning.lint import lint
from runbook_engine.planning.make_plan import make_plan

TEAM = Team(roles={"director": Role(), "support": Role()}, people={"dana": Person(name="D", roles=("director",))})
HOSTS = "[web]\nweb1 url=http://x\nweb2 url=http://y\n"


def findings(tmp_path, text: str, *, hosts: str | None = HOSTS, team: Team | None = TEAM):
    loaded = load(tmp_path, text)
    assert loaded.runbook is not None, loaded.diagnostics
    inventories = [inventory(tmp_path, hosts)] if hosts is not None else []
    return lint(loaded, CATALOG, team=team, inventories=inventories, read_inputs=complete_inputs)


def rules(tmp_path, text: str, **more) -> list[str]:
    return [found.rule for found in findings(tmp_path, text, **more)]


def one_step(body: str) -> str:
    return f"steps:\n  - id: a\n    {body}\n"


def test_a_sound_runbook_has_no_findings(tmp_path):
    text = """
        owner: director
        inputs: {n: {type: integer, default: 1}}
        vars: {path: "/x/{{ n }}"}
        steps:
          - {id: a, targets: web, command.run: {argv: [echo, "{{ url }}", "{{ path }}"], creates: "{{ path }}"}}
          - id: b
            when: steps['a'].outcome == 'changed'
            notify.email: {smtp: {host: "{{ groups['web'][0] }}", password: "{{ secret('env:P') }}"}, sender: a@b.c,
                           to: [d@e.f], subject: s, body: "{{ run.id }}"}
          - {id: c, needs: [b], gate.approval: {roles: [director], message: "{{ path }}"}}
    """
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("body", "rule", "hint", "place"),
    [
        ("command.rnu: {argv: [x]}", "RB201", "command.run", (4, 5)),
        ("http.check: {url: http://x, satus: 200}", "RB202", "status", (4, 40)),
        ("http.check: {url: http://x, timeout: 5}", "RB202", "", (4, 42)),
        ("needs: [aa]\n    assert.that: {that: [true]}", "RB203", "a", (4, 13)),
        ("assert.that: {that: ['1 +']}", "RB204", "", (4, 26)),
        ("http.check: {url: \"{{ lookup('pipe', 'id') }}\"}", "RB204", "", (4, 23)),
        ('http.check: {url: "{{ x.__class__ }}"}', "RB204", "", (4, 23)),
        ("http.check: {url: \"{{ steps['b'].x }}\"}", "RB205", "", (4, 23)),
        ("http.check: {url: '{{ urll }}'}", "RB211", "", (4, 23)),
        ("targets: wbe\n    assert.that: {that: [true]}", "RB209", "web", (4, 14)),
        ("loop: \"{{ steps['a'].x }}\"\n    assert.that: {that: [true]}", "RB212", "", (4, 11)),
        ("http.check: {url: \"{{ secret('vault:x') }}\"}", "RB214", "env, file", (4, 23)),
        ("on_failure: revert\n    loop: [1, 2]\n    command.run: {argv: [x]}", "RB217", "revert", (4, 17)),
        ("revert: {command.rum: {argv: [x]}}\n    command.run: {argv: [x]}", "RB201", "command.run", (4, 14)),
        ("revert: {command.run: {arg: [x]}}\n    command.run: {argv: [x]}", "RB202", "argv", (4, 33)),
        ("revert: {assert.that: {that: [true]}}\n    command.run: {argv: [x]}", "RB213", "changes something", (4, 14)),
        ("gate.approval: {roles: [directr]}", "RB208", "director", (4, 29)),
        ("gate.approval: {roles: [support]}", "RB208", "", (4, 28)),
        ("gate.approval: {roles: [director], signed: true}", "RB208", "ssh_keys", (4, 48)),
        ("gate.approval: {roles: [director], quorum: 2}", "RB208", "quorum", (4, 48)),
    ],
)
def test_each_mistake_is_found_where_it_stands(tmp_path, body, rule, hint, place):
    found = [item for item in findings(tmp_path, one_step(body)) if item.rule == rule]
    assert found, findings(tmp_path, one_step(body))
    assert (found[0].location.line, found[0].location.column) == place
    assert hint in found[0].hint


@pytest.mark.parametrize(
    ("when", "rule", "column"),
    [
        ("status_page.chek: {provider: aws}", "RB201", 13),
        ("status_page.check: {provider: azure}", "RB202", 43),
        ("status_page.check: {provider: aws, region: '{{ nobody }}'}", "RB211", 56),
        ("status_page.check: {provider: aws, region: '{{ }'}", "RB204", 56),
        ("status_page.check: {provider: aws, region: '{{ given }}'}", "RB219", 56),
        ("status_page.check: {provider: aws, region: \"{{ steps['a'].outcome }}\"}", "RB219", 56),
        ("command.run: {argv: [x]}", "RB218", 13),
        ("gate.approval: {roles: [director]}", "RB218", 13),
    ],
)
def test_mistakes_in_a_trigger_are_found_where_they_stand(tmp_path, when, rule, column):
    text = f"""
inputs: {{given: {{required: true}}, usual: {{default: x}}}}
steps: [{{id: a, command.run: {{argv: ["{{{{ given }}}}"]}}}}]
triggers:
  - {{when: {{{when}}}, for: 5m}}
"""
    found = [item for item in findings(tmp_path, text) if item.rule != "RB215"]
    assert [(item.rule, item.location.line, item.location.column) for item in found] == [(rule, 6, column)]


def test_a_trigger_may_use_inputs_with_a_default_vars_and_variables_of_localhost(tmp_path):
    text = """
inputs: {usual: {default: us-east-1}}
vars: {region: "{{ usual }}"}
steps: [{id: a, assert.that: {that: [true]}}]
triggers:
  - {when: {status_page.check: {provider: aws, region: "{{ region }}", expect: degraded}}, for: 0s, then: notify}
"""
    assert rules(tmp_path, text) == []


def test_all_findings_come_at_once_in_the_order_of_the_file(tmp_path):
    steps = "".join(f"  - {{id: s{n}, command.runn: {{argv: [x]}}}}\n" for n in range(100))
    found = findings(tmp_path, f"steps:\n{steps}")
    assert [item.rule for item in found] == ["RB201"] * 100
    assert [item.location.line for item in found] == sorted(item.location.line for item in found)


def test_values_that_a_template_will_give_are_not_judged(tmp_path):
    assert rules(tmp_path, one_step("http.check: {url: '{{ url }}', status: '{{ url }}'}\n    targets: web")) == []


def test_without_an_inventory_names_and_patterns_are_not_judged(tmp_path):
    assert rules(tmp_path, one_step("targets: nowhere\n    http.check: {url: '{{ whatever }}'}"), hosts=None) == []


def test_an_unused_input_is_a_warning(tmp_path):
    (found,) = findings(tmp_path, "inputs: {n: {default: x}}\nsteps: [{id: a, assert.that: {that: [true]}}]\n")
    assert (found.rule, str(found.severity)) == ("RB215", "warning")


def test_a_cycle_is_shown_as_a_path(tmp_path):
    text = """
        steps:
          - {id: a, needs: [b], assert.that: {that: [true]}}
          - {id: b, command.run: {argv: ["{{ steps['a'].outcome }}"]}}
    """
    (found,) = findings(tmp_path, text)
    assert found.rule == "RB206"
    assert "a → b → a" in found.message or "b → a → b" in found.message


def test_an_import_step_says_only_what_an_import_can(tmp_path):
    write_runbook(tmp_path, "runbook: other\nsteps: [{id: x, assert.that: {that: [true]}}]\n", "other")
    text = "steps:\n  - {id: a, import: other.yml, when: 'true', timeout: 5m}\n"
    assert rules(tmp_path, text) == ["RB213", "RB213"]


def test_findings_in_an_imported_file_are_placed_there(tmp_path):
    write_runbook(tmp_path, "runbook: other\nsteps:\n  - {id: x, no.such: {}}\n", "other")
    (found,) = findings(tmp_path, "steps: [{id: a, import: other.yml}]\n")
    assert (found.rule, found.location.line) == ("RB201", 3)
    assert found.location.file.endswith("other.yml")


def test_a_name_that_is_only_asked_for_may_be_undefined(tmp_path):
    text = one_step("when: \"nobody is defined and (missing | default('x')) == 'x'\"\n    assert.that: {that: [true]}")
    assert rules(tmp_path, text) == []
    assert rules(tmp_path, one_step("when: \"missing | default(other) == 'x'\"\n    assert.that: {that: [true]}")) == [
        "RB211"
    ]


def test_what_loading_refuses_does_not_hide_what_lint_finds(tmp_path):
    loaded = load(
        tmp_path,
        """
        ownr: director
        inputs: {n: {type: nonsense}}
        steps:
          - {id: A, http.check: {url: "{{ ().__class__ }}"}}
          - {id: b, retrys: {}, needs: [nowhere], command.run: {agrv: [x]}}
          - {id: c, timeout: soon, command.run: x}
          - 17
          - {id: d, no.such: {}}
        """,
    )
    assert loaded.runbook is None
    found = lint(loaded.for_lint(), CATALOG, team=TEAM, inventories=[inventory(tmp_path, HOSTS)])
    told = {(item.rule, item.location.line) for item in [*loaded.diagnostics, *found]}
    assert {("RB204", 6), ("RB203", 7), ("RB202", 7), ("RB201", 10)} <= told
    assert {line for _, line in told} == {3, 4, 6, 7, 8, 9, 10}


def test_the_templates_of_vars_are_checked_too(tmp_path):
    text = """
        vars:
          a: "{{ 1 + }}"
          b: {c: ["{{ steps['nowhere'].x }}"]}
          d: "{{ undefined_name }}"
          e: "{{ d }} {{ url }} {{ secret('vault:x') }}"
        steps:
          - {id: s, targets: web, command.run: {argv: ["{{ a }}", "{{ b }}", "{{ e }}"]}}
    """
    found = findings(tmp_path, text)
    assert [(item.rule, item.location.line) for item in found] == [
        ("RB204", 4), ("RB205", 5), ("RB211", 6), ("RB214", 7)
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", ["", "{{ url }}"])
def test_lint_of_a_long_runbook_takes_time_in_proportion(tmp_path, suffix):
    """Counts the steps of the lint rather than seconds: twice the steps, about twice the work."""

    def work(size: int) -> int:
        steps = "".join(
            f"  - {{id: s{n}, targets: web, needs: [{'' if n == 0 else f's{n - 1}'}],"
            f" http.check: {{url: 'http://x/{suffix}'}}}}\n"
            for n in range(size)
        )
        loaded = load(tmp_path, f"steps:\n{steps}")
        hosts = [inventory(tmp_path, HOSTS)]
        steps_taken = 0

        def count(frame, event, argument):
            nonlocal steps_taken
            if "planning" not in frame.f_code.co_filename:
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            steps_taken += event == "opcode"
            return count

        old = sys.gettrace()
        sys.settrace(count)
        try:
            lint(loaded, CATALOG, team=TEAM, inventories=hosts)
        finally:
            sys.settrace(old)
        return steps_taken

    work(10)
    assert work(500) < 2.2 * work(250)


def test_vars_that_lead_back_to_themselves_are_found(tmp_path):
    text = """
        vars: {a: "{{ b }}", b: "{{ c }}", c: "{{ a }}", d: "{{ a }}"}
        steps: [{id: s, command.run: {argv: ["{{ d }}"]}}]
    """
    (found,) = findings(tmp_path, text)
    assert found.rule == "RB204"
    assert found.message.count("→") == 3


TOLD = """
    steps:
      - {{id: a, assert.that: {{that: [true]}}}}
      - {{id: b, needs: [a], assert.that: {{that: [true]}}}}
    communications:
      - {}
"""
MAIL = "{notify.email: {smtp: {host: h}, sender: a@b.c, subject: s, body: b}}"
HEARERS = Team(
    audiences={
        "customers": Audience(email=("a@b.c",), sandbox=Sandbox(email=("d@b.c",))),
        "open": Audience(email=("a@b.c",)),
        "nobody": Audience(sandbox=Sandbox(email=("d@b.c",))),
    }
)


def talk(audience="customers", begins="a", until="b", update=f"[{MAIL}]", resolved=f"[{MAIL}]", more=""):
    lists = f"update: {update}, resolved: {resolved}{more}"
    return TOLD.format(f"{{audience: {audience}, every: 30m, from: {begins}, until: {until}, {lists}}}")


def test_messages_owed_have_no_findings_when_they_are_sound(tmp_path):
    first = ', first: [{notify.email: {smtp: {host: h}, sender: a@b.c, subject: s, body: "{{ message.number }}"}}]'
    assert findings(tmp_path, talk(more=first), team=HEARERS) == []


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        (talk(begins="declare"), "RB250", "there is no step 'declare'"),
        (talk(until="a"), "RB250", "would end with the step that they begin with"),
        (talk(audience="custmers"), "RB251", "no audience 'custmers'"),
        (talk() + talk().partition("communications:\n")[2], "RB251", "has a block already"),
        (talk(update="[]"), "RB252", "nothing says how customers gets an update"),
        (talk(update="[{assert.that: {that: [true]}}]"), "RB252", "tells nobody anything"),
        (talk(update="[{gate.approval: {roles: [x]}}]"), "RB252", "tells nobody anything"),
        (talk(resolved="[]"), "RB253", "never hear"),
        (talk(audience="open"), "RB254", "no sandbox"),
        (talk(audience="nobody"), "RB256", "nobody of nobody can be told: it has no address for notify.email"),
        (talk(update="[{notify.emial: {}}]"), "RB201", "no action 'notify.emial'"),
        (talk(update="[{notify.email: {subject: s}}]"), "RB202", "smtp"),
        (talk(update=MAIL.replace("body: b", "body: '{{ nothing }}'").join("[]")), "RB211", "'nothing' is not defined"),
        (talk(update=MAIL.replace("body: b", "body: \"{{ steps['z'].x }}\"").join("[]")), "RB205", "no step 'z'"),
        (talk(update=MAIL.replace("body: b", "body: b, audience: them").join("[]")), "RB251", "no audience 'them'"),
    ],
)
def test_promises_that_cannot_be_kept_are_found(tmp_path, text, rule, words):
    found = [item for item in findings(tmp_path, text, team=HEARERS) if item.rule == rule]
    assert [item for item in found if words in item.message], findings(tmp_path, text, team=HEARERS)
    assert found[0].location.line > 1


def test_a_steps_message_goes_to_an_audience_that_exists(tmp_path):
    body = "notify.email: {smtp: {host: h}, sender: a@b.c, subject: s, body: b, audience: custmers}"
    found = findings(tmp_path, one_step(body), team=HEARERS)
    assert [(item.rule, item.hint) for item in found] == [("RB251", 'did you mean "customers"?')]


def test_a_steps_message_goes_to_somebody(tmp_path):
    body = "notify.email: {smtp: {host: h}, sender: a@b.c, subject: s, body: b, audience: nobody}"
    assert [item.rule for item in findings(tmp_path, one_step(body), team=HEARERS)] == ["RB256"]


def test_what_the_configuration_gives_need_not_be_written(tmp_path):
    loaded = load(tmp_path, one_step("notify.email: {to: [a@b.c], subject: s, body: b}"))
    assert [item.rule for item in lint(loaded, CATALOG)] == ["RB202", "RB202"]
    defaults = {"notify.email": {"smtp": {"host": "h"}, "sender": "a@b.c"}}
    assert lint(loaded, CATALOG, defaults=defaults) == []


def test_an_imports_messages_name_its_own_steps(tmp_path):
    (tmp_path / "part.yml").write_text("runbook: part\n" + textwrap.dedent(talk()))
    text = "steps:\n  - {id: p, import: part.yml}\n"
    assert findings(tmp_path, text, team=HEARERS) == []
    loaded = load(tmp_path, text)
    plan = make_plan(loaded, inventory(tmp_path, HOSTS), {}, CATALOG).plan
    assert [(one.name, one.begins, one.until, one.scope) for one in plan.communications] == [
        ("p/customers", "p/a", "p/b", 1)
    ]


def test_the_address_of_a_webhook_in_the_clear_is_told_and_not_shown(tmp_path):
    (found,) = findings(
        tmp_path, one_step("notify.slack: {url: https://hooks.example/verysecret, text: x}"), team=HEARERS
    )
    assert (found.rule, found.location.line) == ("RB255", 4)
    assert "verysecret" not in f"{found.message} {found.hint}"
    secret = one_step("notify.slack: {url: \"{{ secret('env:HOOK') }}\", text: x}")
    assert findings(tmp_path, secret, team=HEARERS) == []


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        ("sql.query: {url: 'sqlite:///x', query: SELECT 1}", False),
        ("sql.query: {url: 'sqlite:///x', query: DELETE FROM t WHERE a, changes: true}", True),
        ("fence.check: {http: {url: 'http://old.example.com'}}", False),
        ("file.line: {path: /a, line: b}", True),
    ],
)
def test_what_only_looks_has_nothing_to_be_taken_back(tmp_path, action, changes):
    text = f"runbook: book\nsteps:\n  - id: a\n    {action}\n  - {{id: b, needs: [a], on_failure: revert, command.run: {{argv: [x]}}}}\n"
    assert ("RB217" in {item.rule for item in findings(tmp_path, text)}) is changes


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        ("'{{ 5 }}'", "gives int"),
        ("'{{ text }}'", "gives str"),
        ("'{{ item }}'", "not defined"),
        ("['{{ run.id }}']", "no 'id'"),
        ("[\"{{ secret('env:X') }}\"]", "known before the run"),
        ("\"{{ groups['wbe'] }}\"", "no 'wbe'"),
        ("'{{ names }}'", None),
        ("'{{ through }}'", None),
        ("\"{{ groups['web'] }}\"", None),
    ],
)
def test_a_loop_that_no_plan_can_be_made_with_is_found(tmp_path, loop, words):
    """What the operator gives (`names`, and `through`, which uses it) is not judged."""
    text = f"""
        inputs: {{text: {{default: abc}}, names: {{type: list}}}}
        vars: {{through: "{{{{ names }}}}"}}
        steps:
          - {{id: a, loop: {loop}, command.run: {{argv: [echo, "{{{{ item }}}}{{{{ through }}}}{{{{ text }}}}"]}}}}
    """
    found = findings(tmp_path, text)
    assert [(item.rule, words in item.message) for item in found] == ([] if words is None else [("RB212", True)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{incident: soon}", ["must match"]),
        ("{incident: OPS-1, n: many, x: 1}", ['has no input "x"', "must be a whole number"]),
        ("{n: 2}", ['"incident" is required']),
        ("{incident: '{{ nope }}'}", ["'nope' is not defined"]),
        ("{incident: \"{{ steps['before'].stdout }}\"}", ["'steps' is not defined"]),
        ("{incident: '{{ asked }}', x: '{{ asked }}'}", ['has no input "x"']),
        ("{incident: '{{ asked }}'}", []),
        ("{incident: '{{ known }}'}", ["must match"]),
    ],
)
def test_inputs_of_an_import_are_held_against_what_it_wants(tmp_path, given, words):
    body = "steps: [{id: x, loop: ['{{ incident }}'], command.run: {argv: ['{{ item }}', '{{ n }}']}}]\n"
    wanted = 'inputs: {incident: {required: true, pattern: "^[A-Z]+-[0-9]+$"}, n: {type: integer, default: 1}}\n'
    write_runbook(tmp_path, f"runbook: part\n{wanted}{body}", "part")
    text = f"""
        inputs: {{asked: {{}}, known: {{default: x}}}}
        vars: {{use: "{{{{ asked }}}}{{{{ known }}}}"}}
        steps:
          - {{id: before, command.run: {{argv: [id]}}}}
          - {{id: p, needs: [before], import: part.yml, inputs: {given}}}
    """
    found = [item for item in findings(tmp_path, text) if item.rule != "RB215"]
    assert {item.rule for item in found} <= {"RB216"}
    assert [any(word in item.message for item in found) for word in words] == [True] * len(words)
    assert len(found) == len(words)


@pytest.mark.parametrize(("targets", "rules_found"), [("db", ["RB210"]), ("web:&all", []), ("all", ["RB210"])])
def test_an_edge_by_target_joins_the_same_targets(tmp_path, targets, rules_found):
    text = f"""
        steps:
          - {{id: a, targets: web, command.run: {{argv: [id]}}}}
          - {{id: b, targets: "{targets}", needs: ["a@target"], command.run: {{argv: [id]}}}}
    """
    assert rules(tmp_path, text, hosts=HOSTS + "[db]\ndb1\n") == rules_found
