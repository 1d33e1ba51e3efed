"""Who vanished, as far as heartbeats tell."""

from runbook_engine.dispatchers.queue_watch import Watch


def _looks(watch, beats, start, seconds):
    found = set()
    for second in range(seconds):
        found |= watch.look(beats(second), start + second)
    return found


def test_a_heartbeat_that_stands_still_is_noticed_and_one_that_goes_on_is_not():
    assert _looks(Watch(15), lambda second: {"dead": 0, "alive": second // 2}, 100.0, 20) == {"dead"}


def test_not_a_moment_before_its_time():
    assert _looks(Watch(15), lambda _: {"dead": 0}, 100.0, 15) == set()


def test_an_old_heartbeat_says_nothing_to_who_looks_for_the_first_time():
    assert Watch(15).look({"w": "last year"}, 1e6) == set()


def test_who_could_not_look_for_a_while_begins_anew():
    watch = Watch(15)
    _looks(watch, lambda _: {"w": 0}, 100.0, 14)
    watch.blind()
    assert _looks(watch, lambda _: {"w": 0}, 114.0, 14) == set()


def test_who_was_frozen_together_with_all_others_begins_anew():
    watch = Watch(15)
    _looks(watch, lambda _: {"w": 0}, 100.0, 3)
    assert watch.look({"w": 0}, 160.0) == set()
