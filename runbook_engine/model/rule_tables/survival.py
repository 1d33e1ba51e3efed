"""Rules RB230 to RB240: what a runbook needs of the region that it escapes, and findings accepted with a reason."""

from runbook_engine.model.rule import Rule, warning

SURVIVAL_RULES: tuple[Rule, ...] = (
    warning(
        "RB230",
        "no step needs the region that is escaped",
        """
A step whose failure ends the run calls a service, an address or a host in the region that the runbook leaves. When that
region is gone the step fails, and so does the failover. A copy out of that region has to be there beforehand.
The region that is escaped is `escaped_region` (an input, a var, or a variable of the inventory; null: none); without
such a name it is `primary_region`, in runbooks that have a gate.approval.
Bad:  aws.rds_copy_snapshot: {source_region: "{{ primary_region }}", region: "{{ standby_region }}", ...}
Good: aws.rds_restore_snapshot: {snapshot: latest, region: "{{ standby_region }}", ...}   # of the copies that are there
""",
    ),
    warning(
        "RB231",
        "no step needs a control plane that lives in the region that is escaped",
        """
Route 53, IAM, CloudFront and Organizations are changed through us-east-1 and Global Accelerator through us-west-2,
whichever region they are used from. What they already do goes on when that region is gone; it can't be changed then.
Bad:  aws.route53_records: {...}   # while us-east-1 is escaped
Good: failover records and health checks that are in place beforehand, and a reason: # runbook: ignore RB231 REASON
""",
    ),
    warning(
        "RB232",
        "no secret is kept only in the region that is escaped",
        """
A step reads a secret whose address names the region that the runbook leaves.
Bad:  "{{ secret('aws-sm:reviews/smtp?region=us-east-1') }}"
Good: "{{ secret('aws-sm:reviews/smtp?region=eu-west-1,us-east-1') }}", with a replica in eu-west-1
""",
    ),
    warning(
        "RB233",
        "no message goes through the region that is escaped",
        """
The mail server (or another way to reach people) has a name in the region that the runbook leaves.
Bad:  smtp: {host: email-smtp.us-east-1.amazonaws.com}
Good: smtp: {host: email-smtp.eu-west-1.amazonaws.com}
""",
    ),
    warning(
        "RB234",
        "the journal does not live in the region that is escaped",
        """
Without its journal no run begins or goes on. Its database has a name in a region that one of the runbooks leaves.
Bad:  journal = "postgresql://dr@journal.abc.us-east-1.rds.amazonaws.com/runbook"
Good: a database in the standby region, or a file on the machine that runs the engine
""",
    ),
    warning(
        "RB240",
        "a finding is accepted with a reason, and is still one",
        """
A comment `# runbook: ignore RULE REASON` in the finding's line, or directly above it, takes a warning back. It names a
rule that there is and that warns only, says why, and belongs to a finding: one that has gone is removed.
Bad:  # runbook: ignore RB231
Good: # runbook: ignore RB231 the failover record and its health check are in place; this finds its work done
""",
    ),
)
