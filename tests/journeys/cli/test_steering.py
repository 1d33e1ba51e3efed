"""A run that people steer from another terminal: held tasks decided on, paused, continued, aborted."""

import json
import time

import pytest
from support.at_terminal import at_terminal

HELD = """\
runbook: held
steps:
  - {id: probe, on_failure: hold, command.run: {argv: [test, -e, "@ROOT@/there"]}}
  - {id: after, needs: [probe], command.run: {argv: [touch, "@ROOT@/after"]}}
  - {id: aside, command.run: {argv: [touch, "@ROOT@/aside"]}}
"""
LONG = """\
runbook: long
steps:
  - {id: first, command.run: {argv: [sh, -c, "until [ -e @ROOT@/go ]; do sleep 0.1; done"]}}
  - {id: second, needs: [first], command.run: {argv: [touch, "@ROOT@/second"]}}
  - {id: third, needs: [second], command.run: {argv: [touch, "@ROOT@/third"]}}
  - {id: tidy, needs: [third], always: true, command.run: {argv: [touch, "@ROOT@/tidy"]}}
"""


@pytest.fixture
def steered(runbook):
    for name, text in (("held", HELD), ("long", LONG)):
        runbook.write(f"runbooks/{name}.yml", text.replace("@ROOT@", str(runbook.root)))
    return runbook


def wait_for(runbook, process, wanted):
    """Look from another process until the run's status is as wanted; gives it."""
    for _ in range(300):
        seen = runbook("status", "last", "--output", "json")
        if seen.status == 0 and seen.json and wanted(seen.json):
            return seen.json
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail("it never came to that")


def kinds(runbook):
    return [one["event"]["kind"] for one in runbook("audit", "log", "last", "--output", "json").json]


def test_a_held_task_ends_the_process_with_4_and_says_how_to_decide(steered):
    stopped = steered("run", "held", "--yes")
    run = steered("runs", "--output", "json").json[0]["id"]
    assert stopped.status == 4
    assert f"runbook retry|skip|ignore {run} probe@localhost --reason TEXT" in stopped.err
    assert (steered.root / "aside").exists()
    assert not (steered.root / "after").exists()
    status = steered("status").out
    assert "held: probe@localhost" in status
    assert ": waiting" in status


@pytest.mark.parametrize(("decision", "outcome"), [("retry", "changed"), ("skip", "skipped"), ("ignore", "failed")])
def test_the_decision_counts_when_the_run_is_resumed(steered, decision, outcome):
    steered("run", "held", "--yes")
    steered.write("there", "")
    decided = steered(decision, "last", "probe", "--reason", "I looked", "--as", "dana")
    assert decided.status == 0, decided.err
    assert "runbook resume" in decided.err
    resumed = steered("resume", "--yes", "--output", "json")
    assert resumed.status == 0, resumed.err
    steps = {step["id"]: step for step in resumed.json["steps"]}
    assert (steps["probe"]["outcome"], steps["after"]["outcome"]) == (outcome, "changed")
    told = [one for one in resumed.json["deviations"] if one["kind"] == decision]
    assert [(one["who"], one["reason"]) for one in told] == [("dana", "I looked")]


def test_a_run_that_waits_takes_the_decision_from_another_terminal_at_once(steered):
    process = steered.start("run", "held", "--yes", "--wait", "--output", "json")
    try:
        status = wait_for(steered, process, lambda seen: seen["held"])
        assert status["status"] == "running"
        assert steered("skip", status["id"], "probe", "--reason", "known").status == 0
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "succeeded"
    assert "held" in err
    assert "skip, by" in err


def test_what_is_tried_again_takes_no_decision_and_is_not_called_lost(steered):
    text = (steered.root / "runbooks/held.yml").read_text()
    steered.write("runbooks/held.yml", text.replace("on_failure: hold", "retry: {attempts: 2, delay: 1h}"))
    process = steered.start("run", "held", "--yes", "--wait")
    try:
        wait_for(steered, process, lambda _: kinds(steered).count("attempt.finished") == 2)
        early = steered("skip", "last", "probe", "--reason", "known")
    finally:
        process.kill()
        process.communicate()
    assert early.status == 3
    assert "failed and is not held: it is tried again, or what needs it was blocked" in early.err


