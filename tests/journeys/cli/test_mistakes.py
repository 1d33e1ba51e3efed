"""Every mistake ends in one clear message and the documented exit code."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("rnu",), 2, "did you mean 'run'"),
        (("run",), 2, "NAME"),
        (("run", "restore-settings", "--forks", "0"), 2, "--forks"),
        (("run", "restore-setings", "--dry-run"), 3, 'did you mean "restore-settings"'),
        (("run", "restore-settings", "-i", "locl", "--dry-run"), 3, 'did you mean "local"'),
        (("run", "restore-settings", "--dry-run", "-e", "aks=true"), 3, 'did you mean "ask"'),
        (("run", "restore-settings", "--dry-run", "-e", "ask=perhaps"), 3, "ask"),
        (("run", "restore-settings", "--dry-run", "--drill"), 2, "exclude each other"),
        (("run", "restore-settings", "--drill", "--yes"), 3, "runbook_drill"),
        (("run", "restore-settings", "--yes", "--skip", "verify"), 2, "--reason"),
        (("run", "restore-settings", "--yes", "--skip", "verfy", "--reason", "x"), 3, "verfy"),
        (("run", "restore-settings"), 2, "--yes"),
        (("status", "last"), 2, "no journal yet"),
        (("resume",), 2, "no journal yet"),
        (("schema", "-o", "no/such/folder/x.json"), 2, "can't be written"),
    ],
)
def test_wrong_usage(runbook, words, status, says):
    called = runbook(*words)
    assert called.status == status, called.err
    assert says in called.err
    assert called.out == ""
    assert not (runbook.root / ".runbook/example-app").exists()


def test_a_runbook_that_is_not_there_is_a_finding(runbook):
    called = runbook("validate", "no-such-thing")
    assert (called.status, "error RB001: there is no runbook 'no-such-thing'" in called.out) == (3, True)
    assert "there are: restore-settings" in called.out


def test_outside_a_project_it_says_how_to_make_one(runbook, tmp_path):
    called = runbook("validate", cwd=tmp_path)
    assert called.status == 2
    assert "runbook init" in called.err


def test_unknown_runs_are_refused_with_a_hint(runbook):
    runbook("run", "restore-settings", "--dry-run")
    runbook("run", "restore-settings", "--dry-run")
    unknown = runbook("report", "19990101")
    assert unknown.status == 2
    assert "there is no run '19990101'" in unknown.err
    ambiguous = runbook("report", "2")
    assert ambiguous.status == 2
    assert "2 runs begin with '2'" in ambiguous.err


def test_an_invalid_runbook_is_refused_with_every_finding_in_place(runbook):
    runbook.write(
        "runbooks/broken.yml",
        "runbook: broken\nsteps:\n"
        "  - id: one\n    comand.run: {argv: [ls]}\n"
        "  - id: two\n    needs: [oen]\n    command.run: {argv: [ls]}\n",
    )
    for words in (("run", "broken", "--yes"), ("validate", "broken")):
        called = runbook(*words)
        assert called.status == 3
        shown = called.out + called.err
        assert "runbooks/broken.yml:4:5" in shown
    found = runbook("validate", "broken", "--format", "json")
    assert found.status == 3
    assert {item["line"] for item in found.json} >= {4}


def test_a_broken_configuration_is_a_finding_too(runbook):
    runbook.write("runbook.toml", "forks = many\n")
    found = runbook("validate", "--format", "json")
    assert found.status == 3
    assert (found.json[0]["file"], found.json[0]["line"]) == ("runbook.toml", 1)
    assert runbook("run", "restore-settings", "--dry-run").status == 3


@pytest.mark.parametrize("address", ["nosuch://x", "sqlite:///"])
def test_a_journal_that_no_command_could_open_is_found_by_validate(runbook, address):
    runbook.write("runbook.toml", f"journal = '{address}'\n")
    told = runbook("validate")
    assert told.status == 3
    assert "runbook.toml: journal:" in told.err


@pytest.mark.parametrize("words", [("runs",), ("validate",), ("doctor",), ("init", ".")])
def test_a_folder_that_is_gone_is_the_users_mistake(runbook, tmp_path, words):
    script = f'mkdir gone; cd gone; rmdir ../gone; exec "{sys.executable}" -m runbook_engine.cli.main "$@"'
    told = subprocess.run(["sh", "-c", script, "sh", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "the current folder is gone" in told.stderr


@pytest.mark.parametrize(("deep", "status"), [(200, 0), (201, 1), (3000, 1)])
def test_output_nested_too_deep_fails_its_step_and_leaves_no_doubt(runbook, deep, status):
    shell = f"printf '[%.0s' $(seq {deep}); printf ']%.0s' $(seq {deep})"
    runbook.write(
        "runbooks/deep.yml",
        f'runbook: deep\nsteps:\n  - id: a\n    command.run: {{shell: "{shell}", parse: json}}\n',
    )
    ran = runbook("run", "deep", "--yes")
    assert ran.status == status, ran.err
    assert "in doubt" not in ran.err
    assert ("nested too deep" in ran.err) == (status == 1)


def test_a_failed_run_ends_with_1_and_can_be_resumed_when_mended(runbook):
    script = runbook.root / "runbooks/scripts/activate.sh"
    good = script.read_text()
    script.write_text("#!/bin/sh\nexit 7\n")
    failed = runbook("run", "restore-settings", "--yes", "--output", "json")
    assert failed.status == 1
    assert (failed.json["status"], failed.json["counts"]["blocked"]) == ("failed", 1)
    assert "runbook resume" in failed.err
    script.write_text(good)
    resumed = runbook("resume", "--yes", "--output", "json")
    assert resumed.status == 0, resumed.err
    assert resumed.json["status"] == "succeeded"


def test_skipped_steps_keep_their_reasons(runbook):
    ran = runbook(
        "run", "restore-settings", "--yes", "--output", "json",
        "--skip", "activate", "--reason", "done by hand", "--skip", "verify", "--reason", "in a hurry",
    )  # fmt: skip
    assert ran.status == 0
    reasons = {step["id"]: step["tasks"][0]["reason"] for step in ran.json["steps"]}
    assert (reasons["activate"], reasons["verify"]) == ("done by hand", "in a hurry")


def test_a_changed_journal_is_found_out_and_the_event_named(runbook):
    runbook("run", "restore-settings", "--yes")
    assert runbook("audit", "verify").status == 0
    with closing(sqlite3.connect(runbook.root / ".runbook/journal.db")) as store, store:
        store.execute("UPDATE events SET body = replace(body, 'changed', 'skipped') WHERE kind = 'attempt.finished'")
    store.close()
    verified = runbook("audit", "verify", "--output", "json")
    assert verified.status == 6
    assert verified.json["intact"] is False
    assert verified.json["damages"][0]["seq"] > 0
    assert runbook("doctor").status == 1


def test_a_journal_open_to_others_is_refused(runbook):
    runbook("run", "restore-settings", "--dry-run")
    (runbook.root / ".runbook/journal.db").chmod(0o644)
    refused = runbook("runs")
    assert refused.status == 6
    assert "chmod 600" in refused.err


def test_a_plan_that_changed_is_not_resumed_unless_told_so(runbook):
    runbook("run", "restore-settings", "-e", "ask=true", "--yes")
    runbook("approve", "last", "declare", "--as", "dana")
    path = runbook.root / "runbooks/restore-settings.yml"
    path.write_text(path.read_text().replace("timeout: 1m", "timeout: 2m"))
    refused = runbook("resume", "--yes")
    assert refused.status == 3
    assert "--accept-changes" in refused.err
    assert "activate" in refused.err


def test_what_a_host_says_can_not_play_with_the_terminal(runbook):
    runbook.write(
        "runbooks/hostile.yml",
        "runbook: hostile\nsteps:\n  - id: shout\n    command.run:\n"
        "      shell: \"printf '\\\\033[2J\\\\342\\\\200\\\\256evil' >&2; exit 3\"\n",
    )
    called = runbook("run", "hostile", "--yes")
    assert called.status == 1
    for text in (called.err, called.out, runbook("audit", "log", "last").out, runbook("status").out):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_rules_weigh_what_the_project_says(runbook):
    runbook.write("runbooks/waits.yml", "runbook: waits\nsteps:\n  - {id: w, wait.for: {port: 80}}\n")
    assert "warning RB262" in runbook("validate", "waits").out
    config = (runbook.root / "runbook.toml").read_text()
    for weight, status, words in (("error", 3, "error RB262"), ("off", 0, ""), ("warning", 0, "warning RB262")):
        runbook.write("runbook.toml", f'{config}\n[rules]\nRB262 = "{weight}"\n')
        done = runbook("validate", "waits")
        assert (done.status, words in done.out, "RB262" in done.out) == (status, True, bool(words))
    for rule, words in (("RB204", "only be put right"), ("RB999", "no such rule"), ("RB240", "only be put right")):
        runbook.write("runbook.toml", f'{config}\n[rules]\n{rule} = "off"\n')
        done = runbook("validate")
        assert (done.status, words in done.out, "runbook.toml:" in done.out) == (3, True, True)
