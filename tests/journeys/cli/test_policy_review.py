"""policy-review from end to end: people answer, the director approves, and the answers are the evidence."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
STEPS = {"people": "eli", "assets": "eli", "drills": "eli", "customers": "sam"}


def test_the_policy_is_reviewed_and_approved(runbook):
    for name in ("team.yml", "runbooks/policy-review.yml"):
        runbook.write(name, (REPOSITORY / name).read_text())
    assert runbook("validate", "policy-review", "--strict").status == 0
    dry = runbook("run", "policy-review", "--dry-run", "--as", "sam")
    assert dry.status in {0, 1}
    assert runbook("run", "policy-review", "--yes", "--as", "sam", "-e", "reason=business").status == 4
    shown = runbook("status").out
    assert "  eli: Eli Example, +1 555 0101, eli@example.com, on call: weekdays 08-20 UTC" in shown
    assert "  sam: Sam Example, +1 555 0102, sam@example.com" in shown
    assert "dana: Dana" not in shown  # the director is not asked yet
    for step, person in STEPS.items():
        answered = runbook("answer", "last", step, "pass", "--as", person, "--note", "read")
        assert answered.status == 0, answered.err
    assert runbook("resume", "last", "--yes").status == 4
    refused = runbook("approve", "last", "approve", "--as", "eli")
    assert refused.status == 1
    assert runbook("approve", "last", "approve", "--as", "dana", "--reason", "all of it is in order").status == 0
    ended = runbook("resume", "last", "--yes")
    assert ended.status == 0, ended.err
    report = runbook("report", "last").out
    assert "all of it is in order" in report
    assert all(person in report for person in ("dana", "eli", "sam"))


def test_what_is_not_in_order_is_not_approved(runbook):
    for name in ("team.yml", "runbooks/policy-review.yml"):
        runbook.write(name, (REPOSITORY / name).read_text())
    runbook("run", "policy-review", "--yes", "--as", "sam")
    for step, person in STEPS.items():
        verdict = "fail" if step == "drills" else "pass"
        assert runbook("answer", "last", step, verdict, "--as", person, "--note", "overdue").status == 0
    ended = runbook("resume", "last", "--yes")
    assert ended.status == 1
    assert "blocked" in ended.out + ended.err
