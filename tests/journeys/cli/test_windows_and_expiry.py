"""Gates that wait for a time, that nobody answers in time, and that several people answer from terminals of their own."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

TEAM = """\
roles: {director: {}, engineering: {}}
people:
  dana: {name: Dana, roles: [director]}
  eli: {name: Eli, roles: [director, engineering]}
"""
WINDOW = """\
runbook: window
steps:
  - {id: night, gate.window: {between: "@BETWEEN@", expires: "@EXPIRES@"}}
  - {id: after, needs: [night], command.run: {argv: [touch, "@ROOT@/after"]}}
"""
GATE = """\
runbook: gate
steps:
  - {id: go, gate.approval: {roles: [director], quorum: @QUORUM@, expires: @EXPIRES@, message: Fail over?}}
  - {id: after, needs: [go], command.run: {argv: [touch, "@ROOT@/after"]}}
"""


@pytest.fixture
def people(runbook):
    runbook.write("team.yml", TEAM)

    def book(text, **values):
        for name, value in {**values, "root": runbook.root}.items():
            text = text.replace(f"@{name.upper()}@", str(value))
        runbook.write(f"runbooks/{text.split()[1]}.yml", text)
        return runbook

    return book


def hours(first, last):
    """Give a window from so many to so many hours from now."""
    now = datetime.now(UTC)
    return "-".join(f"{now + timedelta(hours=ahead):%H:%M}" for ahead in (first, last))


def detached(runbook, name, word):
    """Start a run in the background and wait until it has said something."""
    told = runbook("run", name, "--yes", "--detach", "--output", "json").json
    told["log"] = Path(told["log"])
    for _ in range(600):
        if word in told["log"].read_text():
            return told
        time.sleep(0.05)
    pytest.fail(told["log"].read_text())


def events(runbook):
    return [one["event"] for one in runbook("audit", "log", "last", "--output", "json").json]


def test_an_open_window_lets_the_run_through(people):
    runbook = people(WINDOW, between=hours(-1, 1), expires="1h")
    assert runbook("run", "window", "--yes").status == 0
    assert (runbook.root / "after").exists()


def test_a_closed_window_is_waited_for_without_a_terminal_and_the_wait_can_be_ended(people):
    runbook = people(WINDOW, between=hours(2, 3), expires="12h")
    would = runbook("run", "window", "--dry-run")
    assert "would wait until it opens" in would.out + would.err
    told = detached(runbook, "window", "waits")
    assert f"waits: night@localhost until {datetime.now(UTC) + timedelta(hours=2):%Y-%m-%d}" in runbook("status").out
    assert runbook("approve", told["id"], "night", "--as", "dana").status == 1, "it asks nobody"
    assert runbook("abort", told["id"], "--reason", "not tonight", "--as", "dana").status == 0
    assert runbook("watch").status == 1
    assert not (runbook.root / "after").exists()


def test_a_window_that_opens_too_late_fails_at_once(people):
    runbook = people(WINDOW, between=hours(5, 6), expires="1h")
    failed = runbook("run", "window", "--yes")
    assert failed.status == 1
    assert "waits for 1:00:00 at most" in failed.out + failed.err


def test_a_gate_that_nobody_answers_expires_and_is_asked_anew(people):
    runbook = people(GATE, quorum=1, expires="1s")
    expired = runbook("run", "gate", "--yes", "--wait")
    assert expired.status == 1, expired.err
    assert "nobody answered in time" in expired.err
    people(GATE, quorum=1, expires="1h")
    assert runbook("approve", "last", "go", "--as", "dana").status == 3, "it is not open any more"
    assert runbook("resume", "--yes", "--accept-changes").status == 4
    assert runbook("approve", "last", "go", "--as", "dana", "--reason", "now it is").status == 0
    assert runbook("resume", "--yes").status == 0
    kinds = [event["kind"] for event in events(runbook)]
    assert (
        kinds.index("gate.expired") < len(kinds) - 1 - kinds[::-1].index("gate.opened") < kinds.index("gate.approved")
    )


def test_two_people_on_two_terminals_make_a_quorum_of_two(people):
    runbook = people(GATE, quorum=2, expires="1h")
    told = detached(runbook, "gate", "waits")
    assert runbook("approve", told["id"], "go", "--as", "dana", "--reason", "yes").status == 0
    assert "(1 of 2)" in runbook("status").out
    twice = runbook("approve", told["id"], "go", "--as", "dana")
    assert twice.status == 1
    assert "dana approved already" in twice.err
    assert not (runbook.root / "after").exists()
    assert runbook("approve", told["id"], "go", "--as", "eli", "--reason", "yes, too").status == 0
    assert runbook("watch").status == 0
    assert (runbook.root / "after").exists()
    said = [(event["kind"], event.get("person")) for event in events(runbook) if event["kind"].startswith("gate.")]
    assert said == [
        ("gate.opened", None), ("gate.approved", "dana"), ("gate.refused", "dana"), ("gate.approved", "eli"),
    ]  # fmt: skip
