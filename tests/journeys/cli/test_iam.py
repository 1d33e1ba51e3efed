"""The policy of a runbook, from the command line."""


def test_the_policy_is_json_and_what_is_open_is_said_beside_it(runbook):
    runbook.write(
        "runbooks/promote.yml",
        "runbook: promote\ntitle: P\nsteps:\n  - id: look\n    command.run: {argv: [date]}\n"
        "  - id: promote\n    aws.rds_promote_replica: {instance: r, region: \"{{ steps['look'].stdout }}\"}\n",
    )
    made = runbook("actions", "--iam", "promote")
    assert made.status == 0, made.err
    allowed = [name for item in made.json["Statement"] for name in item["Action"]]
    assert "rds:PromoteReadReplica" in allowed
    assert "step promote: its region is not known before the run" in made.err


def test_what_goes_with_a_policy_is_refused_without_one(runbook):
    for words in (("actions", "--iam"), ("actions", "http.check", "-e", "a=1")):
        refused = runbook(*words)
        assert refused.status == 2
        assert "--iam" in refused.err
