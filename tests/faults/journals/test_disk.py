"""The disk fails, is full, or the process dies at any write: nothing acknowledged is lost, and all is said clearly."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.forks import helper

from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import ExitCode, JournalError, JournalUnavailableError
from runbook_engine.model.event import Actor, AttemptStarted, NoteAdded, RunOpened

ACTOR = Actor(name="dana")
OPENING = RunOpened(runbook="x", inventory="i", mode="live", fingerprint="f", engine_version="1")

# Appends batches, and says after each which sequence number is durable; an error ends it in one line.
WRITER = """
import sys
from pathlib import Path
from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import Actor, NoteAdded, RunOpened
try:
    journal = open_journal("sqlite:///j/journal.db", project=Path(sys.argv[1]), create=True)
    actor = Actor(name="dana")
    if not journal.head("r1"):
        opening = RunOpened(runbook="x", inventory="i", mode="live", fingerprint="f", engine_version="1")
        journal.open_run("r1", opening, actor)
    print(1, flush=True)
    for number in range(4):
        try:
            stored = journal.append("r1", [NoteAdded(text=f"{number} {part}") for part in "ab"], actor)
            print(stored[-1].seq, flush=True)
        except JournalError as error:
            print("refused:", error.message, flush=True)
except JournalError as error:
    print("stopped:", error.message, flush=True)
    sys.exit(error.exit_code)
