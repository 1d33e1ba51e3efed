"""Orders in a real database: who may begin them, who may report them, and what becomes of those that nobody ends."""

import psycopg
import pytest
from support.orders import an_order

from runbook_engine.dispatchers import queue_claims, queue_orders
from runbook_engine.dispatchers.queue_claims import Ended, OrderKey
from runbook_engine.dispatchers.queue_jobs import Key
from runbook_engine.dispatchers.queue_orders import End, NewOrder
from runbook_engine.dispatchers.queue_wire import SentOrder, order_text, read_report, report_text
from runbook_engine.dispatchers.worker_live import WorkerShow
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptReport
from runbook_engine.ports.live import Tail

KEY = OrderKey("r", "s@h", 1)
SAID = report_text(AttemptReport("s@h", 1, Outcome.CHANGED))


def _order(connection, key=KEY, fence=3, **more):
    body = order_text(SentOrder(an_order(task=key.task, number=key.number, **more), "runbook-engine", "1"))
    queue_orders.write(connection, key.run, fence, [NewOrder(key.of_run, "eu", body, ticket=True)])


def _state(connection, key=KEY):
    query = "SELECT state FROM queue_orders WHERE run = %s AND task = %s AND number = %s"
    row = connection.execute(query, [*key]).fetchone()
    return row[0] if row else None


def _claim(connection, worker, host, key=KEY):
    return key in queue_claims.claim(connection, worker, host, [key])


def _report(connection, worker, text, output, key=KEY):
    return key in queue_claims.report(connection, [Ended(key, worker, text, output)])


def _end(connection, key, *, in_doubt, leaves):
    queue_orders.end(connection, key.run, [End(key.of_run, in_doubt, leaves)])


def _said(connection):
    """Give the one order of which there is something to hear, and its output."""
    (row,) = queue_orders.said(connection, "r")
    return row, queue_orders.outputs_of(connection, "r", [row.key]).get(row.key, {})


def _lease(connection, change):
    connection.execute(f"UPDATE leases SET {change}")


def test_one_worker_begins_it_and_a_job_brings_it(database):
    _order(database)
    assert database.execute("SELECT queue_name, args FROM procrastinate_jobs").fetchall() == [
        ("eu", {"run": "r", "task": "s@h", "number": 1})
    ]
    assert _claim(database, "w1", "vm 1")
    assert not _claim(database, "w2", "vm 1")
    assert not queue_claims.may_come(database, KEY)
    assert queue_claims.mine(database, "w1") == {KEY: False}


@pytest.mark.parametrize(
    ("change", "comes"),
    [("fence = 4", False), ("holder = NULL", False), ("expires_at = 0", True)],
    ids=["taken over", "given back", "not renewed"],
)
def test_nobody_begins_it_without_the_lease_of_who_ordered_it(database, change, comes):
    _order(database)
    _lease(database, change)
    assert not _claim(database, "w1", "vm 1")
    assert queue_claims.may_come(database, KEY) is comes
    assert _state(database) == "waiting"


def test_who_was_given_up_begins_nothing(database):
    _order(database)
    queue_orders.lose(database, ["w1"])
    assert not _claim(database, "w1", "vm 1")


def test_what_a_vanished_worker_made_is_lost_and_its_late_report_is_not_written(database):
    _order(database)
    _claim(database, "w1", "vm 1")
    assert queue_orders.lose(database, ["w1"]) == ["r"]
    assert _state(database) == "lost"
    assert not _report(database, "w1", SAID, {"stdout": b"late"})
    assert _state(database) == "lost"
    assert queue_orders.outputs_of(database, "r", [KEY.of_run]) == {}


def test_what_a_worker_began_that_nobody_knows_any_more_is_lost_too(database):
    _order(database)
    _claim(database, "w1", "vm 1")
    queue_claims.retire(database, "w1")
    assert queue_orders.lose(database, []) == ["r"]


def test_a_report_comes_with_its_output_and_goes_with_its_record(database):
    _order(database)
    _claim(database, "w1", "vm 1")
    assert _report(database, "w1", SAID, {"stdout": b"\x00\xff"})
    row, output = _said(database)
    report = read_report(row.report, an_order(), output)
    assert (report.outcome, report.output) == (Outcome.CHANGED, {"stdout": b"\x00\xff"})
    _end(database, KEY, in_doubt=False, leaves=False)
    assert _state(database) is None
    assert database.execute("SELECT count(*) FROM queue_outputs").fetchone() == (0,)


