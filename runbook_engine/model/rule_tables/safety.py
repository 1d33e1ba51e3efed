"""Rules RB260 to RB279: what a person would ask on reading a runbook."""

from runbook_engine.model.rule import Rule, warning

SAFETY_RULES: tuple[Rule, ...] = (
    warning(
        "RB260",
        "a point of no return comes after an approval",
        """
A promotion or a failover can neither be taken back nor be done again without a loss. At 3 a.m. a second pair of eyes is
worth more than the minute it takes; the approval is in the record, too.
Bad:  - {id: promote, aws.rds_promote_replica: {...}}
Good: - {id: declare, gate.approval: {roles: [director]}}
      - {id: promote, needs: [declare], aws.rds_promote_replica: {...}}
""",
    ),
    warning(
        "RB261",
        "what destroys something comes after an approval",
        """
Commands that remove trees, drop databases, format disks, or delete what is in a cloud. `creates`, `unless` and the like
are not looked at: they only look themselves.
Bad:  command.run: {argv: [rm, -rf, /srv/app]}                    # nobody was asked
Good: the same, with needs: [declare], where declare is a gate.approval or a manual.task
""",
    ),
    warning(
        "RB262",
        "a step that waits says how long",
        """
Without `timeout` a wait ends after half an hour, which is rarely what is meant: too long for a port, too short for a
restore; and the forecast knows no better.
Bad:  wait.for: {port: 5432}
Good: the same with timeout: 5m
""",
    ),
    warning(
        "RB263",
        "somebody is told",
        """
A runbook that changes something, and may take a quarter of an hour or more by its recovery time objective, is run while
people wait for news. Where team.yml has audiences, somebody has to be told: by `communications`, or by a step such as
notify.email.
Bad:  objectives: {rto: 60m}, and no message anywhere
Good: communications with first, update and resolved
""",
    ),
    warning(
        "RB264",
        "every step can run",
        """
A condition that is always false skips the step in each run, and what needs it goes on as if it had been done.
Bad:  when: false
Good: no such step; or an input that decides
""",
    ),
)
