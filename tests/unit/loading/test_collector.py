import gc
import weakref

import pytest

from runbook_engine.loading.collector import collector_paused


class Node:
    def __init__(self):
        self.me = self


def test_the_collector_pauses_inside_and_goes_on_after():
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_what_was_built_is_old_but_still_collected():
    frozen = gc.get_freeze_count()
    with collector_paused():
        kept = [[] for _ in range(1000)]
        seen = weakref.ref(Node())
    young = {id(node) for node in gc.get_objects(generation=0)}
    assert not young & {id(node) for node in kept}
    assert gc.get_freeze_count() <= frozen
    assert seen() is not None
    gc.collect()
    assert seen() is None


def test_what_somebody_else_froze_stays_frozen():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with collector_paused():
            pass
        # (What is frozen can still go when nothing refers to it any more.)
        assert gc.get_freeze_count() > frozen / 2 > 0
    finally:
        gc.unfreeze()
