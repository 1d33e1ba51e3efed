"""The dispatcher of threads: every order is reported once, nobody waits for a thread that hangs."""

import threading

import pytest

from runbook_engine.app.clock import SystemClock
from runbook_engine.dispatchers.threads import ThreadDispatcher
from runbook_engine.model.inventory import Target
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptProgress, AttemptReport, Wake


def order(task: str, number: int = 1, timeout: float = 60.0) -> AttemptOrder:
    return AttemptOrder(
        run="r", task=task, step="s", number=number, action="test.do", parameters={}, secrets={},
        target=Target(name="t"), mode=Mode.LIVE, runbook="b", operator="o", token="t", timeout=timeout,
    )  # fmt: skip


@pytest.fixture
def make():
    made = []

    def build(attempt, **options):
        options = {"forks": 4, "clock": SystemClock(), **options}
        dispatcher = ThreadDispatcher(attempt, options.pop("settled", lambda _: None), **options)
        made.append(dispatcher)
        return dispatcher

    yield build
    for dispatcher in made:
        dispatcher.close()


def reports(dispatcher, count: int) -> list:
    return [dispatcher.receive(30) for _ in range(count)]


def test_every_order_is_reported_once(make):
    dispatcher = make(lambda order, cancelled, progress: AttemptReport(order.task, order.number, Outcome.CHANGED))
    for number in range(200):
        dispatcher.submit(order(f"s@{number}"))
    assert {report.task for report in reports(dispatcher, 200)} == {f"s@{number}" for number in range(200)}
    assert dispatcher.receive(0) is None


def test_as_many_run_at_once_as_there_are_forks_and_no_more(make):
    here = threading.Semaphore(0)
    together = threading.Barrier(4, timeout=30)
    running, most, lock = 0, 0, threading.Lock()

    def attempt(order, cancelled, progress):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        here.release()
        return AttemptReport(order.task, order.number, Outcome.CHANGED)

    dispatcher = make(attempt)
    for number in range(8):
        dispatcher.submit(order(f"s@{number}"))
    reports(dispatcher, 8)
    assert most == 4


def test_progress_comes_before_the_report(make):
    def attempt(order, cancelled, progress):
        progress("43 %")
        return AttemptReport(order.task, order.number, Outcome.CHANGED)

    dispatcher = make(attempt)
    dispatcher.submit(order("s@t"))
    first, second = reports(dispatcher, 2)
    assert first == AttemptProgress("s@t", 1, "43 %")
    assert isinstance(second, AttemptReport)


def test_cancel_reaches_the_attempt_that_runs(make):
    began = threading.Event()

    def attempt(order, cancelled, progress):
        began.set()
        told = cancelled.wait(30)
        return AttemptReport(order.task, order.number, Outcome.FAILED if told else Outcome.CHANGED)

    dispatcher = make(attempt)
    dispatcher.submit(order("s@t"))
    assert began.wait(30)
    dispatcher.cancel("s@t")
    assert dispatcher.receive(30).outcome is Outcome.FAILED


def test_a_thread_that_hangs_is_given_up_and_delays_nobody(make):
    release = threading.Event()

    class Clock(SystemClock):
        ahead = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead

    def attempt(order, cancelled, progress):
        if order.task == "hangs@t":
            release.wait(60)
        return AttemptReport(order.task, order.number, Outcome.CHANGED)

    clock = Clock()
    dispatcher = make(attempt, forks=1, clock=clock)
    dispatcher.submit(order("hangs@t", timeout=5))
    clock.ahead = 3600
    report = dispatcher.receive(30)
    assert (report.task, report.outcome, report.in_doubt) == ("hangs@t", Outcome.FAILED, True)
    dispatcher.submit(order("next@t"))
    assert dispatcher.receive(30).task == "next@t"
    release.set()
    assert dispatcher.receive(0.2) is None, "what comes later of it is not told twice"


def test_wake_ends_a_wait(make):
    dispatcher = make(lambda *_: None)
    threading.Timer(0.05, dispatcher.wake, ["signal"]).start()
    assert dispatcher.receive(30) == Wake("signal")


def test_what_is_settled_is_forgotten(make):
    forgotten, done = [], threading.Event()

    def settled(order):
        forgotten.append(order.task)
        done.set()

    dispatcher = make(lambda *_: None, settled=settled)
    dispatcher.settled(order("s@t"))
    assert done.wait(30)
    assert forgotten == ["s@t"]


class Pausing(SystemClock):
    """A clock that notes how long it was asked to sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_threads_get_a_moment_once_after_many_orders_and_none_after_few(make):
    clock = Pausing()
    dispatcher = make(
        lambda order, cancelled, progress: AttemptReport(order.task, order.number, Outcome.CHANGED), clock=clock
    )
    for number in range(7):
        dispatcher.submit(order(f"few@{number}"))
    reports(dispatcher, 7)
    assert clock.slept == []
    for number in range(8):
        dispatcher.submit(order(f"many@{number}"))
    reports(dispatcher, 8)
    assert len(clock.slept) == 1
    assert 0 < clock.slept[0] < 0.001
