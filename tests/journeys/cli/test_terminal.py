"""At a terminal: the live question, the gate's question, and the live view."""

from support.at_terminal import at_terminal


def test_a_live_run_is_asked_for_and_no_means_no(runbook):
    shown, status = at_terminal(runbook, "run", "restore-settings", answers=[("Go?", "n\n")])
    assert status == 1
    assert "nothing was done" in shown
    assert runbook("runs").out == ""


def test_the_person_at_the_terminal_answers_the_gate(runbook):
    shown, status = at_terminal(
        runbook, "run", "restore-settings", "-e", "ask=true",
        answers=[("Go?", "y\n"), ("[y = approve", "y\n")], RUNBOOK_OPERATOR="dana",
    )  # fmt: skip
    assert status == 0, shown
    report = runbook("report", "last", "--format", "json").json
    assert report["gates"][0]["answers"][0]["person"] == "dana"
    assert "\x1b[" in shown


def test_the_persons_no_declines_the_gate(runbook):
    shown, status = at_terminal(
        runbook, "run", "restore-settings", "-e", "ask=true", "--yes", "--as", "dana",
        answers=[("[y = approve", "what?\n"), ("please answer", "n\n")],
    )  # fmt: skip
    assert status == 1, shown
    assert runbook("report", "last", "--format", "json").json["gates"][0]["state"] == "declined"


def test_no_color_is_honoured(runbook):
    shown, status = at_terminal(runbook, "run", "restore-settings", "--yes", NO_COLOR="1")
    assert status == 0
    assert "\x1b[33m" not in shown
    assert "\x1b[32m" not in shown


def test_in_ci_nobody_is_asked(runbook):
    shown, status = at_terminal(runbook, "run", "restore-settings", CI="true")
    assert status == 2
    assert "--yes" in shown


def test_a_gate_left_open_is_asked_for_again_when_the_run_is_resumed(runbook):
    assert runbook("run", "restore-settings", "-e", "ask=true", "--yes").status == 4
    shown, status = at_terminal(
        runbook, "resume", "--as", "dana", answers=[("go on with", "y\n"), ("[y = approve", "y\n")]
    )
    assert status == 0, shown
    assert runbook("status", "--output", "json").json["status"] == "succeeded"


def test_somebody_without_the_role_is_told_who_can_answer(runbook):
    team = runbook.root / "team.yml"
    team.write_text(team.read_text().replace("people:\n", "people:\n  eve: {name: Eve, roles: [engineering]}\n"))
    process_shown, status = at_terminal(
        runbook, "run", "restore-settings", "-e", "ask=true", "--yes", "--as", "eve", answers=[("can't answer", "\x03")]
    )
    assert status == 130
    assert "waits for director; eve can't answer it" in process_shown
