"""What a worker does with the orders' database: begins what it has room for, reads what it can, hears what is asked."""

import asyncio
import itertools
import threading

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from support.orders import an_order

from runbook_engine.app.workers import explained
from runbook_engine.dispatchers import queue_orders
from runbook_engine.dispatchers.queue_claims import OrderKey, WorkerFacts
from runbook_engine.dispatchers.queue_list import workers_and_orders
from runbook_engine.dispatchers.queue_orders import End, NewOrder
from runbook_engine.dispatchers.queue_wire import SentOrder, order_text, read_report
from runbook_engine.dispatchers.worker import Keeper
from runbook_engine.dispatchers.worker_loop import JobsConnector, WorkerLoop
from runbook_engine.model.errors import ExitCode, JournalError
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptReport
from runbook_engine.testing import ManualClock

PATIENCE = 60
KEYS = [OrderKey("r", f"s@h{number}", 1) for number in range(40)]


class Work:
    """The attempts' side: each waits until it is let go, or cancelled; counts what was tidied up."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.made: list[str] = []
        self.tidied: list[str] = []
        self.all_tidied = threading.Event()
        self.cancelled = threading.Event()
        self.ended_there = threading.Event()

    def make(self, sent, _facts, cancelled, _on_progress):
        self.made.append(sent.order.task)
        with cancelled.when_set(self.ended_there.set):  # as a command that runs at the target is
            while not (cancelled.is_set() or self.go.wait(0.01)):
                pass
        if cancelled.is_set():
            self.cancelled.set()
        return AttemptReport(sent.order.task, sent.order.number, Outcome.CHANGED)

    def tidy(self, sent, _facts):
        self.tidied.append(sent.order.task)
        if len(self.tidied) == len(KEYS):
            self.all_tidied.set()


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def idle_keeper(database, work):
    """A worker with room for two that has not begun to work."""
    facts = WorkerFacts(("eu",), "vm 1", 7, "1", "{}", 2)
    return Keeper(
        database.info.dsn,
        facts,
        make=work.make,
        tidy=work.tidy,
        alive=lambda *_: None,
        say=lambda _: None,
        clock=ManualClock(),
    )


@pytest.fixture
def keeper(idle_keeper, work):
    """It works; its clock stands still: it never looks around by itself after its beginning."""
    idle_keeper.start()
    yield idle_keeper
    work.go.set()
    idle_keeper.close(PATIENCE)


@pytest.mark.parametrize("who", ["worker", "reader"])
def test_a_role_without_rights_is_told_so_and_what_gives_them(database, work, who):
    url = make_conninfo(database.info.dsn, user="journal_worker")
    facts = WorkerFacts(("eu",), "vm 1", 7, "1", "{}", 2)
    keeper = Keeper(url, facts, make=work.make, tidy=work.tidy, alive=print, say=print, clock=ManualClock())
    words = r"refuses this role .*: permission denied for table queue_"
    with pytest.raises(JournalError, match=words) as refused, explained():
        keeper.start() if who == "worker" else workers_and_orders(url)
    assert refused.value.exit_code == ExitCode.JOURNAL
    assert "runbook journal init --worker-role" in refused.value.hint


def _body(key, **more):
    return order_text(SentOrder(an_order(task=key.task, number=key.number, **more), "runbook-engine", "1"))


def _write(database, bodies):
    orders = [NewOrder(key.of_run, "eu", body, ticket=False) for key, body in bodies.items()]
    queue_orders.write(database, "r", 3, orders)


def _reported(database, *keys):
    """Wait for reports (a notification may have been earlier), and give them."""
    database.execute(f"LISTEN {queue_orders.REPORTS}")
    while True:
        rows = [row for row in queue_orders.said(database, "r") if row.state == "reported"]
        if {row.key for row in rows} >= {key.of_run for key in keys}:
            return {row.key: read_report(row.report, an_order(), {}) for row in rows}
        assert list(database.notifies(timeout=PATIENCE, stop_after=1)), "nothing more was said"


def test_it_begins_what_there_is_room_for(database, keeper, work):
    _write(database, {key: _body(key) for key in KEYS[:4]})
    answers = [keeper.claim(key, lambda: None).result(PATIENCE) for key in KEYS[:3]]
    assert answers == ["begun", "begun", "later"]
    assert keeper.claim(OrderKey("r", "none", 1), lambda: None).result(PATIENCE) == "later", "nobody asks for it yet"
    ended = threading.Event()
    work.go.set()
    _reported(database, *KEYS[:2])
    assert keeper.claim(KEYS[3], ended.set).result(PATIENCE) == "begun"
    assert keeper.claim(OrderKey("r", "none", 1), lambda: None).result(PATIENCE) == "gone"
    assert set(_reported(database, KEYS[3])) == {key.of_run for key in (*KEYS[:2], KEYS[3])}
    assert ended.wait(PATIENCE)


def test_an_order_that_two_jobs_bring_at_once_is_begun_once(database, idle_keeper, work, request):
    _write(database, {KEYS[0]: _body(KEYS[0])})
    answers = [idle_keeper.claim(KEYS[0], lambda: None) for _ in range(2)]  # (a job that was given up comes once more)
    request.getfixturevalue("keeper")
    assert [answer.result(PATIENCE) for answer in answers] == ["begun", "gone"]
    work.go.set()
    _reported(database, KEYS[0])
    assert work.made == [KEYS[0].task]


@pytest.mark.parametrize(
    ("body", "in_doubt"),
    [
        ('{"order": {"settle": false, "of_tomorrow": 1}, "origin": "", "version": ""}', False),
        ('{"order": {"settle": true, "of_tomorrow": 1}, "origin": "", "version": ""}', True),
        ("[]", True),
    ],
    ids=["fresh", "settles", "no order"],
)
def test_an_order_of_another_version_is_refused_and_the_worker_goes_on(database, keeper, work, body, in_doubt):
    work.go.set()
    _write(database, {KEYS[0]: body, KEYS[1]: _body(KEYS[1])})
    assert keeper.claim(KEYS[0], lambda: None).result(PATIENCE) == "begun"
    assert keeper.claim(KEYS[1], lambda: None).result(PATIENCE) == "begun"
    said = _reported(database, *KEYS[:2])
    refused = said[KEYS[0].of_run]
    assert (refused.outcome, refused.in_doubt) == (Outcome.FAILED, in_doubt)
    assert refused.error.startswith("the worker refused it: it is none of this version's")
    assert said[KEYS[1].of_run].outcome is Outcome.CHANGED


def test_who_is_asked_to_end_an_attempt_does_so(database, keeper, work):
    _write(database, {KEYS[0]: _body(KEYS[0])})
    assert keeper.claim(KEYS[0], lambda: None).result(PATIENCE) == "begun"
    queue_orders.cancel(database, "r", 3, KEYS[0].task)
    assert work.cancelled.wait(PATIENCE)


def test_who_was_given_up_lets_go_and_leaves_what_runs_at_the_target_to_others(database, keeper, work):
    """It was frozen: the next attempt has found the command by now, and waits for its end."""
    _write(database, {KEYS[0]: _body(KEYS[0])})
    assert keeper.claim(KEYS[0], lambda: None).result(PATIENCE) == "begun"
    queue_orders.lose(database, [keeper.name])
    keeper.drain()
    assert work.cancelled.wait(PATIENCE), "what it does itself ends"
    assert not work.ended_there.wait(0.2)


def test_all_that_is_left_is_tidied_up_without_a_pause(database, work):
    _write(database, {key: _body(key) for key in KEYS})
    queue_orders.end(database, "r", [End(key.of_run, in_doubt=False, leaves=True) for key in KEYS])
    clock = ManualClock()
    facts = WorkerFacts(("eu",), "vm 1", 7, "1", "{}", 2)
    silent = {"alive": lambda *_: None, "say": lambda _: None}
    keeper = Keeper(database.info.dsn, facts, make=work.make, tidy=work.tidy, clock=clock, **silent)
    clock.advance(5)
    keeper.start()
    clock.advance(5)
    assert work.all_tidied.wait(PATIENCE)
    keeper.close(PATIENCE)
    assert sorted(work.tidied) == sorted(key.task for key in KEYS)


def test_a_job_that_comes_while_there_seems_to_be_none_is_told_once_more(database):
    url = database.info.dsn
    told = []

    async def scenario():
        first, again = asyncio.Event(), asyncio.Event()

        async def on_notification(*, channel, payload):
            (again if (channel, payload) in told else first).set()
            told.append((channel, payload))

        connector = JobsConnector(conninfo=url, min_size=1, max_size=2)
        await connector.open_async()
        ears = asyncio.create_task(connector.listen_notify(on_notification, ["jobs"]))
        other = await psycopg.AsyncConnection.connect(url, autocommit=True)
        async with other:
            await other.execute("SELECT pg_advisory_lock(7)")
            query = "SELECT NULL::bigint AS id FROM pg_advisory_xact_lock(7)"
            fetched = asyncio.create_task(connector.execute_query_one_async(query))
            for number in itertools.count():  # (it does not listen at once, and may hear of several on a busy machine)
                if first.is_set():
                    break
                await other.execute(f"NOTIFY jobs, '{number}'")
                await asyncio.wait({asyncio.create_task(first.wait())}, timeout=0.05)
            assert not again.is_set()
            await other.execute("SELECT pg_advisory_unlock(7)")
            assert await fetched == {"id": None}
            await asyncio.wait_for(again.wait(), PATIENCE)
        ears.cancel()
        await asyncio.gather(ears, return_exceptions=True)
        await connector.close_async()

    asyncio.run(scenario())
    assert told[-1] in told[:-1], "the newest one"


def test_the_queues_are_told_to_stop_as_often_as_one_likes(database):
    """The second time comes while attempts run to their end, when the loop is over already."""
    said = []
    loop = WorkerLoop(database.info.dsn, ["eu"], 1, claim=lambda *_: pytest.fail("no order"), say=said.append)
    thread = threading.Thread(target=loop.run)
    thread.start()
    loop.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    loop.stop()
    loop.stop()
    assert said == []
