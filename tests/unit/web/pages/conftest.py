"""A project that was really run, once for all tests of a module, which only look."""

import pytest
from support.dashboard_stage import Stage

from runbook_engine.model.outcome import Mode


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("dashboard") / "project")
    yield made
    made.journal.close()


@pytest.fixture(scope="module")
def gated(stage):
    """A run that waits for a director."""
    return stage.run("failover")


@pytest.fixture(scope="module")
def held(stage):
    """A run with a step held on three targets, and a task to be done by hand."""
    run = stage.run("failover")
    stage.approve(run)
    stage.resume(run)
    return run


@pytest.fixture(scope="module")
def fleet(stage):
    """A run on thirty targets, of which some failed."""
    return stage.run("fleet-check")


@pytest.fixture(scope="module")
def rehearsed(stage):
    """A dry run."""
    return stage.run("failover", mode=Mode.DRY_RUN)
