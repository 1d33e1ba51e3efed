"""A journal in PostgreSQL tells by itself that a run has news, also after its server was away."""

import queue
import shutil
import tempfile

import pytest

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.follow import follow
from runbook_engine.journals.address import open_journal
from runbook_engine.journals.holder import this_process
from runbook_engine.model.event import LeaseTaken, NoteAdded, RunClosed

LONG = 60  # seconds for what takes a moment; nobody else tells


def heard(told, wanted):
    """Wait until that was heard; what was heard before it."""
    before = []
    while (one := told.get(timeout=LONG)) != wanted:
        before.append(one)
    return before


@pytest.fixture
def journals(postgres, tmp_path, opening, actor):
    """Two processes' views of one journal with two runs."""
    url = postgres.url(postgres.new_journal(), "journal_app")
    both = [open_journal(url, project=tmp_path, create=False) for _ in range(2)]
    for run in ("r1", "r2"):
        both[0].open_run(run, opening, actor)
    yield both
    for journal in both:
        journal.close()


def test_who_listens_is_told_of_each_batch_of_that_run_and_of_no_other(journals, actor):
    writer, listener = journals
    told = queue.SimpleQueue()
    ears = listener.listen("r1", told.put)
    heard(told, 0)
    writer.append("r2", [NoteAdded(text="another's")], actor)
    writer.append("r1", [NoteAdded(text="a"), NoteAdded(text="b")], actor)
    writer.append("r1", [NoteAdded(text="c")], actor)
    assert heard(told, 4) == [3]
    ears.close()
    writer.append("r1", [NoteAdded(text="d")], actor)
    assert told.empty()


def test_what_was_rolled_back_is_not_told(journals, actor):
    writer, listener = journals
    told = queue.SimpleQueue()
    ears = listener.listen("r1", told.put)
    heard(told, 0)

    def fails(_connection):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        writer.append("r1", [NoteAdded(text="a")], actor, also=fails)
    writer.append("r1", [NoteAdded(text="b")], actor)
    assert heard(told, 2) == []
    ears.close()


def test_a_lost_connection_is_opened_again_and_what_may_have_been_missed_is_told(postgres, journals, actor, caplog):
    writer, listener = journals
    told = queue.SimpleQueue()
    ears = listener.listen("r1", told.put)
    for seq in (2, 3):
        heard(told, 0)
        writer.append("r1", [NoteAdded(text="a")], actor)
        heard(told, seq)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        assert postgres.sql("postgres", cut) == [(True,)]
    heard(told, 0)
    ears.close()
    assert caplog.records == [], "nobody is shown how a library tripped over it"


def test_it_listens_again_when_the_server_was_restarted(postgres, tmp_path, opening, actor):
    folder = tempfile.mkdtemp(prefix="rbpg")
    if postgres.user is not None:
        shutil.chown(folder, postgres.user)
    server = type(postgres)(folder, postgres.user)
    journal = open_journal(server.url(server.new_journal(), "journal_app"), project=tmp_path, create=False)
    journal.open_run("r1", opening, actor)
    told = queue.SimpleQueue()
    ears = journal.listen("r1", told.put)
    heard(told, 0)
    server.stop()
    server.start()
    heard(told, 0)
    journal.append("r1", [NoteAdded(text="a")], actor)
    heard(told, 2)
    server.stop()
    ears.close()
    journal.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_other_stores_say_that_they_tell_nothing(kind, tmp_path, opening, actor):
    from runbook_engine.journals.memory import MemoryJournal

    made = MemoryJournal() if kind == "memory" else open_journal("sqlite:///j.db", project=tmp_path, create=True)
    made.open_run("r1", opening, actor)
    assert made.listen("r1", print) is None
    if kind == "sqlite":
        made.close()


class NoLooks(SystemClock):
    """A clock by which a wait ends with its signal alone: who is not told waits for ever (a minute)."""

    def wait(self, event, seconds):
        assert super().wait(event, LONG), f"nothing was told, and a look is due after {seconds} s only"
        return True


def test_who_watches_is_told_and_does_not_have_to_look(journals, actor):
    writer, watcher = journals
    lease = writer.take_lease("run:r1", this_process(), 600)
    writer.append("r1", [LeaseTaken(holder="x", fence=lease.fence)], actor, lease=lease)
    turns = iter([[NoteAdded(text="a")], [RunClosed(status="failed")]])
    seen = []

    def tell(stored):
        seen.append(stored.event.kind)
        if stored.event.kind in {"lease.taken", "note.added"}:
            writer.append("r1", next(turns), actor, lease=lease)

    ended = follow(watcher, "r1", NoLooks(), tell, seen.append)
    assert seen == ["run.opened", "lease.taken", "note.added", "run.closed"]
    assert ended.result.end == "failed"
