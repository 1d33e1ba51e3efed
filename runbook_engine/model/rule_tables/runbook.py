"""Rules RB100 to RB199: what a runbook, and any other file of the project, is made of."""

from runbook_engine.model.rule import Rule, error, warning

RUNBOOK_RULES: tuple[Rule, ...] = (
    error(
        "RB101",
        "the file holds a mapping",
        """
A runbook, team.yml and the like are lines of `key: value` on the outermost level; an empty file or a list says nothing.
Bad:  - id: restore-db
Good: runbook: restore-db
      steps:
        - id: restore-db
""",
    ),
    error(
        "RB102",
        "no unknown keys",
        """
A key that nobody reads is a misspelt one, and what it was meant to say would silently not happen.
Bad:  tiemout: 45m
Good: timeout: 45m
""",
    ),
    error(
        "RB103",
        "required keys are there",
        """
Bad:  - name: Restore the database          (no id)
Good: - id: restore-db
        name: Restore the database
""",
    ),
    error(
        "RB104",
        "values have the right type and range",
        """
Nothing is converted by guess: text is not a number, yes is not true, and a duration has a unit.
Bad:  timeout: 45      retry: {attempts: "3"}
Good: timeout: 45m     retry: {attempts: 3}
""",
    ),
    error(
        "RB105",
        "a runbook is named like its file",
        """
The name in `runbook:` is what people type and what the journal records; the file is found by it.
Bad:  runbook: failover          in region-failover.yml
Good: runbook: region-failover   in region-failover.yml
""",
    ),
    error(
        "RB106",
        "step ids are unique in a file",
        """
Edges, references and operator commands name steps by their ids.
Bad:  - id: check ... - id: check
Good: - id: check-before ... - id: check-after
""",
    ),
    error(
        "RB107",
        "no step needs itself",
        """
A step that waits for itself would never start.
Bad:  - id: deploy
        needs: [deploy]
Good: - id: deploy
        needs: [build]
""",
    ),
    error(
        "RB108",
        "a step has exactly one action",
        """
The action is the key with a dot in it; `import:` with another runbook may stand in its place. What several actions do
are several steps.
Bad:  - id: deploy
        command.run: {argv: [deploy]}
        http.check: {url: "https://example.com"}
Good: - id: deploy
        command.run: {argv: [deploy]}
      - id: verify
        needs: [deploy]
        http.check: {url: "https://example.com"}
""",
    ),
    error(
        "RB109",
        "an action's parameters are a mapping",
        """
There is no shorthand: every parameter is named.
Bad:  command.run: /opt/app/deploy --now
Good: command.run: {argv: [/opt/app/deploy, --now]}
""",
    ),
    error(
        "RB110",
        "needs is a list of step ids",
        """
`x` waits for the whole step x; `x@target` waits on each target for x on that target only. The suffix is the word
`target`, not a target's name.
Bad:  needs: restore-db        needs: [deploy@web1]
Good: needs: [restore-db]      needs: ["deploy@target"]
""",
    ),
    error(
        "RB111",
        "an input's definition makes sense",
        """
Default and choices must be of the input's type and fit its pattern and bounds; the pattern must be a regular expression
that can be matched in a bounded time.
Bad:  region: {type: string, default: us-east-1, choices: [eu-west-1, eu-central-1]}
Good: region: {type: string, default: eu-west-1, choices: [eu-west-1, eu-central-1]}
""",
    ),
    error(
        "RB112",
        "inputs and vars can be named in templates",
        """
A name is made of letters, digits and underscores, does not begin with a digit, is not one of the names that templates
have anyway (target, steps, run, ...), and is either an input or a var.
Bad:  inputs: {standby-region: {}}      vars: {steps: 3}
Good: inputs: {standby_region: {}}      vars: {step_count: 3}
""",
    ),
    warning(
        "RB113",
        "a required input has no default",
        """
`required: true` asks the operator for the value, so that the default is never used.
Bad:  incident: {required: true, default: OPS-1}
Good: incident: {required: true}
""",
    ),
    error(
        "RB114",
        "imports stay inside the project",
        """
An import is a path relative to the importing file. After following symbolic links it must lead to a file inside the
project, so that a runbook can't read what its author may not.
Bad:  import: /etc/passwd      import: ../../other-project/restore.yml
Good: import: restore-db.yml   import: parts/restore-db.yml
""",
    ),
    error(
        "RB115",
        "imports form no cycle",
        """
Imported runbooks are spliced in; a cycle would have no end. A chain of imports may be 30 files long.
Bad:  a.yml imports b.yml, which imports a.yml
Good: what both need in c.yml, imported by both
""",
    ),
    error(
        "RB120",
        "inputs given on the command line are valid",
        """
Every `-e name=value` (or key of an `-e @file`) must be an input of the runbook, of its type, and within its pattern,
choices and bounds; required ones must be given.
Bad:  -e incident=ops1
Good: -e incident=OPS-1
""",
    ),
)
