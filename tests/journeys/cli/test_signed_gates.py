"""Signed answers to gates: from the person's key to the auditor who trusts nothing but ssh-keygen."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support.at_terminal import at_terminal
from support.person_keys import agent_with, make_key

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/signed-approvals.md"
ASK = ("run", "restore-settings", "-e", "ask=true", "--yes")


@pytest.fixture
def key(runbook, tmp_path):
    key = make_key(tmp_path / "home" / ".ssh", name="id_ed25519")
    team(runbook, key.line)
    path = runbook.root / "runbooks/restore-settings.yml"
    text = path.read_text()
    path.write_text(text.replace("gate.approval: {", "gate.approval: {signed: true, "))
    return key


def team(runbook, *lines):
    runbook.write(
        "team.yml",
        "roles: {director: {}, engineering: {}}\n"
        f"people: {{dana: {{name: Dana, roles: [director, engineering], ssh_keys: {json.dumps(list(lines))}}}}}\n",
    )


def kinds(runbook):
    return [event["event"]["kind"] for event in runbook("audit", "log", "last", "--output", "json").json]


def test_an_answer_must_be_signed_where_the_gate_asks_for_it(runbook, key, tmp_path):
    home = str(tmp_path / "home")
    stopped = runbook(*ASK)
    assert stopped.status == 4
    assert "declare --sign --as PERSON" in stopped.err
    unsigned = runbook("approve", "last", "declare", "--as", "dana")
    assert unsigned.status == 1
    assert "asks for a signed answer" in unsigned.err
    assert "--sign" in unsigned.err
    assert kinds(runbook)[-1] == "gate.refused"
    approved = runbook("approve", "last", "declare", "--as", "dana", "--sign", HOME=home, SSH_AUTH_SOCK="")
    assert approved.status == 0, approved.err
    assert f"signed with {key.fingerprint}" in approved.err
    resumed = runbook("resume", "--yes", "--output", "json")
    assert resumed.status == 0, resumed.err
    assert [answer["signed"] for answer in resumed.json["gates"][0]["answers"]] == [False, True]
    assert runbook("audit", "verify").status == 0


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here, which the page's commands use")
def test_an_auditor_verifies_with_openssh_alone(runbook, key, tmp_path):
    runbook(*ASK)
    runbook("approve", "last", "declare", "--as", "dana", "--key", str(key.path), "--reason", "by phöne")
    verified = offline(runbook, tmp_path)
    assert verified.returncode == 0, verified.stderr
    assert f'Good "runbook-approval" signature for dana with ED25519 key {key.fingerprint}' in verified.stdout
    said = json.loads((tmp_path / "statement").read_text())
    assert (said["person"], said["decision"], said["reason"]) == ("dana", "approved", "by phöne")


def offline(runbook, tmp_path):
    """Run the commands that the page gives an auditor, word by word."""
    event = runbook("audit", "log", "last", "--output", "ndjson")
    (tmp_path / "log.ndjson").write_text(event.out)
    script = re.search(r"```sh auditor\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    script = script.replace("runbook audit log RUN --output ndjson", f"cat {shlex.quote(str(tmp_path / 'log.ndjson'))}")
    return subprocess.run(["sh", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("way", ["file", "agent"])
def test_the_key_may_be_named_or_stand_in_an_agent(runbook, key, tmp_path, way):
    runbook(*ASK)
    if way == "file":
        done = runbook("decline", "last", "declare", "--as", "dana", "--key", str(key.path), SSH_AUTH_SOCK="")
    else:
        with agent_with(key) as agent:
            done = runbook(
                "decline", "last", "declare", "--as", "dana", "--sign", HOME=str(tmp_path), SSH_AUTH_SOCK=agent
            )
    assert done.status == 0, done.err
    assert runbook("resume", "--yes").status == 1
    assert runbook("audit", "verify").status == 0


def test_what_can_not_sign_is_said_and_nothing_is_recorded(runbook, key, tmp_path):
    runbook(*ASK)
    before = kinds(runbook)
    foreign = make_key(tmp_path / "foreign")
    for words, told in (
        (("--key", str(foreign.path)), "is no key of dana in team.yml"),
        (("--key", str(tmp_path / "none")), "is not there"),
        (("--key", str(runbook.root / "team.yml")), "is no SSH key"),
        (("--sign",), "none of the keys that count is here"),
    ):
        done = runbook("approve", "last", "declare", "--as", "dana", *words, HOME=str(tmp_path), SSH_AUTH_SOCK="")
        assert done.status == 1
        assert told in done.err
    team(runbook, foreign.line)
    changed = runbook("approve", "last", "declare", "--as", "dana", "--key", str(foreign.path), SSH_AUTH_SOCK="")
    assert "not the ones that it had when the gate opened" in changed.err
    team(runbook)
    none = runbook("approve", "last", "declare", "--as", "dana", "--sign", SSH_AUTH_SOCK="")
    assert "has no ssh_keys of dana" in none.err
    assert kinds(runbook) == before


def test_a_signature_that_was_exchanged_in_the_journal_is_found(runbook, key, tmp_path):
    """Somebody with the database at hand can make the chain fit again; the signature they can't."""
    from runbook_engine.journals.chain import seal

    runbook(*ASK)
    runbook("approve", "last", "declare", "--as", "dana", "--key", str(key.path), "--reason", "by phone")
    with closing(sqlite3.connect(runbook.root / ".runbook/journal.db")) as database, database:
        run, seq, time, actor, body, previous = database.execute(
            "SELECT run, seq, time, actor, body, previous FROM events WHERE kind = 'gate.approved'"
        ).fetchone()
        forged = body.replace('"reason":"by phone"', '"reason":"in writing"')
        digest = seal(run, seq, time, actor, forged, previous)
        database.execute("UPDATE events SET body = ?, hash = ? WHERE run = ? AND seq = ?", (forged, digest, run, seq))
        database.execute("UPDATE runs SET head_hash = ? WHERE id = ?", (digest, run))
    database.close()
    verified = runbook("audit", "verify")
    assert verified.status == 6
    assert f"event {seq} of {run}: signature: the answer of dana" in verified.out
    assert runbook("resume", "--yes").status == 4, "and it lets nothing go on"


def test_a_locked_key_is_opened_at_the_terminal_and_its_passphrase_stays_unseen(runbook, tmp_path, key):
    locked = make_key(tmp_path / "locked", passphrase="correct horse")
    team(runbook, locked.line)
    shown, status = at_terminal(runbook, *ASK, "--as", "dana", answers=[("--sign", "\x03")])
    assert "declare asks for a signed answer. From another terminal: runbook approve" in shown
    assert status == 130
    approve = ("approve", "last", "declare", "--as", "dana", "--key", str(locked.path))
    nobody = runbook(*approve, SSH_AUTH_SOCK="")
    assert nobody.status == 1
    assert "nobody is here to ask" in nobody.err
    shown, status = at_terminal(runbook, *approve, answers=[("Passphrase of", "correct horse\n")], SSH_AUTH_SOCK="")
    assert status == 0, shown
    assert f"signed with {locked.fingerprint}" in shown
    assert "correct horse" not in shown
    assert runbook("resume", "--yes").status == 0
