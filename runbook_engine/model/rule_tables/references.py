"""Rules RB200 to RB299: references, templates, actions, targets and the graph."""

from runbook_engine.model.rule import Rule, error, warning

REFERENCE_RULES: tuple[Rule, ...] = (
    error(
        "RB201",
        "the action exists",
        """
A step names an action that neither the engine nor a plugin has. `runbook actions` lists what there is.
Bad:  aws.rds_restore_snapshots: {...}
Good: aws.rds_restore_snapshot: {...}
""",
    ),
    error(
        "RB202",
        "an action's parameters have the right names and types",
        """
Parameters are checked against the action's own types; values that hold templates are checked when they are known.
`runbook actions NAME` shows them.
Bad:  http.check: {url: "https://app.example.com/health", status: ok}
Good: http.check: {url: "https://app.example.com/health", status: 200}
""",
    ),
    error(
        "RB203",
        "needs name steps that exist",
        """
`needs` lists ids of steps of the same runbook (or `import/step` of an imported one).
Bad:  needs: [restoredb]
Good: needs: [restore-db]
""",
    ),
    error(
        "RB204",
        "templates are well-formed and use only what is allowed",
        """
Between {{ and }} stands a sandboxed Jinja2 expression: names, filters, tests, and no function but secret() and range().
Bad:  url: "{{ lookup('env', 'URL') }}"
Good: url: "{{ app_url }}"
""",
    ),
    error(
        "RB205",
        "templates refer to steps that exist",
        """
`steps['id']` in a template is an edge of the graph, so that the step must be one of the runbook's. (An id that is
computed, as in steps[name], is no template that can be used: RB204.)
Bad:  "{{ steps['restoredb'].endpoint }}"
Good: "{{ steps['restore-db'].endpoint }}"
""",
    ),
    error(
        "RB206",
        "the steps form no cycle",
        """
A step waits, directly or not, for itself. The finding shows the way round.
Bad:  a needs b, b needs a
Good: a, then b that needs a
""",
    ),
    error(
        "RB208",
        "roles are those of team.yml",
        """
Owners and approvals name roles that team.yml defines, and a gate needs somebody who has one of its roles.
Bad:  gate.approval: {roles: [directors]}
Good: gate.approval: {roles: [director]}
""",
    ),
    error(
        "RB209",
        "a step's targets exist",
        """
The host pattern names groups and hosts of the inventory and matches at least one of them.
Bad:  targets: databses
Good: targets: databases
""",
    ),
    error(
        "RB210",
        "an edge target by target joins steps on the same targets",
        """
With `needs: ["x@target"]` each target waits for step x on itself, so both steps must run on the same pattern.
Bad:  stop on `targets: web`, and start on `targets: db` with `needs: ["stop@target"]`
Good: both on `targets: web`, or `needs: [stop]`
""",
    ),
    error(
        "RB211",
        "templates use names that are defined",
        """
A name is an input, a variable of the runbook, the step or the inventory, or one of the engine's own.
Bad:  region: "{{ standby_regoin }}"
Good: region: "{{ standby_region }}"
""",
    ),
    error(
        "RB212",
        "a loop is known before the run",
        """
The plan is made before anything runs, so `loop` may use inputs and variables, but no step's output.
Bad:  loop: "{{ steps['list'].names }}"
Good: loop: "{{ database_names }}", a variable of the inventory
""",
    ),
    error(
        "RB213",
        "an import step says only what an import can",
        """
A step that imports a runbook has `id`, `name`, `needs`, `import` and `inputs`; the rest is said by the imported steps.
Bad:  import: restore-db.yml with `timeout: 1h` beside it
Good: `timeout: 1h` in the steps of restore-db.yml
""",
    ),
    error(
        "RB214",
        "a secret's reference names a scheme that exists, and is written as that wants it",
        """
The schemes are `age:FILE#field`, `aws-sm:NAME?region=…#field`, `aws-ssm:NAME?region=…#field`, `env:NAME`, `file:PATH`.
Bad:  "{{ secret('vault:db') }}"
Good: "{{ secret('env:DB_PASSWORD') }}"
""",
    ),
    warning(
        "RB215",
        "every input is used",
        """
An input that nothing refers to promises the operator an influence that it has not.
Bad:  an input `region`, and a step with `region: eu-west-1`
Good: region: "{{ region }}"
""",
    ),
    error(
        "RB216",
        "inputs have valid values",
        """
A value given with -e (or to an import) has the input's type, pattern, choices and bounds; required inputs are given.
Bad:  -e incident=soon, for an input with the pattern ^[A-Z]+-[0-9]+$
Good: -e incident=OPS-1042
""",
    ),
    warning(
        "RB217",
        "what a failure takes back can be undone",
        """
When a step with `on_failure: revert` fails, what the run changed is undone. A step before it that changes something,
and has neither a `revert` of its own nor an action that can undo it, stays as it is then.
Bad:  command.run: {argv: [/opt/move]}   # and a later step has on_failure: revert
Good: the same with revert: {command.run: {argv: [/opt/move-back]}}
""",
    ),
    error(
        "RB218",
        "a trigger's condition only looks",
        """
`runbook monitor` looks at conditions again and again, unasked, so that a condition is an action that only checks.
Bad:  when: {command.run: {argv: [/opt/failover]}}
Good: when: {status_page.check: {provider: aws, region: us-east-1, expect: degraded}}
""",
    ),
    error(
        "RB219",
        "a trigger's condition can be told before there is a run",
        """
No step has run and nobody has given an input when a trigger is looked at: its templates may use the inventory's
variables on localhost, the runbook's vars, and inputs that have a default.
Bad:  region: "{{ steps['find'].region }}"
Good: region: "{{ primary_region }}"
""",
    ),
    error(
        "RB220",
        "an age file that a secret is read from is in the project",
        """
It is not opened for this; whether it can be is proven when a run begins. `runbook doctor` says what is missing here.
Bad:  "{{ secret('age:secrets/prod.yml#smtp') }}"   # not encrypted
Good: "{{ secret('age:secrets/prod.yml.age#smtp') }}"
""",
    ),
    error(
        "RB221",
        "a file that a step or a message names is in the project",
        """
Scripts, templates, files to copy and texts of messages are read when their step runs: one that is not there would be
found out in the disaster. A path that has a template in it is not looked at.
Bad:  body_template: runbooks/messages/custmers.txt.j2
Good: body_template: runbooks/messages/customers.txt.j2
""",
    ),
    warning(
        "RB222",
        "templates use outputs that the action has",
        """
What a step leaves behind is what its action says (`runbook actions NAME`). A template that takes something else fails
when it is rendered, in the middle of the run.
Bad:  {{ steps['restore-db'].endpont }}
Good: {{ steps['restore-db'].endpoint }}
""",
    ),
)
