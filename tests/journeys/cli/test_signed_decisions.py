"""Signed answers to manual tasks, and signed decisions about tasks that failed or are in doubt."""

import pytest
from support.at_terminal import at_terminal
from support.person_keys import make_key

from .test_signed_gates import kinds, offline, team

BOOK = """\
runbook: signs
steps:
  - {id: call, manual.task: {roles: [engineering], instructions: Call the provider., signed: true}}
  - {id: probe, on_failure: hold, command.run: {argv: [test, -e, "@ROOT@/there"]}}
"""


@pytest.fixture
def signs(runbook, tmp_path):
    key = make_key(tmp_path / "home" / ".ssh", name="id_ed25519")
    team(runbook, key.line)
    runbook.write("runbooks/signs.yml", BOOK.replace("@ROOT@", str(runbook.root)))
    stopped = runbook("run", "signs", "--yes")
    assert stopped.status == 4
    assert "pass|fail --sign --as PERSON" in stopped.err
    return runbook, key


def test_a_manual_task_that_asks_for_it_takes_no_unsigned_answer(signs, tmp_path):
    runbook, key = signs
    answer = ("answer", "last", "call", "pass", "--as", "dana", "--note", "ticket 4711")
    unsigned = runbook(*answer)
    assert unsigned.status == 1
    assert "--sign" in unsigned.err
    assert kinds(runbook)[-1] == "gate.refused"
    signed = runbook(*answer, "--sign", HOME=str(tmp_path / "home"), SSH_AUTH_SOCK="")
    assert signed.status == 0, signed.err
    assert f"signed with {key.fingerprint}" in signed.err
    assert offline(runbook, tmp_path).returncode == 0
    assert runbook("skip", "last", "probe", "--reason", "known").status == 0
    resumed = runbook("resume", "--yes", "--output", "json")
    assert resumed.status == 0, resumed.err
    (gate,) = resumed.json["gates"]
    assert [(one["said"], one["role"], one["signed"]) for one in gate["answers"]] == [
        ("refused", "", False),
        ("passed", "engineering", True),
    ]
    assert runbook("audit", "verify").status == 0


def test_a_decision_says_who_as_what_over_which_plan_and_its_signature_is_verified(signs, tmp_path):
    runbook, key = signs
    decided = runbook("skip", "last", "probe", "--as", "dana", "--key", str(key.path), "--reason", "the page lags")
    assert decided.status == 0, decided.err
    assert f"signed with {key.fingerprint}" in decided.err
    assert "Good" in offline(runbook, tmp_path).stdout
    assert runbook("abort", "last", "--as", "dana", "--reason", "enough").status == 0
    report = runbook("report", "last", "--format", "json").json
    told = {one["kind"]: one for one in report["deviations"]}
    assert set(told) == {"skip", "abort"}
    for one in told.values():
        assert (one["who"], one["roles"], one["fingerprint"]) == (
            "dana", ["director", "engineering"], report["fingerprint"],
        )  # fmt: skip
        assert one["by"]["os_user"]
        assert one["by"]["host"]
    assert [told[kind]["signed"] for kind in ("skip", "abort")] == [True, False]
    assert "dana as director, engineering, signed" in runbook("report", "last", "--format", "md").out
    assert runbook("audit", "verify").status == 0


def test_the_terminal_names_the_command_for_an_answer_that_must_be_signed(signs):
    runbook, _ = signs
    shown, status = at_terminal(runbook, "resume", "--yes", "--as", "dana", answers=[("--sign --as dana", "\x03")])
    assert "call is to be done by hand, and its answer signed." in shown
    assert status == 130
