"""A journal copied to another database: the same chains, all of it or nothing, and nothing in the place of another."""

import hashlib
import re
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from runbook_engine.app.keep_journal import copy_journal
from runbook_engine.app.project import OpenProject
from runbook_engine.journals.address import open_database, open_journal
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.new_file import new_file
from runbook_engine.journals.sql_admin import JournalDatabase
from runbook_engine.model.config import Config, Project
from runbook_engine.model.errors import ExitCode, InvalidInputError, JournalError, LeaseError, UsageError
from runbook_engine.model.event import AttemptFinished, AttemptStarted, NoteAdded, RunClosed
from runbook_engine.model.outcome import Outcome

OUT = b"line\n" * 1000


class Place:
    """A project whose journal is an SQLite file, and places that its journal can be copied to."""

    def __init__(self, root, server):
        self.root, self.server = root, server
        self.home = f"sqlite:///{root / 'journal.db'}"
        self.project = OpenProject(Project(root=root, config=Config(journal=self.home)))

    def empty(self, kind, *, made=False):
        if kind == "sqlite":
            return f"sqlite:///{self.root / 'other' / 'copy.db'}"
        return self.server.url(self.server.new_journal() if made else self.server.new_database(), "journal_owner")

    def open(self, address=None):
        return open_journal(address or self.home, project=self.root, create=address is None)

    def change(self, statement, address=None):
        database = open_database(address or self.home, project=self.root)
        with database.writing() as connection:
            connection.execute(text(statement))
        database.close()

    def all_of(self, address=None):
        """Give everything that a journal tells."""
        journal = self.open(address)
        heads = journal.runs() + journal.monitor_records()
        told = {head.id: list(journal.sealed(head.id)) for head in heads if not head.pruned}
        outputs = journal.output("r3", "a@h", 1)
        found = (heads, told, outputs, journal.prunings(), journal.tally("r3"))
        assert journal.verify() == []
        journal.close()
        return found


@pytest.fixture
def place(tmp_path, postgres):
    return Place(tmp_path, postgres)


@pytest.fixture
def written(place, opening, actor):
    """Three runs: one pruned, one closed, one cut off with a lease that was given back."""
    journal = place.open()
    for run in ("r1", "r2", "r3"):
        journal.open_run(run, opening, actor)
        journal.append(run, [AttemptStarted(task="a@h", number=1, token="t", parameters="p")], actor)
        digest = {"stdout": hashlib.sha256(OUT).hexdigest()}
        outcome = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, seconds=1.0, output_digest=digest)
        journal.append(run, [outcome], actor, outputs={("a@h", 1): {"stdout": OUT}})
        if run != "r3":
            journal.append(run, [RunClosed(status="succeeded")], actor)
    journal.prune("r1", actor, "old")
    for _ in range(3):
        lease = journal.take_lease("run:r3", this_process(), 60)
        journal.release_lease(lease)
    journal.close()
    return place.all_of()


