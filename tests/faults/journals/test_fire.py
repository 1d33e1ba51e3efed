"""The journal of a running engine loses its disk, its file, or its contents: one clear message, exit code 6, no guess.

Real processes on real file systems; the small and the read-only ones can be made by root only, and are skipped else.
"""

import json
import os
import shutil
import subprocess

import pytest

from runbook_engine.cli.main import run_cli
from runbook_engine.journals import file
from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import ExitCode, JournalError
from runbook_engine.model.event import Actor, NoteAdded, RunOpened

pytestmark = pytest.mark.timeout(180)

ACTOR = Actor(name="dana")
OPENING = RunOpened(runbook="x", inventory="i", mode="live", fingerprint="f", engine_version="1")
BOOK = """\
runbook: book
steps:
  - id: work
    command.run: {shell: 'echo work >> ledger; echo > begun; read word < go', cwd: ROOT}
  - id: after
    needs: [work]
    command.run: {shell: 'echo after >> ledger', cwd: ROOT}
"""


@pytest.fixture
def disk(tmp_path):
    """A disk of 700 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=700k,mode=700", "none", str(place)]
    if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can be made by root only")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def project(runbook):
    for pipe in ("begun", "go"):
        os.mkfifo(runbook.root / pipe)
    runbook.write("runbooks/book.yml", BOOK.replace("ROOT", str(runbook.root)))
    return runbook


def begin(project, **environment):
    """Start a run, and come back when its first command has begun."""
    process = project.start("run", "book", "--yes", **environment)
    with (project.root / "begun").open() as pipe:
        pipe.read()
    return process


def go(project):
    with (project.root / "go").open("w") as pipe:
        pipe.write("go\n")


def ledger(project):
    return (project.root / "ledger").read_text().split()


def fill(disk):
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_a_disk_that_is_full_for_a_while_holds_the_run_back(project, disk):
    process = begin(project, RUNBOOK_JOURNAL=f"sqlite:///{disk}/j.db")
    fill(disk)
    go(project)
    for line in process.stderr:
        if "nothing new is started" in line:
            break
    assert "disk is full" in line
    assert ledger(project) == ["work"]
    (disk / "ballast").unlink()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert ledger(project) == ["work", "after"]


@pytest.mark.slow
def test_a_disk_that_stays_full_ends_the_run_which_can_be_resumed(project, disk):
    environment = {"RUNBOOK_JOURNAL": f"sqlite:///{disk}/j.db"}
    process = begin(project, **environment)
    fill(disk)
    go(project)
    _, told = process.communicate(timeout=120)
    assert process.returncode == ExitCode.JOURNAL, told
    assert "disk is full" in told
    assert "runbook resume" in told
    assert "Traceback" not in told
    assert ledger(project) == ["work"], "nothing is started without its record"
    (disk / "ballast").unlink()
    resumed = project("resume", "--yes", **environment)
    assert resumed.status == 0, resumed.err
    assert ledger(project) == ["work", "after"], "what ended without a record was found to have ended"
    assert project("audit", "verify", **environment).status == 0


def test_a_full_disk_before_the_run(project, disk):
    fill(disk)
    called = project("run", "book", "--yes", RUNBOOK_JOURNAL=f"sqlite:///{disk}/j.db")
    assert called.status == ExitCode.JOURNAL, called.err
    assert "No space left" in called.err or "disk is full" in called.err
    assert not (project.root / "ledger").exists()


def test_a_read_only_file_system(project, disk):
    environment = {"RUNBOOK_JOURNAL": f"sqlite:///{disk}/j.db"}
    assert project("run", "restore-settings", "--yes", **environment).status == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused = project("run", "book", "--yes", **environment)
    assert refused.status == ExitCode.JOURNAL, refused.err
    assert str(disk / "j.db") in refused.err
    assert not (project.root / "ledger").exists()
    for words in (("status",), ("runs",), ("report", "last"), ("audit", "verify"), ("audit", "log", "last")):
        looked = project(*words, **environment)
        assert looked.status == 0, looked.err
        assert looked.out


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_journal_that_is_taken_away_while_it_is_written(project, how):
    process = begin(project)
    place = project.root / ".runbook/journal.db"
    kept = place.with_name("kept.db")
    if how == "replaced":
        shutil.copy(place, kept)
        kept.replace(place)
        os.link(place, kept)
    else:
        os.link(place, kept)
        place.unlink()
    go(project)
    _, told = process.communicate(timeout=120)
    assert process.returncode == ExitCode.JOURNAL, told
    assert f"was {how}" in told
    assert "Traceback" not in told
    assert ledger(project) == ["work"], "nothing is started whose record would be lost"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small journal in one file, and what it says."""
    folder = tmp_path_factory.mktemp("written")
    journal = open_journal("sqlite:///journal.db", project=folder, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    for number in range(12):
        journal.append("r1", [NoteAdded(text=f"note {number} " + "x" * 400)], ACTOR)
    journal.close()
    return (folder / "journal.db").read_bytes()


def test_cut_at_any_byte_no_command_guesses(written, tmp_path, monkeypatch, capsys):
    """Every 4096 bytes is a page of the database: its ends exactly, and places within."""
    project = tmp_path / "project"
    (project / ".runbook").mkdir(parents=True, mode=0o700)
    (project / "runbook.toml").write_text("")
    monkeypatch.chdir(project)
    place = project / ".runbook/journal.db"

    def call(*words):
        status = run_cli([*words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out, said.err

    place.write_bytes(written)
    place.chmod(0o600)
    whole = json.loads(call("status", "--output", "json")[1])
    assert call("audit", "verify")[0] == 0
    pages = range(0, len(written), 4096)
    lengths = sorted({0, 1, 15, 99, 100, *pages, *(page - 1 for page in pages if page), *range(600, len(written), 509)})
    codes = set()
    # Nobody makes the file anew at this moment, so there is nothing to wait for.
    monkeypatch.setattr(file, "_MAKING_SECONDS", 0.0)
    for length in lengths:
        for left in (*place.parent.glob("journal.db-*"),):
            left.unlink()
        place.write_bytes(written[:length])
        place.chmod(0o600)
        status, out, err = call("status", "--output", "json")
        assert status == ExitCode.JOURNAL or json.loads(out) == whole, (length, status, out, err)
        assert status != ExitCode.JOURNAL or "journal" in err, (length, err)
        verified, out, err = call("audit", "verify")
        assert verified == ExitCode.JOURNAL, (length, "a journal that was cut verifies", out)
        codes.add(status)
    assert codes >= {ExitCode.JOURNAL}


def test_a_folder_that_others_may_write_is_refused_from_then_on(project):
    assert project("run", "restore-settings", "--yes").status == 0
    (project.root / ".runbook").chmod(0o777)
    refused = project("run", "book", "--yes")
    assert refused.status == ExitCode.JOURNAL
    assert "chmod" in refused.err
    (project.root / ".runbook").chmod(0o700)
    (project.root / ".runbook/journal.db").chmod(0o644)
    refused = project("status")
    assert refused.status == ExitCode.JOURNAL
    assert "chmod 600" in refused.err
    assert not (project.root / "ledger").exists()


def test_a_journal_that_was_removed_is_not_silently_begun_anew_by_its_user(tmp_path):
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    (tmp_path / "j.db").unlink()
    with pytest.raises(JournalError, match="was removed while it was in use"):
        journal.append("r1", [NoteAdded(text="lost")], ACTOR)
    with pytest.raises(JournalError, match="was removed"):
        journal.version("r1")
    journal.close()


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_write_ahead_log_that_was_taken_away_in_use_is_noticed(tmp_path, how):
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r", OPENING, ACTOR)
    journal.append("r", [NoteAdded(text="one")], ACTOR)
    log = tmp_path / "j.db-wal"
    assert log.stat().st_size > 0
    log.unlink()
    if how == "replaced":
        log.write_bytes(b"")
    with pytest.raises(JournalError, match=f"j.db-wal was {how}") as caught:
        journal.append("r", [NoteAdded(text="two")], ACTOR)
    assert ("all that was recorded is in the journal's file" in caught.value.hint) == (how == "removed")
    journal.close()
    if how == "removed":
        again = open_journal("sqlite:///j.db", project=tmp_path, create=False)
        assert [stored.event.kind for stored in again.read("r")] == ["run.opened", "note.added"]
        assert again.verify() == []
        again.close()
