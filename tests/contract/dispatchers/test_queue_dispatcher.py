"""The run's side of orders: each is brought to a worker once it is written down, whatever room there was, and again."""

import time
from queue import SimpleQueue

import pytest
from support.orders import an_order

from runbook_engine.dispatchers import procrastinate, queue_claims
from runbook_engine.dispatchers.procrastinate import WINDOW, QueueDispatcher, QueueRun
from runbook_engine.dispatchers.queue_claims import Ended, OrderKey
from runbook_engine.dispatchers.queue_wire import SentOrder, report_text
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptReport, EndedAttempt
from runbook_engine.testing import ManualClock

PATIENCE = 60
ORDERS = [an_order(task=f"s@h{number}") for number in range(WINDOW + 2)]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def heard():
    return SimpleQueue()


@pytest.fixture
def dispatcher(database, clock, heard):
    facts = QueueRun(
        url=database.info.dsn,
        run="r",
        fence=3,
        facts="{}",
        queue_of=lambda _: "eu",
        sent=lambda order: SentOrder(order, "", ""),
        leaves=lambda _: False,
        deliver=heard.put,
        warn=lambda _: None,
    )
    made = QueueDispatcher(facts, clock=clock)
    made.start()
    yield made
    made.close()


def _begin(database, dispatcher, orders):
    with database.transaction():
        dispatcher.enlist(orders, [])(database)
    for order in orders:
        dispatcher.submit(order)


def _end(database, heard, order):
    """Have a worker make an attempt, and wait until the run has heard of it."""
    key = OrderKey("r", order.task, order.number)
    assert key in queue_claims.claim(database, "w1", "vm 1", [key])
    said = report_text(AttemptReport(order.task, order.number, Outcome.CHANGED))
    assert queue_claims.report(database, [Ended(key, "w1", said, {"stdout": b"out"})])
    report = heard.get(timeout=PATIENCE)
    assert (report.task, report.output) == (order.task, {"stdout": b"out"})


def _jobs(database):
    return sorted(row[0] for row in database.execute("SELECT args->>'task' FROM procrastinate_jobs"))


def _wait_for(database, tasks):
    end = time.monotonic() + PATIENCE
    while (found := _jobs(database)) != sorted(tasks):
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_an_order_for_which_there_was_no_room_is_brought_when_it_is_written_down_and_not_before(
    database, dispatcher, heard
):
    first, late = ORDERS[:WINDOW], ORDERS[WINDOW]
    _begin(database, dispatcher, first)
    names = [order.task for order in first]
    _wait_for(database, names)
    write = dispatcher.enlist([late], [])
    _end(database, heard, first[0])
    _end(database, heard, first[1])  # by now the room of the one before it would have been given away
    assert _jobs(database) == sorted(names), "no worker must look for an order that is not there yet"
    with database.transaction():
        write(database)
        dispatcher.enlist([], [EndedAttempt(first[0].task, 1, in_doubt=False)])(database)
    dispatcher.submit(late)
    _wait_for(database, [*names, late.task])


def test_what_was_taken_back_while_it_was_held_takes_nobodys_room(database, dispatcher, heard):
    _begin(database, dispatcher, ORDERS)
    dispatcher.recall()
    assert {heard.get(timeout=PATIENCE).unbegun for _ in ORDERS} == {True}
    ended = [EndedAttempt(order.task, 1, in_doubt=False) for order in ORDERS]
    with database.transaction():
        dispatcher.enlist([], ended)(database)
    database.execute("DELETE FROM procrastinate_jobs")
    again = [order._replace(number=2) for order in ORDERS[:WINDOW]]
    _begin(database, dispatcher, again)
    _wait_for(database, [order.task for order in again])


def test_an_order_whose_job_was_lost_is_brought_again(database, dispatcher, clock):
    _begin(database, dispatcher, ORDERS)
    names = [order.task for order in ORDERS[:WINDOW]]
    _wait_for(database, names)
    database.execute("DELETE FROM procrastinate_jobs WHERE args->>'task' IN ('s@h0', 's@h1')")
    database.execute("UPDATE queue_orders SET ordered_at = ordered_at - interval '1 hour' WHERE task <> 's@h1'")
    clock.advance(procrastinate._STRANDED + 1)
    _wait_for(database, [name for name in names if name != "s@h1"])
    assert _jobs(database).count("s@h2") == 1, "what has its job needs no other"
