"""`runbook journal`: made, checked, brought up to date, copied; what other commands say of a journal they can't use."""

import re
import sqlite3

import pytest

from runbook_engine.journals.address import open_journal
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import ExitCode

FILE = ".runbook/journal.db"


def change(runbook, statement):
    database = sqlite3.connect(runbook.root / FILE)
    with database:
        database.execute(statement)
    database.close()


@pytest.fixture
def with_a_run(runbook):
    assert runbook("run", "restore-settings", "--yes").status == 0
    return runbook


def test_made_checked_and_made_again(runbook):
    nothing = runbook("journal", "check")
    assert nothing.status == ExitCode.USAGE
    assert "no journal yet" in nothing.err
    for said in ("made", "there already"):
        made = runbook("journal", "init")
        assert made.status == 0
        assert said in made.err
    assert (runbook.root / FILE).stat().st_mode & 0o777 == 0o600
    looked = runbook("journal", "check", "--output", "json")
    assert looked.status == 0
    assert looked.json["ok"] is True
    assert [look["name"] for look in looked.json["checks"]] == ["version", "tables", "rights", "leases"]
    assert runbook("run", "restore-settings", "--yes").status == 0
    assert runbook("audit", "verify").status == 0


def test_what_makes_no_sense_is_refused(runbook):
    roles = runbook("journal", "init", "--app-role", "app")
    assert roles.status == ExitCode.USAGE
    assert "no roles" in roles.err
    assert runbook("journal", "init", "--print-grants").status == ExitCode.USAGE
    nowhere = runbook("journal", "copy", "mysql://x")
    assert nowhere.status in {ExitCode.USAGE, ExitCode.INVALID}


def test_rights_are_printed_for_who_may_give_them(runbook):
    words = ("--app-role", "runbook_app", "--reader-role", "auditor", "--worker-role", "far")
    printed = runbook("journal", "init", *words, "--print-grants")
    assert printed.status == 0
    assert 'GRANT SELECT, INSERT ON "public".events TO "runbook_app";' in printed.out.splitlines()
    assert 'GRANT SELECT ON "public".events TO "auditor";' in printed.out.splitlines()
    assert 'GRANT INSERT ON "public".queue_outputs TO "far";' in printed.out.splitlines()
    assert 'REVOKE ALL ON "public".events FROM "far";' in printed.out.splitlines()
    assert not (runbook.root / FILE).exists()


@pytest.mark.parametrize(("version", "told"), [(3, "runbook journal upgrade"), (99, "update runbook-engine")])
def test_a_journal_of_another_version_is_refused_by_every_command(with_a_run, version, told):
    runbook = with_a_run
    change(runbook, f"UPDATE meta SET value = {version} WHERE key = 'schema_version'")
    for words in (
        ("run", "restore-settings", "--yes"),
        ("run", "restore-settings", "--dry-run"),
        ("resume", "--yes"),
        ("status",),
        ("runs",),
        ("runs", "prune", "--keep", "1", "--yes", "--reason", "r"),
        ("report", "last"),
        ("audit", "verify"),
        ("audit", "log", "last"),
        ("watch", "last"),
        ("pause", "last"),
        ("journal", "check"),
        ("journal", "init"),
        ("journal", "copy", "sqlite:///copy.db"),
    ):
        refused = runbook(*words)
        assert refused.status == ExitCode.JOURNAL, (words, refused.err)
        assert re.search(rf"schema {version}\b", refused.err), (words, refused.err)
        assert told in refused.err, (words, refused.err)
    assert "schema" in runbook("doctor").out
    assert not (runbook.root / "copy.db").exists()


def test_an_upgrade_goes_on_with_what_is_there(with_a_run):
    runbook = with_a_run
    before = runbook("audit", "log", "last", "--output", "json").json
    change(runbook, "DROP TABLE alembic_version")
    change(runbook, "DROP TABLE live_output")
    change(runbook, "UPDATE meta SET value = 3 WHERE key = 'schema_version'")
    done = runbook("journal", "upgrade")
    assert done.status == 0, done.err
    assert re.search(r"from schema 3 to \d+", done.err)
    assert "up to date" in runbook("journal", "upgrade").err
    assert runbook("audit", "log", "last", "--output", "json").json == before
    assert runbook("audit", "verify").status == 0
    assert runbook("run", "restore-settings", "--yes").status == 0


def test_neither_upgraded_nor_copied_while_somebody_is_at_work(with_a_run):
    runbook = with_a_run
    journal = open_journal(f"sqlite:///{FILE}", project=runbook.root, create=False)
    journal.take_lease("run:somewhere", this_process(), 60)
    change(runbook, "UPDATE meta SET value = value")
    copied = runbook("journal", "copy", "sqlite:///copy.db")
    assert copied.status == ExitCode.LEASED
    assert "run:somewhere is held by" in copied.err
    looked = runbook("journal", "check")
    assert looked.status == 0
    assert "note   leases: run:somewhere by" in looked.out
    change(runbook, "UPDATE meta SET value = 4 WHERE key = 'schema_version'")
    assert runbook("journal", "upgrade").status == ExitCode.LEASED
    journal.close()


def test_copied_and_gone_on_with(with_a_run):
    runbook = with_a_run
    done = runbook("journal", "copy", "sqlite:///elsewhere/copy.db", "--output", "json")
    assert done.status == 0, done.err
    assert done.json["runs"] == 1
    there = {"RUNBOOK_JOURNAL": "sqlite:///elsewhere/copy.db"}
    head = runbook("audit", "verify", "--output", "json").json
    assert runbook("audit", "verify", "--output", "json", **there).json == head
    assert runbook("run", "restore-settings", "--yes", **there).status == 0
    assert len(runbook("runs", "--output", "json", **there).json) == 2
    assert len(runbook("runs", "--output", "json").json) == 1
    again = runbook("journal", "copy", "sqlite:///elsewhere/copy.db")
    assert again.status == ExitCode.USAGE
    assert "left as it is" in again.err


def test_a_changed_table_is_found_and_a_changed_record_is_not_copied(with_a_run):
    runbook = with_a_run
    change(runbook, "UPDATE events SET body = replace(body, 'changed', 'skipped') WHERE kind = 'attempt.finished'")
    copied = runbook("journal", "copy", "sqlite:///copy.db")
    assert copied.status == ExitCode.JOURNAL
    assert "does not verify" in copied.err
    assert not (runbook.root / "copy.db").exists()
    change(runbook, "ALTER TABLE runs ADD COLUMN more TEXT")
    looked = runbook("journal", "check")
    assert looked.status == ExitCode.FAILED
    assert "wrong  tables:" in looked.out
