"""Runs told in a few lines: events with times a second apart, chained as a journal does it."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.journals.chain import genesis, make_row
from runbook_engine.model.event import Actor, AttemptFinished, AttemptStarted, RunOpened, StepSummary, write_time

BEGIN = datetime(2026, 3, 1, 2, 0, 0, tzinfo=UTC)
ENGINE = Actor(kind="engine", name="runbook", host="laptop")
DANA = Actor(name="dana", os_user="dk", host="laptop")


class Story:
    """Collects events; `at` moves the clock to so many seconds after the run's beginning."""

    def __init__(self, run="r-1"):
        self.run, self.seconds, self.events = run, 0, []

    def at(self, seconds):
        self.seconds = seconds
        return self

    def say(self, *events, by=ENGINE):
        for event in events:
            time = write_time(BEGIN + timedelta(seconds=self.seconds))
            previous = self.events[-1].hash if self.events else genesis(self.run)
            self.events.append(make_row(self.run, len(self.events) + 1, time, by, event, previous)[1])
        return self

    def opened(self, steps, mode="live", **more):
        plan = tuple(
            StepSummary(id=step, digest="d", tasks=tasks, targets_digest="t", **facts)
            for step, tasks, facts in ((*entry, {})[:3] if len(entry) < 3 else entry for entry in steps)
        )
        facts = {
            "runbook": "region-failover",
            "inventory": "production",
            "fingerprint": "f" * 64,
            "engine_version": "1.0",
        }
        return self.say(
            RunOpened(mode=mode, steps=plan, tasks=sum(step.tasks for step in plan), **{**facts, **more}), by=DANA
        )

    def did(self, task, outcome="changed", *, number=1, took=10, **more):
        begin = self.seconds
        self.say(AttemptStarted(task=task, number=number, token="t"))
        self.at(begin + took)
        return self.say(AttemptFinished(task=task, number=number, outcome=outcome, seconds=took, **more))


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def begin():
    return BEGIN


@pytest.fixture
def dana():
    return DANA