def test_a_decision_needs_a_reason_and_something_to_decide_on(steered):
    steered("run", "held", "--yes")
    assert steered("skip", "last", "probe").status == 2
    assert steered("skip", "last", "probe", "--reason", " ").status == 2
    wrong = steered("skip", "last", "aside", "--reason", "x")
    assert wrong.status == 3
    assert "probe@localhost" in wrong.err
    assert "hold.resolved" not in kinds(steered)


def test_a_run_that_is_over_takes_no_decisions(steered):
    text = (steered.root / "runbooks/held.yml").read_text().replace("on_failure: hold, ", "")
    steered.write("runbooks/held.yml", text)
    assert steered("run", "held", "--yes").status == 1
    late = steered("skip", "last", "probe", "--reason", "known")
    assert late.status == 2
    assert "runbook resume" in late.err


def test_what_failed_in_a_run_that_stopped_before_its_end_can_be_decided_on_without_a_hold(steered):
    text = (steered.root / "runbooks/held.yml").read_text().replace("on_failure: hold, ", "")
    steered.write("runbooks/held.yml", text + "  - {id: other, on_failure: hold, command.run: {argv: ['false']}}\n")
    assert steered("run", "held", "--yes").status == 4
    for step in ("probe", "other"):
        assert steered("skip", "last", step, "--reason", "known").status == 0
    assert steered("resume", "--yes").status == 0
    assert (steered.root / "after").exists()


def test_a_paused_run_starts_nothing_until_it_is_continued(steered):
    process = steered.start("run", "long", "--yes")
    try:
        run = wait_for(steered, process, lambda seen: seen["running"])["id"]
        assert steered("pause", run, "--reason", "a call").status == 0
        time.sleep(1)  # effective within a second
        steered.write("go", "")
        status = wait_for(steered, process, lambda seen: seen["ended"] == 1)
        assert status["paused"] == "a call"
        assert not (steered.root / "second").exists()
        assert f"runbook continue {run}" in steered("status", run).out
        assert steered("pause", run).status == 3
        assert steered("continue", run).status == 0
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert "paused" in err
    assert "a call" in err
    assert "continued" in err


def test_an_aborted_run_does_what_is_always_done_and_is_over(steered):
    process = steered.start("run", "long", "--yes", "--output", "json")
    try:
        run = wait_for(steered, process, lambda seen: seen["running"])["id"]
        assert steered("abort", run).status == 2, "an abort needs a reason"
        assert steered("abort", run, "--reason", "the region is back").status == 0
        time.sleep(1)  # effective within a second
        steered.write("go", "")
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1, err
    report = json.loads(out)
    assert report["status"] == "aborted"
    outcomes = {step["id"]: step["outcome"] for step in report["steps"]}
    assert outcomes == {"first": "changed", "second": "blocked", "third": "blocked", "tidy": "changed"}
    assert "the region is back" in err
    assert "runbook resume" not in err
    for word in (["resume", run, "--yes"], ["pause", run], ["abort", run, "--reason", "x"]):
        assert steered(*word).status == 2


def test_the_person_at_the_terminal_decides(steered):
    shown, status = at_terminal(
        steered, "run", "held", "--yes", "--as", "dana", answers=[("[r = retry", "s the page lags\n")]
    )
    assert status == 0, shown
    deviations = steered("report", "last", "--format", "json").json["deviations"]
    assert [(one["kind"], one["who"], one["reason"]) for one in deviations] == [("skip", "dana", "the page lags")]


def test_the_person_at_the_terminal_ends_the_run(steered):
    shown, status = at_terminal(
        steered, "run", "held", "--yes", answers=[("[r = retry", "what?\n"), ("please answer r, s, i or a", "a\n")]
    )
    assert status == 1, shown
    assert steered("status", "--output", "json").json["status"] == "aborted"


def test_a_drill_on_a_live_inventory_needs_a_reason_and_says_so_in_the_report(steered):
    words = ("run", "held", "--drill", "--yes", "--allow-live-inventory")
    assert steered(*words).status == 2
    assert steered(*words, "--reason", " ").status == 2
    assert steered("run", "held", "--yes", "--allow-live-inventory", "--reason", "x").status == 2
    done = steered(*words, "--skip", "probe", "--reason", "known", "--reason", "nothing is live there")
    assert done.status == 0, done.err
    report = steered("report", "last", "--format", "json").json
    said = {(one["kind"], one["reason"]) for one in report["deviations"]}
    assert said == {("skip", "known"), ("live-inventory", "nothing is live there")}
