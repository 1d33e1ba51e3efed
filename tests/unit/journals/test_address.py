"""The journal's address, and a file that is made safely or refused."""

import os
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import ExitCode, RunbookError
from runbook_engine.model.event import Actor, NoteAdded, RunOpened

URL = "sqlite:///.runbook/journal.db"
ACTOR = Actor(name="dana")
OPENING = RunOpened(runbook="x", inventory="i", mode="live", fingerprint="f", engine_version="1")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def refusal(url, tmp_path, *, create=False, code=ExitCode.JOURNAL):
    with pytest.raises(RunbookError) as caught:
        open_journal(url, project=tmp_path, create=create)
    assert caught.value.exit_code == code
    return f"{caught.value.message} | {caught.value.hint}"


def test_a_new_journal_is_its_owners_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        journal = open_journal(URL, project=tmp_path, create=True)
        journal.open_run("r1", OPENING, ACTOR)
        files = {path.name: mode(path) for path in (tmp_path / ".runbook").iterdir()}
    finally:
        os.umask(before)
    assert files == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert mode(tmp_path / ".runbook") == 0o700
    journal.close()
    assert [path.name for path in (tmp_path / ".runbook").iterdir()] == ["journal.db"]


def test_a_journal_is_durable_by_its_settings(tmp_path):
    journal = open_journal(URL, project=tmp_path, create=True)
    with journal._store.writer.connect() as connection:
        settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in
                    ("journal_mode", "synchronous", "foreign_keys")}  # fmt: skip
    journal.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_missing_journal_is_not_made_by_looking(tmp_path):
    told = refusal(URL, tmp_path, code=ExitCode.USAGE)
    assert "no journal yet" in told
    assert "runbook run" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_was_emptied_is_not_taken_for_a_new_journal(tmp_path, create):
    (tmp_path / "empty.db").touch(0o600)
    told = refusal("sqlite:///empty.db", tmp_path, create=create)
    assert "is empty" in told
    assert "remove it" in told
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_an_absolute_path_is_taken_as_such(tmp_path):
    journal = open_journal(f"sqlite:///{tmp_path}/else where?#%.db", project=tmp_path / "unused", create=True)
    journal.open_run("r1", OPENING, ACTOR)
    journal.close()
    assert (tmp_path / "else where?#%.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["else where?#%.db"]


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o660])
def test_a_journal_open_to_others_is_refused(tmp_path, bits):
    open_journal(URL, project=tmp_path, create=True).close()
    (tmp_path / ".runbook/journal.db").chmod(bits)
    told = refusal(URL, tmp_path)
    assert "open to others" in told
    assert "chmod 600" in told


def test_a_folder_that_others_write_is_refused(tmp_path):
    open_journal(URL, project=tmp_path, create=True).close()
    (tmp_path / ".runbook").chmod(0o770)
    assert "can be written by others" in refusal(URL, tmp_path)


def test_links_folders_and_sockets_are_refused(tmp_path):
    open_journal("sqlite:///real.db", project=tmp_path, create=True).close()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    (tmp_path / "dangling.db").symlink_to(tmp_path / "nowhere.db")
    (tmp_path / "folder.db").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.db"))
    for name in ("link", "dangling", "folder", "s"):
        for create in (False, True):
            assert "not a plain file" in refusal(f"sqlite:///{name}.db", tmp_path, create=create)
    assert not (tmp_path / "nowhere.db").exists()


def test_a_place_where_no_file_can_be_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    assert "can't be made" in refusal("sqlite:///file/journal.db", tmp_path, create=True)


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "journal.db", "", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://rel"]
)
def test_an_unknown_address_is_explained(tmp_path, url):
    assert "looks like sqlite:///" in refusal(url, tmp_path, create=True, code=ExitCode.INVALID)
    assert list(tmp_path.iterdir()) == []


def test_the_password_in_an_address_is_never_shown(tmp_path):
    told = refusal("postgresql://u:hunter2@127.0.0.1:1/db", tmp_path)
    assert "hunter2" not in told
    assert "can't be reached" in told
    assert "hunter2" not in refusal("mysql://u:hunter2@h/db", tmp_path, code=ExitCode.INVALID)
    assert "hunter2" not in refusal("postgresql://u:hunter2@h:notaport/db", tmp_path, code=ExitCode.INVALID)


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    (tmp_path / "text.db").write_bytes(b"I am a letter. " * 100)
    (tmp_path / "text.db").chmod(0o600)
    assert "no SQLite database" in refusal("sqlite:///text.db", tmp_path, create=True)
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE events (a)")
    database.close()
    (tmp_path / "other.db").chmod(0o600)
    assert "is not a journal" in refusal("sqlite:///other.db", tmp_path, create=True)
    with closing(sqlite3.connect(tmp_path / "meta.db")) as database, database:
        database.execute("CREATE TABLE meta (key, value)")
    database.close()
    (tmp_path / "meta.db").chmod(0o600)
    assert "is not a journal" in refusal("sqlite:///meta.db", tmp_path, create=True)


def test_a_newer_journal_is_refused(tmp_path):
    open_journal(URL, project=tmp_path, create=True).close()
    with closing(sqlite3.connect(tmp_path / ".runbook/journal.db")) as database, database:
        database.execute("UPDATE meta SET value = 99 WHERE key = 'schema_version'")
    database.close()
    told = refusal(URL, tmp_path)
    assert "newer version (schema 99" in told
    assert "update" in told


def test_many_processes_may_make_it_at_the_same_second(tmp_path):
    code = (
        "import sys; from pathlib import Path; from runbook_engine.journals.address import open_journal\n"
        "from runbook_engine.model.event import *\n"
        "sys.stdin.readline()\n"
        f"j = open_journal('{URL}', project=Path(sys.argv[1]), create=True)\n"
        "o = RunOpened(runbook='x', inventory='i', mode='live', fingerprint='f', engine_version='1')\n"
        "j.open_run(sys.argv[2], o, Actor(name='x'))\n"
        "[j.append('run-0', [NoteAdded(text='n')], Actor(name='x')) for _ in range(20) if j.head('run-0')]\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), f"run-{n}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for n in range(4)
    ]
    for child in children:
        child.stdin.write(b"\n")
        child.stdin.flush()
    assert [child.communicate()[1].decode()[-500:] for child in children] == [""] * 4
    journal = open_journal(URL, project=tmp_path, create=False)
    assert sorted(head.number for head in journal.runs()) == [1, 2, 3, 4]
    assert journal.verify() == []
    journal.close()


def test_looking_for_a_missing_journal_does_not_import_the_database(tmp_path):
    code = (
        "import sys; from pathlib import Path; import runbook_engine.journals.address, runbook_engine.journals.memory\n"
        "assert 'sqlalchemy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_process_sees_what_was_appended(tmp_path):
    journal = open_journal(URL, project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    other = open_journal(URL, project=tmp_path, create=False)
    assert other.version("r1") == 1
    journal.append("r1", [NoteAdded(text="x")], ACTOR)
    assert other.version("r1") == 2
    journal.close()
    other.close()
