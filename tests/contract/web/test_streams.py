"""Streams of a run's changes: what they say, how they end, how many there may be."""

import asyncio
import contextlib
import json
import socket
import threading
import time

import pytest
from support.dashboard import served
from support.ticks import Ticks

from runbook_engine.app.project import open_project
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import Actor, AttemptFinished, AttemptStarted, NoteAdded
from runbook_engine.ports.live import Tail
from runbook_engine.web.app import Dashboard
from runbook_engine.web.desk import BY_LINK, Desk
from runbook_engine.web.security.token_file import remove_token
from runbook_engine.web.settings import Settings

ENGINE = Actor(kind="engine", name="engine")


@pytest.fixture
def run(place):
    return place.run("plain")


@pytest.fixture
def journal(place):
    journal = open_project(place.root).journal()
    yield journal
    journal.close()


class Stream:
    """A stream that is read event by event."""

    def __init__(self, answer):
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self):
        """Give the next event as (kind, id, data); comments and the time to come again are left out."""
        found = {}
        for line in self._lines:
            if not line and "event" in found:
                return found["event"], int(found.get("id", 0)), json.loads(found["data"])
            name, _, value = line.partition(": ")
            found = {**found, name: value} if line else {}
        return None


@contextlib.contextmanager
def watching(client, run, **headers):
    with client.stream("GET", f"/runs/{run}/events", headers=headers, timeout=60) as answer:
        assert answer.status_code == 200, answer.read()
        yield Stream(answer)


def test_it_tells_where_the_run_stands_and_then_each_change(stage, run, journal):
    seq = journal.version(run)
    with stage.login("vera") as vera, watching(vera, run) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.next() == ("changed", seq, {"sequence": seq, "status": "succeeded"})
        journal.append(run, [NoteAdded(text="x"), NoteAdded(text="y")], ENGINE)
        assert stream.next() == ("changed", seq + 2, {"sequence": seq + 2, "status": "succeeded"})


def test_who_comes_again_is_told_only_what_is_new(stage, run, journal):
    seq = journal.version(run)
    with stage.login("vera") as vera:
        with watching(vera, run, **{"last-event-id": str(seq)}) as stream:
            journal.append(run, [NoteAdded(text="x")], ENGINE)
            assert stream.next()[1] == seq + 1
        with watching(vera, run, **{"last-event-id": str(seq)}) as stream:
            assert stream.next()[1] == seq + 1
        for nonsense in ("", "x", "-1", "9" * 40, "٣"):
            with watching(vera, run, **{"last-event-id": nonsense.encode()}) as stream:
                assert stream.next()[1] == seq + 1


def test_a_process_that_takes_the_run_or_ends_is_told(stage, place, journal):
    run = place.run("gated")
    with stage.login("vera") as vera, watching(vera, run) as stream:
        assert stream.next()[2]["status"] == "waiting"
        lease = journal.take_lease(f"run:{run}", this_process(), 60)
        assert stream.next()[2]["status"] == "running"
        journal.release_lease(lease)
        assert stream.next()[2]["status"] == "waiting"


def test_what_running_tasks_put_out_is_told_apart_inert_and_gone_with_their_end(stage, place, journal):
    run = place.run("gated")
    lease = journal.take_lease(f"run:{run}", this_process(), 60)
    task = "<b>@localhost"
    begun = [AttemptStarted(task=task, number=2, token="t", parameters="p")]
    seq = journal.append(run, begun, ENGINE, lease=lease)[-1].seq

    def show(words, number=2, stream="stdout"):
        journal.show([Tail(run, task, number, stream, words, len(words) + 7)], lease)

    with stage.login("vera") as vera, watching(vera, run) as stream:
        assert stream.next()[1] == seq
        show(b"of a process that was killed", number=1)
        assert "killed" not in stream.next()[2]["element"]
        show(b"</pre><script>alert(42)</script>\x1b[2J\xe2\x80\xae\n" * 20)
        kind, number, said = stream.next()
        assert (kind, number) == ("output", 0), "without an id: who comes again is told of events by theirs"
        assert "<script" not in said["element"]
        assert "&lt;script&gt;alert(42)&lt;/script&gt;\\x1b[2J\\u202e" in said["element"]
        assert said["element"].count("alert") == 12, "only the end"
        assert "bytes before this" in said["element"]
        page = vera.get(f"/runs/{run}").text
        assert page.count("alert(42)") == 12, "who loads the page has it, too"
        own = vera.get(f"/runs/{run}/task", params={"task": task}).text
        assert own.count("alert(42)") == 20
        show(b"halfway", stream="progress")
        assert "<p>halfway</p>" in stream.next()[2]["element"]
        with watching(vera, run, **{"last-event-id": str(seq)}) as again:
            assert again.next()[0] == "output", "who comes again is told at once, although the run did not change"
        ended = AttemptFinished(task=task, number=2, outcome="changed")
        journal.append(run, [ended], ENGINE, lease=lease)
        assert stream.next()[:2] == ("changed", seq + 1)
        assert "alert" not in stream.next()[2]["element"]
    journal.release_lease(lease)


def test_a_run_that_is_not_there_has_no_stream(stage):
    with stage.login("vera") as vera:
        assert vera.get("/runs/none/events").status_code == 404


