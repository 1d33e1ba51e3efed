"""Stored events as a journal would give them."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.model.event import Actor, RunOpened, StepSummary, StoredEvent

START = datetime(2026, 11, 23, 12, 3, 4, tzinfo=UTC)


@pytest.fixture
def stored():
    """Wraps events as stored ones, a second apart."""
    count = 0

    def wrap(event):
        nonlocal count
        count += 1
        return StoredEvent(
            run="20261123-120304-book-0001",
            seq=count,
            time=START + timedelta(seconds=count),
            actor=Actor(name="dana"),
            event=event,
            previous="",
            hash="",
        )

    return wrap


@pytest.fixture
def opened():
    """Makes a run.opened event for steps with these numbers of tasks."""

    def make(**steps: int):
        summaries = tuple(
            StepSummary(id=name.replace("_", "-"), digest="", tasks=count, targets_digest="")
            for name, count in steps.items()
        )
        return RunOpened(
            runbook="book",
            inventory="demo",
            mode="live",
            fingerprint="f",
            engine_version="1",
            steps=summaries,
            tasks=sum(steps.values()),
        )

    return make