"""


def strace(tmp_path, folder, inject=""):
    log = tmp_path / "strace.log"
    calls = "fsync,fdatasync,pwrite64"
    more = {"cwd": folder, "env": dict(os.environ), "code": WRITER, "timeout": 60}
    done = helper().traced([str(folder)], calls=calls, inject=inject, log=log, **more)
    return done, log.read_text()


@pytest.fixture(scope="module")
def can_trace():
    if shutil.which("strace") is None:
        pytest.skip("no strace here (Debian: strace)")
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"strace may not trace here: {probe.stderr.decode()[:100]}")


def state(folder):
    # Made anew where the process died before there were tables; anything else that can't be opened fails the test.
    journal = open_journal("sqlite:///j/journal.db", project=folder, create=True)
    try:
        return [stored.seq for stored in journal.read("r1")] if journal.head("r1") else [], journal.verify()
    finally:
        journal.close()


def told(done):
    return max([int(line) for line in done.stdout.splitlines() if line.isdigit()], default=0)


def goes_on(folder):
    """Run the writer once more, undisturbed; it must finish."""
    done = helper().run([str(folder)], cwd=folder, env=dict(os.environ), code=WRITER, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" not in done.stdout
    return told(done)


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_killed_at_any_write_or_sync_nothing_acknowledged_is_lost(tmp_path, can_trace, first):
    (tmp_path / "whole").mkdir()
    done, log = strace(tmp_path, tmp_path / "whole")
    assert (done.returncode, told(done)) == (0, 9)
    calls = [
        (name, number + 1) for name in ("fsync", "fdatasync", "pwrite64") for number in range(log.count(f"{name}("))
    ]
    assert len(calls) > 60
    for place, (name, number) in enumerate(calls[first::4]):
        folder = tmp_path / f"{name}-{number}"
        folder.mkdir()
        done, _ = strace(tmp_path, folder, f"{name}:signal=KILL:when={number}")
        assert done.returncode == -9
        if (folder / "j/journal.db").exists():
            seqs, damages = state(folder)
            assert damages == [], (name, number)
            assert len(seqs) >= told(done), (name, number)
            assert len(seqs) in {0, 1, 3, 5, 7, 9}, "half of a batch must never be seen"
        if place % 3 == 0:
            assert goes_on(folder) == len(seqs or [0]) + 8


# Not 2 and 6: SQLite takes no notice when the sync of a folder fails.
@pytest.mark.parametrize("call", [1, 3, 4, 5, 7, 8, 9, 11])
def test_after_a_failed_sync_nothing_more_is_written(tmp_path, can_trace, call):
    done, log = strace(tmp_path, tmp_path, f"fdatasync:error=EIO:when={call}")
    syncs = [line for line in log.splitlines() if "fdatasync(" in line]
    assert "EIO" in syncs[call - 1]
    lines = done.stdout.splitlines()
    refusals = [line for line in lines if not line.isdigit()]
    assert refusals, lines
    assert "the disk reports an error" in refusals[0] or "write-ahead log" in refusals[0]
    assert all(line.isdigit() is False for line in lines[lines.index(refusals[0]) :]), "wrote again after a failed sync"
    assert done.stderr == ""
    assert goes_on(tmp_path) >= told(done) + 8


def test_a_full_disk_by_any_failing_write_loses_nothing(tmp_path, can_trace):
    for call in (1, 5, 9, 14, 20):
        folder = tmp_path / str(call)
        folder.mkdir()
        done, _ = strace(tmp_path, folder, f"pwrite64:error=ENOSPC:when={call}")
        assert done.stderr == ""
        refusals = [line for line in done.stdout.splitlines() if not line.isdigit()]
        assert refusals == [] or "disk is full" in refusals[0] or "reports an error" in refusals[0], refusals
        if "stopped" in done.stdout:
            assert done.returncode == ExitCode.JOURNAL
        else:
            seqs, damages = state(folder)
            assert (len(seqs) >= told(done), damages) == (True, [])
        goes_on(folder)


def test_when_space_is_free_again_the_same_journal_goes_on(tmp_path):
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    with journal._store.writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalUnavailableError, match="disk is full") as caught:
        journal.append("r1", [NoteAdded(text="x" * 100_000)], ACTOR)
    assert caught.value.exit_code == ExitCode.JOURNAL
    assert "free some space" in caught.value.hint
    assert journal.version("r1") == 1
    with journal._store.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    journal.append("r1", [NoteAdded(text="x" * 100_000)], ACTOR)
    assert journal.version("r1") == 2
    assert journal.verify() == []
    journal.close()


def test_a_really_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k,mode=700", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can be made by root only")
    try:
        journal = open_journal("sqlite:///j.db", project=disk, create=True)
        journal.open_run("r1", OPENING, ACTOR)
        fill = (journal.append("r1", [NoteAdded(text="x" * 20_000)], ACTOR) for _ in range(100))
        with pytest.raises(JournalError, match="disk is full"):
            list(fill)
        written = journal.version("r1")
        assert written > 3
        assert journal.verify() == []
        journal.close()
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        journal = open_journal("sqlite:///j.db", project=disk, create=False)
        journal.append("r1", [NoteAdded(text="again")], ACTOR)
        assert journal.version("r1") == written + 1
        assert journal.verify() == []
        journal.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_journal_that_another_process_holds_is_said(tmp_path, monkeypatch):
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    with journal._store.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    blocker = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalUnavailableError, match="locked by another process"):
        journal.append("r1", [NoteAdded(text="x")], ACTOR)
    assert [stored.seq for stored in journal.read("r1")] == [1], "reading goes on"
    blocker.execute("ROLLBACK")
    blocker.close()
    assert journal.append("r1", [NoteAdded(text="x")], ACTOR)[0].seq == 2
    journal.close()


@pytest.fixture
def filled(tmp_path):
    """A journal's file, closed, and what is in it."""
    folder = tmp_path / "filled"
    journal = open_journal("sqlite:///journal.db", project=folder, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    journal.append("r1", [AttemptStarted(task=f"s@t{n}", number=1, token="t" * 20) for n in range(12)], ACTOR)
    content = [stored.as_json() for stored in journal.read("r1")]
    journal.close()
    return folder / "journal.db", content


def look(folder):
    """Give what a journal still says: ("damaged", …), ("refused", message), or ("fine", content)."""
    try:
        journal = open_journal("sqlite:///journal.db", project=folder, create=False)
    except JournalError as error:
        return "refused", error.message
    try:
        damages = journal.verify()
        return ("damaged", damages) if damages else ("fine", [stored.as_json() for stored in journal.read("r1")])
    except JournalError as error:
        return "refused", error.message
    finally:
        journal.close()


def test_any_flipped_byte_of_the_file_is_found_or_without_effect(filled, tmp_path):
    path, content = filled
    whole = path.read_bytes()
    used = [offset for offset, byte in enumerate(whole) if byte]
    found = 0
    for offset in used[:: max(1, len(used) // 400)]:
        # One of its own each time: what a damaged journal left open may take its log away at any moment.
        folder = tmp_path / f"flipped-{offset}"
        folder.mkdir(mode=0o700)
        changed = bytearray(whole)
        changed[offset] ^= 0x10
        copy = folder / "journal.db"
        copy.write_bytes(changed)
        copy.chmod(0o600)
        verdict, details = look(folder)
        if verdict == "fine":
            assert details == content, offset
        else:
            found += 1
    assert found > 200


def test_a_file_cut_anywhere_is_refused_or_named(filled, tmp_path):
    path, content = filled
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 509), len(whole) - 1]:
        folder = tmp_path / f"cut-{length}"
        folder.mkdir(mode=0o700)
        copy = folder / "journal.db"
        copy.write_bytes(whole[:length])
        copy.chmod(0o600)
        verdict, details = look(folder)
        assert verdict != "fine" or details == content, length


def checkpoint(path):
    """Empty the log into the file; give 0 when no reader held it back."""
    database = sqlite3.connect(path)
    busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    database.close()
    return busy


def test_a_power_loss_leaves_a_beginning_of_what_was_said(tmp_path):
    """The log cut at any byte, or gone: the journal opens at a durable end, each batch whole or not there."""
    source = tmp_path / "source"
    journal = open_journal("sqlite:///journal.db", project=source, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    assert checkpoint(source / "journal.db") == 0
    for number in range(5):
        journal.append("r1", [NoteAdded(text=f"{number} {part}") for part in "abc"], ACTOR)
    content = [stored.as_json() for stored in journal.read("r1")]
    main, log = (source / "journal.db").read_bytes(), (source / "journal.db-wal").read_bytes()
    journal.close()
    seen = set()
    folder = tmp_path / "after"
    for length in [0, *range(1, len(log), 997), len(log)]:
        folder.mkdir(mode=0o700)
        for name, data in (("journal.db", main), ("journal.db-wal", log[:length])):
            (folder / name).write_bytes(data)
            (folder / name).chmod(0o600)
        verdict, details = look(folder)
        assert verdict == "fine", (length, details)
        assert details == content[: len(details)]
        assert len(details) % 3 == 1
        seen.add(len(details))
        shutil.rmtree(folder)
    assert seen == {1, 4, 7, 10, 13, 16}


def test_the_frozen_holder_wakes_and_writes_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path; from runbook_engine.journals.address import open_journal\n"
        "from runbook_engine.journals.holder import this_process\n"
        "from runbook_engine.model.event import *\n"
        "from runbook_engine.model.errors import LeaseError\n"
        "j = open_journal('sqlite:///j.db', project=Path(sys.argv[1]), create=True)\n"
        "lease = j.take_lease('r1', this_process(), 0.2)\n"
        "print('held', flush=True); sys.stdin.readline()\n"
        "try: j.append('r1', [NoteAdded(text='late')], Actor(name='x'), lease=lease); print('wrote')\n"
        "except LeaseError as error: print('refused', error.exit_code)\n"
    )
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "held\n"
    os.kill(child.pid, 19)  # SIGSTOP
    while journal.lease("r1") is not None:
        os.sched_yield()
    from runbook_engine.journals.holder import this_process

    mine = journal.take_lease("r1", this_process(), 30)
    os.kill(child.pid, 18)  # SIGCONT
    assert child.communicate("\n")[0] == "refused 5\n"
    assert journal.append("r1", [NoteAdded(text="mine")], ACTOR, lease=mine)[0].seq == 2
    journal.close()


def test_a_reader_that_stops_reading_holds_nobody_back(tmp_path):
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    journal.append("r1", [NoteAdded(text=str(n)) for n in range(2500)], ACTOR)
    reader = journal.read("r1")
    next(reader)
    journal.append("r1", [NoteAdded(text="later")], ACTOR)
    assert checkpoint(tmp_path / "j.db") == 0
    rest = list(reader)
    assert [stored.seq for stored in rest] == list(range(2, 2503))
    assert json.loads(rest[-1].event.model_dump_json())["text"] == "later"
    journal.close()


def test_a_read_only_file_can_be_read_and_is_said_to_be_no_more(tmp_path):
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=True)
    journal.open_run("r1", OPENING, ACTOR)
    journal.close()
    Path(tmp_path / "j.db").chmod(0o400)
    if os.access(tmp_path / "j.db", os.W_OK):
        pytest.skip("root writes to read-only files, too")
    journal = open_journal("sqlite:///j.db", project=tmp_path, create=False)
    assert journal.verify() == []
    with pytest.raises(JournalError, match="read-only"):
        journal.append("r1", [NoteAdded(text="later")], ACTOR)
    journal.close()
