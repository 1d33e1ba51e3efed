"""The wish that an attempt should end, and letting go of it."""

import threading

from runbook_engine.ports.cancel import CancelSignal


def test_what_was_registered_is_done_when_it_is_set_and_not_when_it_is_left():
    for left in (False, True):
        signal, done, late = CancelSignal(), threading.Event(), threading.Event()
        with signal.when_set(done.set):
            if left:
                signal.leave()
            else:
                signal.set()
            assert signal.is_set()
            assert signal.wait(0)
            assert done.wait(0.1 if left else 60) is not left
        with signal.when_set(late.set):
            signal.set()
        assert late.is_set() is not left


def test_what_was_cancelled_already_is_not_left_any_more():
    signal, late = CancelSignal(), threading.Event()
    signal.set()
    signal.leave()
    with signal.when_set(late.set):
        assert late.is_set()