def test_who_logs_out_or_loses_their_token_sees_no_more(place, run, journal):
    ticks = Ticks()
    with (
        served(place.root, now=ticks) as stage,
        stage.login("vera") as vera,
        stage.login("eli") as eli,
        watching(vera, run) as first,
        watching(eli, run) as second,
    ):
        assert first.next()
        assert second.next()
        stage.say(vera, "/logout")
        remove_token(place.root, "eli")
        ticks.later(1)
        journal.append(run, [NoteAdded(text="secret")], ENGINE)
        assert first.next() is None
        assert second.next() is None


def test_only_so_many_may_watch(place, run):
    with served(place.root, most_streams=2) as stage, stage.login("vera") as vera:
        with watching(vera, run) as one, watching(vera, run) as two:
            assert one.next()
            assert two.next()
            assert vera.get(f"/runs/{run}/events").status_code == 503
        assert vera.get("/").status_code == 200


def test_a_journal_that_is_away_is_told_and_so_is_its_return(place, run):
    with served(place.root) as stage, stage.login("vera") as vera, watching(vera, run) as stream:
        _, seq, standing = stream.next()
        file = place.root / ".runbook/journal.db"
        aside = place.root / ".runbook/aside.db"
        file.rename(aside)
        try:
            kind, _, data = stream.next()
            assert kind == "away"
            assert "journal" in data["problem"]
            gone = vera.get("/")
            assert gone.status_code == 503
            assert "journal" in gone.text
            assert vera.get("/healthz").status_code == 503
            assert vera.get(f"/runs/{run}").status_code == 503
        finally:
            aside.rename(file)
        assert stream.next() == ("back", seq, {})
        assert stream.next() == ("changed", seq, standing)
        assert vera.get("/").status_code == 200


def test_who_watches_stays_when_the_journal_goes_away_with_the_team(place, run):
    away, ticks = threading.Event(), Ticks()

    def opened():
        if away.is_set():
            raise JournalError("the journal is away")
        return open_project(place.root).journal()

    with (
        served(place.root, now=ticks, journal=opened) as stage,
        stage.login("vera") as vera,
        watching(vera, run) as stream,
    ):
        _, seq, _ = stream.next()
        away.set()
        stage.desk.give_up(JournalError("gone"))
        ticks.later(2)  # who vera is has to be looked up anew
        assert stream.next()[0] == "away"
        away.clear()
        assert stream.next() == ("back", seq, {})


def test_streams_end_when_the_server_does(place, run):
    with served(place.root) as stage, stage.login("vera") as vera, watching(vera, run) as stream:
        assert stream.next()
        stage.server.stop()
        assert stream.next() is None
        stage.server.wait()


def test_a_run_is_not_held_up_by_who_reads_it(stage, place, run, journal):
    """Readers of the file, and watchers, hold no lock in which a writer would have to wait."""
    stop = threading.Event()

    def look(client):
        while not stop.is_set():
            assert client.get(f"/runs/{run}/live").status_code == 200

    with stage.login("vera") as vera, watching(vera, run), contextlib.ExitStack() as stack:
        lookers = [threading.Thread(target=look, args=(stack.enter_context(stage.login("vera")),)) for _ in range(1)]
        for looker in lookers:
            looker.start()
        for number in range(50):
            journal.append(run, [NoteAdded(text=str(number))], ENGINE)
        stop.set()
        for looker in lookers:
            looker.join()
    assert not journal.verify(run)


def test_two_hundred_watch_a_run_and_one_look_serves_them(place, run, journal):
    seq = journal.version(run)
    with served(place.root) as stage, stage.login("vera") as vera:
        host, _, port = stage.url.removeprefix("http://").partition(":")
        cookie = f"{stage.desk.settings.cookie}={vera.cookies[stage.desk.settings.cookie]}"
        request = f"GET /runs/{run}/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
        with contextlib.ExitStack() as stack:
            watchers = [
                stack.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(200)
            ]
            for watcher in watchers:
                watcher.sendall(request)
            for watcher in watchers:
                read_until(watcher, f"id: {seq}\n")
            journal.append(run, [NoteAdded(text="x")], ENGINE)
            for watcher in watchers:
                read_until(watcher, f"id: {seq + 1}\n")
            assert vera.get(f"/runs/{run}/live").status_code == 200
            # They read nothing any more, and what is new is told to everybody else all the same.
            with watching(vera, run) as stream:
                for number in range(5):
                    journal.append(run, [NoteAdded(text=str(number))], ENGINE)
                while stream.next()[1] < seq + 6:
                    continue


def read_until(watcher, words):
    seen, until = b"", time.monotonic() + 60
    while words.encode() not in seen and time.monotonic() < until:
        seen += watcher.recv(65536)
    assert words.encode() in seen, seen


def test_who_takes_nothing_that_is_sent_is_let_go(place, run):
    """Talks to the application itself: no socket's buffers have to be filled for that."""
    project = open_project(place.root)
    desk = Desk(project, Settings(origins=("http://127.0.0.1:1",), patience=0.05))
    session = desk.sessions.begin("guest", BY_LINK)
    headers = [(b"host", b"127.0.0.1:1"), (b"cookie", f"{desk.settings.cookie}={session}".encode())]
    path = f"/runs/{run}/events"
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1", "root_path": ""}  # fmt: skip
    sent = []

    async def send(message):
        sent.append(message["type"])
        if len(sent) > 2:
            await asyncio.Event().wait()

    async def receive():
        await asyncio.Event().wait()

    async def talk():
        dashboard = Dashboard(desk)
        async with asyncio.timeout(60):
            await dashboard.asgi(scope, receive, send)

    try:
        asyncio.run(talk())
    finally:
        desk.close()
    assert sent == ["http.response.start", "http.response.body", "http.response.body"]
