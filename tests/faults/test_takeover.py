"""The machine that runs the failover of a region dies or freezes while workers of two regions work; others go on.

Each machine has a name, a home and a copy of the project of its own. RUNBOOK_FAULTS=all: many runs, harmed at random.
"""

import os
import random
import sys
import time

import pytest
from support.control_machines import ProcessMachine
from support.takeover import Failover, Grounds, killed_and_frozen, wakes_for_nothing

pytestmark = [pytest.mark.timeout(600)]

SEEDS = range(int(os.environ.get("RUNBOOK_FAULTS_SEEDS", "40")))


@pytest.fixture(scope="module")
def grounds(tmp_path_factory, postgres):
    with Grounds(tmp_path_factory.mktemp("takeover"), postgres) as made:
        made.machines = [made.machine(ProcessMachine, name) for name in ("first", "second", "third")]
        yield made


@pytest.fixture
def failover(grounds):
    made = Failover(grounds)
    yield made
    made.close()


def test_killed_while_one_region_restores_and_frozen_while_two_deploy(failover, grounds):
    ended = killed_and_frozen(failover, grounds.machines)
    sys.stdout.write(f"seconds until another machine had the run: {ended.waits}\n")
    assert (ended.status, ended.attempts, ended.woken) == (0, [1, 1, 1, 1], 5), failover.everything()


@pytest.mark.skipif(os.environ.get("RUNBOOK_FAULTS") != "all", reason="RUNBOOK_FAULTS=all runs this for minutes")
@pytest.mark.parametrize("seed", SEEDS if os.environ.get("RUNBOOK_FAULTS") == "all" else SEEDS[:1])
def test_harmed_at_random_it_is_done_once(failover, grounds, seed):
    dice = random.Random(seed)
    control = failover.start(grounds.machines[0])
    frozen, waits = [], []
    for number in range(1, 4):
        time.sleep(dice.uniform(0.1, 3.0))
        failover.note_ends()
        harmed, victim = time.monotonic(), control
        if dice.random() < 0.5:
            victim.kill()
        else:
            victim.freeze()
        control = failover.take_over(grounds.machines[number % 3])
        failover.wait(lambda times=number + 1, one=control: failover.is_taken(times) or one.is_over)
        if not failover.is_taken(number + 1):  # all was done before the harm
            victim.thaw()
            break
        waits.append(round(time.monotonic() - harmed, 2))
        if not victim.is_over:
            frozen.append(victim)
        if frozen and dice.random() < 0.5:
            woken = frozen.pop(0)  # while another one works
            woken.thaw()
            assert woken.ended() == 5, failover.everything()
    else:
        assert control.ended() == 0, failover.everything()
    for one in frozen:
        wakes_for_nothing(failover, one)
    failover.all_done_once()
    sys.stdout.write(f"harmed {number} times; seconds until another machine had the run: {waits}\n")
