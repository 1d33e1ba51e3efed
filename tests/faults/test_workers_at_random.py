"""Workers and control processes killed and frozen at random, over and over: nothing lost, nothing twice.

RUNBOOK_FAULTS_SEEDS sets how many runs are harmed (one without it).
"""

import os
import random
import signal
import time

import pytest
from support.fleet import Fleet

pytestmark = [pytest.mark.timeout(900)]

SEEDS = range(int(os.environ.get("RUNBOOK_FAULTS_SEEDS", "1")))
BOOK = """\
runbook: book
steps:
  - id: first
    targets: all
    loop: [1, 2, 3]
    command.run: {shell: 'echo begin-first-{{ target.name }}-{{ item }} >> ledger; sleep 0.7; echo end-first-{{ target.name }}-{{ item }} >> ledger', cwd: ROOT}
  - id: second
    needs: [first@target]
    targets: all
    loop: [1, 2]
    command.run: {shell: 'echo begin-second-{{ target.name }}-{{ item }} >> ledger; sleep 0.4; echo end-second-{{ target.name }}-{{ item }} >> ledger', cwd: ROOT}
  - id: marked
    needs: [second]
    targets: all
    mark.it: {path: 'ROOT/marks'}
"""
# An effect that a check finds, made by the worker itself: what is begun dies with it.
PLUGIN = '''\
import os
from pathlib import Path
from runbook_engine.sdk import Action, Applied, CheckStatus, Finding, Params

class MarkParams(Params):
    """Where."""

    path: str

class Mark(Action):
    """Leaves a mark, once."""

    name = "mark.it"
    Params = MarkParams

    def check(self, params, context):
        there = (Path(params.path) / context.target.name).exists()
        return Finding(status=CheckStatus.SATISFIED if there else CheckStatus.UNSATISFIED)

    def apply(self, params, context):
        Path(params.path).mkdir(exist_ok=True)
        os.close(os.open(Path(params.path) / context.target.name, os.O_CREAT | os.O_EXCL))
        return Applied()
'''
HOSTS = ("e1", "e2", "w1", "w2")
ALL = sorted(
    f"{word}-{step}-{host}-{item}"
    for word in ("begin", "end")
    for step, items in (("first", (1, 2, 3)), ("second", (1, 2)))
    for host in HOSTS
    for item in items
)


@pytest.fixture
def fleet(runbook, postgres):
    made = Fleet(runbook, postgres)
    yield made
    made.close()


class _Chaos:
    """Has one control process and two workers going, and harms them."""

    def __init__(self, fleet, seed):
        self.fleet = fleet
        self.random = random.Random(seed)
        self.control = fleet.control("run", "book", "-i", "two.yml", "--yes")
        self.workers = {queue: fleet.worker(queue, ready=False) for queue in ("us-east-1", "eu-west-1")}
        fleet.wait(lambda: "queue_orders" in str(fleet.sql("SELECT tablename FROM pg_tables")))
        fleet.wait(lambda: fleet.sql("SELECT count(*) FROM queue_runs") != [(0,)])

    def harm(self):
        what = self.random.choice([self.kill_control, self.kill_worker, self.freeze_worker, self.freeze_control])
        what()

    def kill_control(self):
        self.control.kill()
        self.control.wait()
        self.go_on()

    def freeze_control(self):
        frozen = self.control
        frozen.send_signal(signal.SIGSTOP)
        self.go_on()
        time.sleep(self.random.random())
        frozen.send_signal(signal.SIGCONT)

    def go_on(self):
        run = self.fleet.sql("SELECT id, status FROM runs")
        if run and run[0][1] == "open":
            self.control = self.fleet.control("resume", run[0][0], "--yes", "--take-over")

    def kill_worker(self):
        queue = self.random.choice(sorted(self.workers))
        self.workers[queue].kill()
        self.workers[queue].wait()
        self.workers[queue] = self.fleet.worker(queue, ready=False)

    def freeze_worker(self):
        worker = self.random.choice(sorted(self.workers.values(), key=id))
        worker.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 3.0))
        worker.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_each_task_is_done_once(fleet, seed):
    fleet.book(BOOK)
    fleet.runbook.write("plugins/mark.py", PLUGIN)
    chaos = _Chaos(fleet, seed)
    for _ in range(6):
        time.sleep(chaos.random.uniform(0.1, 3.0))
        chaos.harm()
    fleet.ended(chaos.control)
    if fleet.sql("SELECT status FROM runs") == [("open",)]:  # the last one met the process that was taken over
        chaos.go_on()
        fleet.ended(chaos.control)
    assert fleet.sql("SELECT status FROM runs") == [("succeeded",)], fleet.everything()
    assert fleet.ledger == ALL
    assert sorted(path.name for path in (fleet.root / "marks").iterdir()) == sorted(HOSTS)
    assert fleet.runbook("audit", "verify").status == 0