def test_what_is_in_doubt_leaves_the_name_of_its_machine_for_who_finds_out(database):
    _order(database)
    _claim(database, "w1", "vm 1")
    queue_orders.lose(database, ["w1"])
    _end(database, KEY, in_doubt=True, leaves=True)
    again = KEY._replace(number=2)
    _order(database, again, settle=True)
    assert _claim(database, "w2", "vm 2", again)
    assert queue_claims.read(database, [again])[again].before == "vm 1"
    _end(database, again, in_doubt=False, leaves=False)
    assert database.execute("SELECT count(*) FROM queue_orders").fetchone() == (0,)


def test_what_is_left_on_a_target_is_tidied_up_by_one_worker(database):
    _order(database)
    _claim(database, "w1", "vm 1")
    _report(database, "w1", SAID, {})
    _end(database, KEY, in_doubt=False, leaves=True)
    assert queue_claims.take_tidy(database, ("us",), 5) == []
    assert len(queue_claims.take_tidy(database, ("eu", "us"), 5)) == 1
    assert queue_claims.take_tidy(database, ("eu",), 5) == []


def test_who_takes_the_run_over_takes_back_what_nobody_began_and_waits_for_the_rest(database):
    began, waits, look = KEY, KEY._replace(number=2), KEY._replace(number=-2)
    for key in (began, waits, look):
        _order(database, key)
    _claim(database, "w1", "vm 1", began)
    _lease(database, "fence = 4")
    found = queue_orders.open_run(database, "r", 4, "{}")
    assert {key: row.state for key, (row, _) in found.items()} == {began.of_run: "begun", waits.of_run: "reported"}
    report = read_report(found[waits.of_run][0].report, an_order(settle=True), {})
    assert (report.unbegun, report.in_doubt) == (True, True)
    assert _state(database, look) is None
    assert _report(database, "w1", SAID, {}, began), "what was begun in time is reported in time"


def test_a_process_whose_run_is_anothers_by_now_changes_nothing(database):
    _order(database)
    other = KEY._replace(number=2)
    _order(database, other)
    _claim(database, "w1", "vm 1", other)
    _lease(database, "fence = 4")
    queue_orders.take_back(database, "r", 3, "because")
    queue_orders.cancel(database, "r", 3, "s@h")
    queue_orders.forget_look(database, "r", 3, Key("s@h", 1))
    assert _state(database) == "waiting"
    assert queue_claims.mine(database, "w1") == {other: False}


def test_cancelling_takes_back_what_waits_and_asks_who_works(database):
    other = KEY._replace(number=2)
    _order(database)
    _order(database, other)
    _claim(database, "w1", "vm 1", other)
    queue_orders.take_back(database, "r", 3, "because", "s@h")
    queue_orders.cancel(database, "r", 3, "s@h")
    assert _state(database) == "reported"
    assert queue_claims.mine(database, "w1") == {other: True}


def test_hosts_may_say_what_they_like(database):
    nasty = "\x00 \ud800 \U0001f4a5 '); DROP TABLE queue_orders; --"
    _order(database, parameters={"text": nasty})
    _claim(database, "w1", "vm 1")
    said = AttemptReport("s@h", 1, Outcome.FAILED, error=nasty, outputs={"text": nasty})
    assert _report(database, "w1", report_text(said), {})
    row, _ = _said(database)
    assert read_report(row.report, an_order(), {}).error == nasty


def test_progress_is_heard_whatever_a_host_says(database):
    _order(database)
    _claim(database, "w1", "vm 1")
    assert queue_orders.said(database, "r") == []
    queue_claims.progress(database, "w1", {KEY: "half \x00 \ud800"})
    row, _ = _said(database)
    assert (row.state, row.progress) == ("begun", "half \N{REPLACEMENT CHARACTER} ?")


