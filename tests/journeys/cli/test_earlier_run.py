"""`runbook run NAME --from-run RUN` with a run of another runbook: its inputs and outputs are known to templates."""

import json

import pytest

THERE = """\
runbook: there
inputs: {word: {type: string, default: it}, fail: {type: boolean, default: false}}
steps:
  - id: make
    command.run: {shell: 'echo made-{{ word }}; head -c 3000 /dev/zero | tr "\\\\0" x >&2'}
  - id: hosts
    targets: fleet
    needs: [make]
    command.run: {argv: [echo, '{{ target.name }}']}
  - id: may-fail
    needs: [make]
    assert.that: {that: ['not fail']}
"""
BACK = """\
runbook: back
inputs:
  failover: {type: run, required: true, description: the run to go back from}
  more: {default: ''}
steps:
  - id: right
    assert.that:
      that:
        - failover.runbook == 'there'
        - failover.inputs.word == 'it'
        - failover.steps.make.stdout == 'made-it'
        - failover.steps.make.outcome == 'changed'
        - failover.steps.hosts.targets['h2'].stdout == 'h2'
        - failover.steps.hosts.outcome == 'changed'
        - failover.steps.make.stderr is not defined
  - id: undo
    needs: [right]
    command.run: {argv: [echo, '{{ failover.id }} {{ failover.accepted }} {{ more }}']}
"""


@pytest.fixture
def project(runbook):
    runbook.write("runbooks/there.yml", THERE)
    runbook.write("runbooks/back.yml", BACK)
    runbook.write("inventories/fleet/hosts", "[fleet]\nh[1:2] ansible_connection=local\n")
    return runbook


def there(project, *words, status=0):
    called = project("run", "there", "-i", "fleet", *words, "--yes")
    assert called.status == status, called.err
    return project("status", "--output", "json").json["id"]


def report(project):
    return project("report", "last", "--format", "json").json


def test_what_a_run_did_is_known_to_another_recorded_with_it_and_known_when_it_goes_on(project):
    first = there(project)
    called = project("run", "back", "--from-run", first, "-e", "more=again", "--yes")
    assert called.status == 0, called.err
    assert f"failover=run {first}" in called.err, "of the earlier run a person reads the id"
    found = report(project)
    assert found["inventory"] == "fleet", "the inventory is that of the run it goes by"
    assert found["inputs"]["failover"]["id"] == first
    assert found["inputs"]["failover"]["steps"]["make"]["stdout"] == "made-it"
    assert "run " + first.replace("-", "\\-") in project("report", "last", "--format", "md").out
    html = project("report", "last", "--format", "html").out
    assert f"run {first}" in html
    assert "made-it" not in html.partition("<summary>inputs</summary>")[2].partition("</details>")[0]
    assert project("audit", "verify").status == 0


def test_it_goes_on_with_what_it_was_opened_with(project):
    project.write(
        "runbooks/back.yml", BACK.replace("[echo,", "[ls, undone,").replace(" {{ failover.accepted }} {{ more }}'", "'")
    )
    there(project)
    assert project("run", "back", "--from-run", "last", "--yes").status == 1
    for name in ("undone", report(project)["inputs"]["failover"]["id"]):
        project.write(name, "")
    called = project("resume", "last", "--yes")
    assert called.status == 0, called.err


def test_a_run_that_failed_will_do_only_for_a_reason(project):
    first = there(project, "-e", "fail=true", status=1)
    refused = project("run", "back", "--from-run", first, "--yes")
    assert refused.status == 2
    assert f"run {first} did not succeed (failed)" in refused.err
    assert project("run", "back", "--from-run", first, "--even-if-failed", "--yes").status == 2, "it needs a reason"
    called = project("run", "back", "--from-run", first, "--even-if-failed", "--reason", "only a mail", "--yes")
    assert called.status == 0, called.err
    known = report(project)["inputs"]["failover"]
    assert (known["status"], known["accepted"]) == ("failed", "only a mail")


@pytest.mark.parametrize(
    ("first", "words", "status", "says"),
    [
        (["--yes"], ["run", "back", "--yes"], 3, "give it with --from-run RUN (the run to go back from)"),
        (["--yes"], ["run", "back", "-e", "failover=last", "--yes"], 3, "must be an earlier run"),
        (["--yes"], ["run", "restore-settings", "-i", "local", "--from-run", "last", "--yes"], 3, "goes by no run of another runbook"),
        (["--yes"], ["run", "back", "--from-run", "last", "--only", "failed", "--yes"], 2, "leave --only"),
        (["--yes"], ["run", "back", "--even-if-failed", "--reason", "x", "--yes"], 2, "add --from-run"),
        (["--dry-run"], ["run", "back", "--from-run", "last", "--yes"], 2, "was a dry run"),
        (
            ["--drill", "--allow-live-inventory", "--reason", "test", "--yes"],
            ["run", "back", "--from-run", "last", "--yes"], 2, "a drill's run feeds a drill",
        ),
    ],
)  # fmt: skip
def test_what_can_t_be_gone_by_is_refused(project, first, words, status, says):
    assert project("run", "there", "-i", "fleet", *first).status == 0
    called = project(*words)
    assert (called.status, says in called.err) == (status, True), called.err
    assert json.loads(project("status", "--output", "json").out)["runbook"] == "there", "nothing was run"


def test_a_run_that_was_taken_back_counts_no_more(project):
    make = "  - {id: put, file.copy: {content: x, dest: PLACE/put}, revert: {command.run: {argv: [rm, PLACE/put]}}}\n"
    project.write("runbooks/there.yml", THERE + make.replace("PLACE", str(project.root)))
    first = there(project)
    assert project("revert", first, "--yes").status == 0
    assert "was taken back by run" in project("run", "back", "--from-run", first, "--yes").err


def test_an_invented_run_in_a_file_serves_for_a_plan_and_one_that_is_none_is_refused(project):
    known = {"id": "none-yet", "runbook": "there", "status": "succeeded", "inputs": {"word": "it"}, "steps": {}}
    project.write("invented.json", json.dumps({"failover": known}))
    planned = project("plan", "back", "-i", "fleet", "-e", "@invented.json")
    assert planned.status == 0, planned.err
    assert "failover=run none-yet" in planned.out
    project.write("invented.json", json.dumps({"failover": {"id": "none-yet"}}))
    refused = project("plan", "back", "-i", "fleet", "-e", "@invented.json")
    assert (refused.status, "must be an earlier run" in refused.err) == (3, True), refused.err


def test_what_goes_by_an_earlier_run_can_be_planned_and_looked_at_before(project):
    first = there(project)
    refused = project("plan", "back")
    assert refused.status != 0, "its input is not there"
    planned = project("plan", "back", "--from-run", first, "--output", "json")
    assert planned.status == 0, planned.err
    assert planned.json["inputs"]["failover"]["id"] == first
    assert planned.json["inventory"] == "fleet"
    policy = project("actions", "--iam", "back", "--from-run", "last")
    assert (policy.status, policy.json["Statement"]) == (0, [])
    looked = project("readiness", "back", "--from-run", first, "--output", "json")
    assert looked.status == 0, looked.out + looked.err
    assert looked.json["verdict"] == "ready"
    assert project("readiness", "back", "--from-run", "last").status == 2, "a look is nothing to go by"


@pytest.mark.parametrize("words", [("plan", "there"), ("readiness", "there"), ("actions", "--iam", "there")])
def test_a_run_of_the_same_runbook_is_nothing_to_plan_by(project, words):
    there(project)
    refused = project(*words, "--from-run", "last")
    assert refused.status == 2
    assert "is of there itself" in refused.err
