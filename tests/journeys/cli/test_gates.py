"""A gate: who waits, who answers, from where, and what becomes of the run."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import pytest

ASK = ("run", "restore-settings", "-e", "ask=true", "--yes")


class Zone(NamedTuple):
    """A time zone, as the variable TZ names it and as Python computes with it."""

    name: str
    zone: timezone


def zone_where_it_is(clock: str) -> Zone:
    """Give a zone whose clocks show this time of day now, so that a test does not depend on when it runs."""
    hours, minutes = map(int, clock.split(":"))
    now = datetime.now(UTC)
    ahead = (hours * 60 + minutes - now.hour * 60 - now.minute) % (24 * 60)
    if ahead > 12 * 60:
        ahead -= 24 * 60
    sign = "-" if ahead >= 0 else "+"
    name = f"<here>{sign}{abs(ahead) // 60}:{abs(ahead) % 60:02}"
    return Zone(name, timezone(timedelta(minutes=ahead)))


def wait_for_gate(runbook, process):
    """Look from another process until the run waits at its gate; gives the run's id."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        seen = runbook("status", "last", "--output", "json")
        if seen.status == 0 and seen.json["gates"]:
            return seen.json["id"]
        time.sleep(0.1)
    pytest.fail("the run never reached its gate")


def test_without_anybody_to_ask_it_ends_with_4_and_says_how_to_go_on(runbook):
    stopped = runbook(*ASK)
    run = runbook("runs", "--output", "json").json[0]["id"]
    assert stopped.status == 4
    assert f"runbook approve {run} declare --as PERSON" in stopped.err
    assert f"runbook resume {run}" in stopped.err
    status = runbook("status", "--output", "json").json
    assert status["status"] == "waiting"
    assert status["gates"][0]["roles"] == ["director"]
    assert "until " in stopped.err


@pytest.mark.parametrize(("clock", "with_day"), [("12:00", False), ("23:45", True)])
def test_the_end_of_its_wait_is_told_by_the_local_clock_and_with_its_day_unless_that_is_today(runbook, clock, with_day):
    zone = zone_where_it_is(clock)
    stopped = runbook(*ASK, TZ=zone.name)
    expires = datetime.fromisoformat(runbook("status", "--output", "json").json["gates"][0]["expires_at"])
    local = expires.astimezone(zone.zone)
    told = f"until {local:%Y-%m-%d %H:%M}" if with_day else f"until {local:%H:%M}"
    assert told in stopped.err
    assert told in runbook("status", TZ=zone.name).out


def test_an_approval_lets_the_resumed_run_go_on(runbook):
    runbook(*ASK)
    approved = runbook("approve", "last", "declare", "--as", "dana", "--reason", "confirmed by phone")
    assert approved.status == 0
    assert "runbook resume" in approved.err
    resumed = runbook("resume", "--yes", "--output", "json")
    assert resumed.status == 0
    assert resumed.json["counts"]["changed"] == 2
    gate = resumed.json["gates"][0]
    assert (gate["answers"][0]["person"], gate["answers"][0]["reason"]) == ("dana", "confirmed by phone")


def test_with_wait_another_process_answers_meanwhile(runbook):
    process = runbook.start(*ASK, "--wait", "--output", "json")
    try:
        run = wait_for_gate(runbook, process)
        assert runbook("status", run, "--output", "json").json["status"] == "running"
        busy = runbook("resume", run, "--yes")
        assert busy.status == 5
        assert runbook("approve", run, "declare", RUNBOOK_OPERATOR="dana").status == 0
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "succeeded"


def test_a_declined_gate_fails_the_run_and_blocks_what_needs_it(runbook):
    runbook(*ASK)
    assert runbook("decline", "last", "declare", "--as", "dana", "--reason", "false alarm").status == 0
    ended = runbook("resume", "--yes", "--output", "json")
    assert ended.status == 1
    assert ended.json["counts"]["blocked"] == 3
    assert not (runbook.root / ".runbook/example-app").exists()


def test_an_answer_without_the_role_is_refused_and_recorded(runbook):
    runbook.write(
        "team.yml",
        "roles: {director: {}, engineering: {}}\n"
        "people: {dana: {name: Dana, roles: [director]}, eve: {name: Eve, roles: [engineering]}}\n",
    )
    runbook(*ASK)
    refused = runbook("approve", "last", "declare", "--as", "eve")
    assert refused.status == 1
    assert "director" in refused.err
    kinds = [event["event"]["kind"] for event in runbook("audit", "log", "last", "--output", "json").json]
    assert kinds[-1] == "gate.refused"
    assert runbook("resume", "--yes").status == 4


def test_a_gate_that_is_not_open_can_not_be_answered(runbook):
    runbook("run", "restore-settings", "--yes")
    late = runbook("approve", "last", "declare", "--as", "dana")
    assert late.status == 3
    assert "no open gate" in late.err


def test_who_started_the_run_can_not_approve_it_unless_the_gate_says_so(runbook):
    book = runbook.root / "runbooks/restore-settings.yml"
    book.write_text(book.read_text().replace("allow_requester: true, ", ""))
    runbook.write(
        "team.yml",
        "roles: {director: {}, engineering: {}}\n"
        "people: {dana: {name: Dana, roles: [director]}, eli: {name: Eli, roles: [director]}}\n",
    )
    assert runbook(*ASK, "--as", "dana").status == 4
    own = runbook("approve", "last", "declare", "--as", "dana")
    assert own.status == 1
    assert "somebody else must approve" in own.err
    assert runbook("approve", "last", "declare", "--as", "eli").status == 0
    assert runbook("resume", "--yes").status == 0
