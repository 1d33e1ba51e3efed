"""The container that runs the failover of a region is killed, and another one frozen; a third goes on with it.

The containers reach nobody but the journal's database; workers of two regions do all the work.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.containers import Net, why_not
from support.control_machines import ContainerMachine
from support.takeover import Failover, Grounds, killed_and_frozen
from support.tcp import Relay

pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]


@pytest.fixture
def stage(tmp_path, postgres):
    """Three machines in a network from which there is a way to the database alone."""
    (tmp_path / "grounds").mkdir()
    with ExitStack() as ending:
        net = Net()
        ending.callback(net.stop)
        relay = Relay(str(Path(postgres.folder) / ".s.PGSQL.5432"), host=net.ours)
        ending.callback(relay.close)
        grounds = ending.enter_context(Grounds(tmp_path / "grounds", postgres))
        failover = Failover(grounds)
        ending.callback(failover.close)
        url = f"postgresql://runbook@{net.ours}:{relay.address}/{grounds.database}"
        yield failover, [grounds.machine(ContainerMachine, name, url, net=net) for name in ("one", "two", "three")]


def test_killed_while_one_region_restores_and_frozen_while_two_deploy(stage):
    ended = killed_and_frozen(*stage)
    sys.stdout.write(f"seconds until another container had the run: {ended.waits}\n")
    assert (ended.status, ended.attempts, ended.woken) == (0, [1, 1, 1, 1], 5), stage[0].everything()
