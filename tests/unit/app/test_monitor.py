"""The monitor's loop on a virtual clock: intervals, back-off, telling, records, leases, a journal that is away."""

from datetime import timedelta

import pytest

from runbook_engine.app.monitor import Monitor, MonitorOptions
from runbook_engine.execution.alarm_rules import Look, Watch
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import JournalUnavailableError, LeaseError
from runbook_engine.model.event import Actor, MonitorClosed
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.dispatcher import AttemptReport
from runbook_engine.testing import ManualClock, MemoryJournal

ENGINE = Actor(kind="engine", name="monitor")


def watch(name="failover/1", **more):
    about = {"runbook": name.partition("/")[0], "inventory": "demo", "then": "propose", "definition": "d"}
    return Watch(id=name, **{**about, "held_for": timedelta(minutes=5), **more})


class FakeWorld:
    """Gives what the script says at each time; a look or a telling takes no time."""

    def __init__(self, clock, verdict, *, channels=("1:mail",), watches=None, evidence=None):
        self.clock, self.verdict, self.channels = clock, verdict, channels
        self.watches = {one.id: one for one in (watches or [watch()])}
        self.evidence = evidence or {}
        self.looks, self.told, self.refused, self.news = [], [], 0, []

    def refresh(self):
        return self.news.pop() if self.news else ""

    def look(self, names, stop):
        for name in names:
            now = self.clock.now()
            self.looks.append((name, self.clock.monotonic()))
            verdict = self.verdict(self.clock.monotonic()) if callable(self.verdict) else self.verdict
            yield name, Look(verdict, now, why=verdict, incidents=("arn:1",), evidence=self.evidence)

    def tell(self, owed):
        self.told.append((owed.phase, owed.alarm.id, owed.telling.attempts))
        outcome = Outcome.FAILED if len(self.told) <= self.refused else Outcome.CHANGED
        return AttemptReport(task="tell", number=1, outcome=outcome, error="refused" if outcome == "failed" else "")


class Told:
    """Keeps what a listener is told."""

    def __init__(self):
        self.events, self.warnings = [], []

    def event(self, stored):
        self.events.append(stored.event)

    def warning(self, text):
        self.warnings.append(text)

    def progress(self, progress):
        raise AssertionError(progress)


class Scene:
    """A monitor that ends after some virtual time; several may follow one another on one journal."""

    def __init__(self, verdict="holds", **world):
        self.clock = ManualClock()
        self.journal = MemoryJournal(self.clock)
        self.world = FakeWorld(self.clock, verdict, **world)
        self.told = Told()

    def run(self, seconds=0.0, journal=None, **options):
        stop = CancelSignal()
        end = self.clock.monotonic() + seconds
        monitor = Monitor(
            journal=journal or self.journal,
            world=self.world,
            clock=self.clock,
            stop=stop,
            listener=self.told,
            actor=ENGINE,
            holder=this_process(),
            inventory="demo",
            options=MonitorOptions(**{"once": not seconds, **options}),
            on_round=lambda: stop.set() if self.clock.monotonic() >= end else None,
        )
        monitor.begin()
        return monitor.run()

    @property
    def kinds(self):
        return [event.kind for event in self.told.events]


def test_a_trigger_is_looked_at_every_minute_with_jitter():
    scene = Scene("clear")
    scene.run(3600)
    times = [time for _, time in scene.world.looks]
    gaps = {round(after - before, 3) for before, after in zip(times, times[1:], strict=False)}
    assert min(gaps) >= 54
    assert max(gaps) <= 67
    assert len(gaps) > 20
    assert scene.kinds.count("trigger.seen") == 1


def test_a_page_that_can_not_be_read_is_asked_less_often():
    scene = Scene("unknown", channels=())
    scene.run(7200)
    assert 22 <= len(scene.world.looks) <= 35


def test_a_page_that_asks_to_be_left_alone_is():
    scene = Scene("unknown", channels=(), evidence={"retry_after": "900"})
    scene.run(3600)
    assert len(scene.world.looks) <= 5
    several = Scene("unknown", channels=(), evidence={"sources": [{"retry_after": "900"}, {"url": "x"}]})
    several.run(3600)
    assert len(several.world.looks) <= 5


def test_an_alarm_is_told_once_and_its_end_too():
    scene = Scene(lambda now: "holds" if now < 1000 else "clear")
    scene.run(2 * 3600)
    assert [phase for phase, _, _ in scene.world.told] == ["raised", "over"]
    assert len({alarm for _, alarm, _ in scene.world.told}) == 1
    assert scene.journal.verify() == []


def test_whoever_can_not_be_told_is_tried_again():
    scene = Scene("holds")
    scene.world.refused = 3
    scene.run(3600)
    assert [attempts for _, _, attempts in scene.world.told] == [0, 1, 2, 3]


def test_once_looks_once_and_what_holds_adds_up_over_calls():
    scene = Scene("holds")
    for _ in range(6):
        found = scene.run()
        scene.clock.advance(60)
    assert scene.world.looks[-1][1] == 300
    assert [alarm.runbook for alarm in found.standing] == ["failover"]
    assert scene.world.told == [("raised", found.standing[0].id, 0)]
    assert len(scene.journal.monitor_records()) == 1
    scene.run()
    assert len(scene.world.told) == 1