def test_many_at_once_are_each_begun_told_and_ended_by_whoever_may(database):
    keys = [OrderKey("r", f"s@h{n}", 1) for n in range(6)]
    for key in keys:
        _order(database, key)
    assert _claim(database, "w2", "vm 2", keys[0])
    begun = queue_claims.claim(database, "w1", "vm 1", [*reversed(keys), KEY])
    assert sorted(begun) == keys[1:], "the first is another's, and the last is none"
    told = [Ended(key, "w1", SAID, {"stdout": key.task.encode()}) for key in keys]
    assert queue_claims.report(database, told) == set(keys[1:]), "of the first another has to tell"
    outputs = queue_orders.outputs_of(database, "r", [key.of_run for key in keys])
    assert outputs == {key.of_run: {"stdout": key.task.encode()} for key in keys[1:]}
    doubt, left, *well = keys[1:]
    ends = [End(doubt.of_run, True, False), End(left.of_run, False, True), *(End(k.of_run, False, False) for k in well)]
    queue_orders.end(database, "r", ends)
    rows = database.execute("SELECT task, state, body IS NULL, report FROM queue_orders ORDER BY task").fetchall()
    assert rows == [("s@h0", "begun", False, None), ("s@h1", "ended", True, None), ("s@h2", "tidy", False, None)]
    assert database.execute("SELECT count(*) FROM queue_outputs").fetchone() == (0,)


def test_what_another_is_about_to_begin_is_not_waited_for(database):
    database.execute("SET lock_timeout = '20s'")
    other = KEY._replace(task="s@i")
    _order(database)
    _order(database, other)
    with psycopg.connect(database.info.dsn) as slow:
        assert _claim(slow, "w2", "vm 2")
        assert set(queue_claims.claim(database, "w1", "vm 1", [KEY, other])) == {other}
        assert queue_claims.may_come(database, KEY)
    assert not queue_claims.may_come(database, KEY)


def test_a_worker_that_is_frozen_while_it_tells_that_it_works_is_given_up_all_the_same(database):
    database.execute("SET lock_timeout = '20s'")
    _order(database)
    assert _claim(database, "w1", "vm 1")
    with psycopg.connect(database.info.dsn, autocommit=True) as frozen:
        with frozen.pipeline():
            frozen.execute("UPDATE queue_workers SET heartbeat = clock_timestamp() WHERE id = 'w1'")
            frozen.execute("SELECT 1").fetchone()  # the row is held from here on
            assert queue_orders.lose(database, ["w1"]) == ["r"]
            assert _state(database) == "lost"
        heard = queue_claims.beat(frozen, "w1", draining=False, queues=["eu"], tidies=0)
    assert (heard.known, heard.begun) == (True, {}), "it finds out that nothing is its own any more"
    assert not _report(database, "w1", SAID, {})
    assert queue_orders.lose(database, ["w1"]) == []
    assert not queue_claims.beat(database, "w1", draining=False, queues=["eu"], tidies=0).known


def test_what_an_attempt_prints_is_shown_by_who_makes_it_and_by_nobody_else(database, postgres):
    database.execute(
        "CREATE TABLE live_output (run text, task text, number integer, stream text, data bytea, total bigint, at text,"
        " PRIMARY KEY (run, task, number, stream))"
    )
    known = ["w1"]
    shows = WorkerShow(postgres.url(database.info.dbname), lambda: known[0])

    def shown(words):
        shows.show(
            [Tail(*KEY, "stdout", words, 5_000_000_000 + len(words)), Tail("r", "other@h", 1, "stdout", b"x", 1)]
        )
        return [bytes(data) for (data,) in database.execute("SELECT data FROM live_output")]

    _order(database)
    assert shown(b"not begun") == []
    assert _claim(database, "w1", "vm 1")
    assert shown(b"one\x00\xff") == [b"one\x00\xff"]
    assert shown(b"two") == [b"two"]
    known[0] = "w2"  # as which it began anew, after it was given up
    assert shown(b"of who was given up") == [b"two"]
    known[0] = "w1"
    queue_claims.report(database, [Ended(KEY, "w1", SAID, {})])
    assert shown(b"late") == [b"two"]
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'runbook live output'"
    )
    with pytest.raises(psycopg.Error):
        shown(b"lost")
    assert shown(b"late again") == [b"two"], "by another connection"
    shows.close()