@pytest.mark.parametrize("made", [False, True], ids=["nothing there", "an empty journal"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_is_the_journal_and_the_way_back_too(place, written, actor, kind, made):
    if kind == "sqlite" and made:
        pytest.skip("a file that is there is never written")
    there = place.empty(kind, made=made)
    done = copy_journal(place.project, there)
    assert (done.copied.runs, done.copied.events, done.copied.outputs) == (3, 9, 2)
    assert place.all_of(there) == written
    assert place.all_of() == written, "the journal itself stays as it is"
    back = f"sqlite:///{place.root / 'back.db'}"
    copy_journal(place.project, back, source=there)
    assert place.all_of(back) == written
    journal = place.open(there)
    assert journal.take_lease("run:r3", this_process(), 60).fence == 4, "numbers of leases only grow"
    assert journal.append("r3", [NoteAdded(text="goes on")], actor)[0].seq == 4
    assert journal.verify() == []
    journal.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_overwritten(place, written, kind):
    there = place.empty(kind)
    copy_journal(place.project, there)
    place.change("UPDATE meta SET value = value", there)
    with pytest.raises(UsageError, match="left as it is"):
        copy_journal(place.project, there)
    assert place.all_of(there) == written


def test_what_is_no_journal_is_not_overwritten(place, written):
    for name, make in (("file", lambda path: path.write_text("x")), ("folder", lambda path: path.mkdir())):
        path = place.root / name
        make(path)
        with pytest.raises(UsageError, match="is there already"):
            copy_journal(place.project, f"sqlite:///{path}")
    link = place.root / "link"
    link.symlink_to(place.root / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        copy_journal(place.project, f"sqlite:///{link}")
    other = place.empty("postgresql")
    database = open_database(other, project=place.root)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE runs (a TEXT)"))
    database.close()
    with pytest.raises(JournalError, match="somebody else's"):
        copy_journal(place.project, other)
    with pytest.raises(InvalidInputError):
        copy_journal(place.project, "mysql://x/y")
    assert place.all_of() == written


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET body = replace(body, '1.0', '1.1') WHERE run = 'r2' AND seq = 3",
        "DELETE FROM events WHERE run = 'r3' AND seq = 3",
        "UPDATE outputs SET data = x'00' WHERE run = 'r2'",
        "UPDATE tasks SET outcome = 'failed'",
    ],
)
def test_a_journal_that_does_not_verify_is_not_copied(place, written, kind, damage):
    place.change(damage)
    there = place.empty(kind)
    with pytest.raises(JournalError, match="does not verify") as refused:
        copy_journal(place.project, there)
    assert refused.value.exit_code == ExitCode.JOURNAL
    assert left(place, there) == []


def left(place, address):
    """Name what is there of a copy."""
    if address.startswith("sqlite"):
        return [path.name for path in (place.root / "other").iterdir()]
    database = open_database(address, project=place.root)
    version = database.version()
    database.close()
    return [] if version is None else [str(version)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_copy_while_somebody_is_at_work(place, written, kind):
    journal = place.open()
    journal.take_lease("run:r3", this_process(), 60)
    there = place.empty(kind)
    with pytest.raises(LeaseError, match="run:r3 is held by"):
        copy_journal(place.project, there)
    assert left(place, there) == [] or kind == "sqlite"
    journal.close()


class Meanwhile(JournalDatabase):
    """A target, during whose filling somebody writes to what is copied."""

    def __init__(self, store, write):
        super().__init__(store)
        self.write = write

    @contextmanager
    def writing(self):
        with super().writing() as connection:
            self.write()
            yield connection


def test_what_is_written_meanwhile_makes_the_copy_void(place, written, actor):
    journal, source = place.open(), open_database(place.home, project=place.root)
    there = place.empty("postgresql")
    store = open_database(there, project=place.root)._store
    target = Meanwhile(store, lambda: journal.append("r3", [NoteAdded(text="meanwhile")], actor))
    with pytest.raises(LeaseError, match="was written to while it was copied"):
        source.copy_to(target)
    assert left(place, there) == []
    copy_journal(place.project, there)
    assert "meanwhile" in place.all_of(there)[1]["r3"][-1]
    for each in (journal, source, target):
        each.close()


def test_what_a_killed_copy_left_is_removed_by_the_next_and_a_running_one_is_left_alone(place, written):
    folder = place.root / "other"
    (folder / ".copy.db.copy-dead").mkdir(parents=True)
    (folder / ".copy.db.copy-dead" / "copy.db").write_text("half")
    there = f"sqlite:///{folder / 'copy.db'}"

    def two_at_once():
        with new_file(folder / "copy.db") as slower:
            copy_journal(place.project, there)
            slower.write_text("late")

    with pytest.raises(UsageError, match="is there already"):
        two_at_once()
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert place.all_of(there) == written


def test_who_may_read_may_copy_and_the_owner_alone_may_copy_into(place, written):
    name = place.server.new_journal()
    with pytest.raises(JournalError, match="permission denied"):
        copy_journal(place.project, place.server.url(name, "journal_app"))
    done = copy_journal(place.project, place.server.url(name, "journal_owner"))
    back = copy_journal(
        place.project, f"sqlite:///{place.root / 'read.db'}", source=place.server.url(name, "journal_reader")
    )
    assert back.copied == done.copied, "who may read may copy"
    assert re.fullmatch("[0-9a-f]{64}", back.copied.head)