def test_once_says_what_nobody_can_tell():
    found = Scene("unknown").run()
    assert (found.standing, found.unknown) == ((), ("failover/1",))
    assert Scene("clear").run().unknown == ()


def test_a_second_monitor_is_refused_and_the_first_one_taken_over_does_nothing_more():
    scene = Scene("clear")
    other = scene.journal.take_lease("monitor:demo", this_process(), 60)
    with pytest.raises(LeaseError):
        scene.run()
    scene.journal.release_lease(other)

    def verdict(now):
        if now > 100:
            scene.journal.take_lease("monitor:demo", this_process(), 600, take_over=True)
        return "clear" if now < 100 else "holds"

    late = Scene(verdict)
    late.journal, late.world.watches = scene.journal, {"failover/1": watch(held_for=timedelta(0))}
    with pytest.raises(LeaseError):
        late.run(3600)
    assert late.world.told == []
    assert "alarm.raised" not in late.kinds
    assert "could not be recorded" in late.told.warnings[-1]


def test_a_monitor_that_ends_gives_its_lease_back_and_says_so():
    scene = Scene("clear")
    scene.run(60)
    assert scene.kinds[-1] == "lease.lost"
    assert scene.journal.lease("monitor:demo") is None


def test_a_full_record_is_closed_and_another_one_goes_on():
    scene = Scene(lambda now: "holds" if int(now / 600) % 2 else "clear")
    scene.run(4 * 3600, longest_record=10)
    records = scene.journal.monitor_records()
    assert len(records) > 2
    assert {head.status for head in records[1:]} == {"closed"}
    assert scene.kinds.count("alarm.raised") == 1
    assert scene.journal.verify() == []
    told = len(scene.world.told)
    scene.run()
    assert (scene.kinds.count("alarm.raised"), len(scene.world.told)) == (1, told)


def test_whoever_was_frozen_between_record_and_message_tells_nobody():
    scene = Scene("holds", watches=[watch(held_for=timedelta(0))])
    event = scene.told.event

    def taken_over(stored):
        event(stored)
        if stored.event.kind == "alarm.raised":
            scene.journal.take_lease("monitor:demo", this_process(), 600, take_over=True)

    scene.told.event = taken_over
    with pytest.raises(LeaseError):
        scene.run()
    assert "alarm.raised" in scene.kinds
    assert scene.world.told == []


def test_after_a_kill_between_two_records_the_state_is_still_there():
    scene = Scene("holds")
    for _ in range(7):
        scene.run()
        scene.clock.advance(60)
    scene.journal.append(scene.journal.monitor_records()[0].id, [MonitorClosed()], ENGINE)
    for _ in range(2):
        assert len(scene.run().standing) == 1
        assert len(scene.world.told) == 1


class Away:
    """A journal that can't be written for a while; what is in `arrives` gets there, and the answer is lost."""

    def __init__(self, journal, clock, begin, end, *, arrives=frozenset()):
        self._journal, self._clock, self._begin, self._end, self._arrives = journal, clock, begin, end, arrives

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def append(self, run, events, actor, **more):
        away = self._begin <= self._clock.monotonic() < self._end
        if not away or self._arrives & {event.kind for event in events}:
            stored = self._journal.append(run, events, actor, **more)
        if away:
            raise JournalUnavailableError("the database is away")
        return stored


@pytest.mark.parametrize("arrives", [(), ("alarm.raised",), ("alarm.raised", "alarm.told"), ("trigger.seen",)])
def test_a_journal_that_is_away_for_a_while_loses_and_doubles_no_alarm(arrives):
    scene = Scene("holds")
    scene.run(3600, journal=Away(scene.journal, scene.clock, 290, 420, arrives={*arrives}))
    events = [stored.event.kind for stored in scene.journal.read(scene.journal.monitor_records()[0].id)]
    assert (events.count("alarm.raised"), events.count("alarm.told")) == (1, 1)
    assert len(scene.world.told) == 1
    assert any("tried again" in text for text in scene.told.warnings)


def test_a_journal_that_is_away_for_too_long_ends_the_monitor():
    scene = Scene(lambda now: "clear" if now < 200 else "holds")
    with pytest.raises(JournalUnavailableError):
        scene.run(7200, journal=Away(scene.journal, scene.clock, 200, 9e9))
    assert scene.clock.monotonic() < 200 + 300 + 100


def test_who_looks_once_does_not_wait_for_a_journal():
    scene = Scene("holds")
    with pytest.raises(JournalUnavailableError):
        scene.run(journal=Away(scene.journal, scene.clock, 0, 9e9))
    assert scene.clock.monotonic() == 0


def test_what_changed_of_the_files_is_told():
    scene = Scene("clear")
    scene.world.news = ["the files changed: 1 triggers are watched now"]
    scene.run()
    assert scene.told.warnings == ["the files changed: 1 triggers are watched now"]
