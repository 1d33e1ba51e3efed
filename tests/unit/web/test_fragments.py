"""The live part of a page is written once for a standing and a person, and never with another session's secret."""

import threading

from support.ticks import Ticks

from runbook_engine.web.feeds import Standing
from runbook_engine.web.fragments import Fragments
from runbook_engine.web.viewer import Viewer

DANA = Viewer("dana", "Dana", ("director",), "csrf-1", may_act=True)
AGAIN = Viewer("dana", "Dana", ("director",), "csrf-2", may_act=True)
SAM = Viewer("sam", "Sam", (), "csrf-3")


class Writer:
    def __init__(self):
        self.times = 0

    def __call__(self, viewer):
        self.times += 1
        return f"{self.times} {viewer.person} {viewer.csrf}"


def test_it_is_written_once_for_a_standing_and_a_person():
    fragments, write = Fragments("MARK", Ticks()), Writer()
    at = Standing(7, "running", held=True)
    assert fragments.ready("r", DANA, at) is None
    assert fragments.write("r", DANA, at, write) == "1 dana csrf-1"
    assert fragments.ready("r", DANA, at) == "1 dana csrf-1"
    assert fragments.write("r", AGAIN, at, write) == "1 dana csrf-2"
    assert fragments.write("r", SAM, at, write) == "2 sam csrf-3"
    assert fragments.write("other", DANA, at, write) == "3 dana csrf-1"


def test_it_is_written_anew_when_something_changed_or_after_a_while():
    ticks = Ticks()
    fragments, write = Fragments("MARK", ticks), Writer()
    fragments.write("r", DANA, Standing(7, "running", held=True), write)
    assert fragments.write("r", DANA, Standing(8, "running", held=True), write).startswith("2 ")
    assert fragments.write("r", DANA, Standing(8, "waiting", held=False), write).startswith("3 ")
    ticks.later(2)
    assert fragments.ready("r", DANA, Standing(8, "waiting", held=False)) is None
    assert fragments.write("r", DANA, Standing(8, "waiting", held=False), write).startswith("4 ")


def test_a_role_that_was_taken_away_is_seen():
    fragments, write = Fragments("MARK", Ticks()), Writer()
    at = Standing(7, "running", held=True)
    fragments.write("r", DANA, at, write)
    less = Viewer("dana", "Dana", (), "csrf-1")
    assert fragments.ready("r", less, at) is None


def test_where_nobody_watches_nothing_is_kept():
    fragments, write = Fragments("MARK", Ticks()), Writer()
    fragments.write("r", DANA, None, write)
    assert fragments.write("r", DANA, None, write).startswith("2 ")


def test_of_many_who_come_at_once_one_has_it_written():
    fragments, write = Fragments("MARK", Ticks()), Writer()
    at, begun, got = Standing(7, "running", held=True), threading.Barrier(8), []

    def slow(viewer):
        return write(viewer)

    def come():
        begun.wait()
        got.append(fragments.write("r", DANA, at, slow))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["1 dana csrf-1"] * 8
