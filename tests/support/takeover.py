"""The failover of a region whose every step workers of two regions make, while the machines that run it die.

The cloud's requests, the hosts' own counts and the mail server's log say what was done; which of it was in flight when a
machine died, the hosts and the cloud say, too.
"""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import psycopg
import yaml

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.project import open_project
from runbook_engine.journals.address import open_journal
from runbook_engine.lab.client import Broken, set_broken
from runbook_engine.lab.hosts import reserve_port
from runbook_engine.model.event import AttemptStarted
from support.control_machines import ProcessMachine, environment
from support.in_background import wait_for
from support.recorded_ends import ended_well, kept
from support.rehearsal_lab import (
    clear_host,
    deploy_lines,
    requests,
    restore_lab,
    running_lab,
    target_side,
)

PATIENCE = 120  # seconds after which a test gives up waiting
STANDBY, WITNESS = "eu-west-1", "eu-central-1"
ONCE = {"standby-1": 1, "standby-2": 1, "standby-3": 1}
EVERYBODY = ["customers@lists.example.com", "dana@example.com", "eli@example.com", "sam@example.com"]
# Counts on the host's side, and waits there for as long as the test wants.
DEPLOY = """\
#!/bin/sh
# deploy.sh FOLDER NAME COMMAND...
folder=$1 name=$2
shift 2
echo "$name" >> "$folder/begun"
while [ -e "$folder/hold" ] && [ "$name" != standby-1 ]; do sleep 0.05; done
exec "$@"
"""


class Grounds:
    """What outlives a run: the lab, one more host, the workers of two regions, and the project that all have copies of."""

    def __init__(self, top, postgres):
        self.top, self.postgres = top, postgres
        self.ending = contextlib.ExitStack()
        self.database = postgres.new_database()
        self.url = postgres.url(self.database)
        self.host = top / "standby-3"
        self.held = top / "held"  # where hosts count, and wait
        self.held.mkdir()
        self.host.mkdir()

    def __enter__(self):
        with self.ending:
            self.lab = self.ending.enter_context(running_lab(self.top / "lab"))
            self.port = self.ending.enter_context(reserve_port(0)).getsockname()[1]
            self._start_host()
            self.desk = self.machine(ProcessMachine, "desk")
            self.desk("journal", "init")
            self.workers = [self._worker(queue) for queue in (STANDBY, WITNESS)]
            for worker in self.workers:
                wait_for(lambda one=worker: "serves" in one.said() or one.is_over, PATIENCE)
            self.ending = self.ending.pop_all()
        return self

    def __exit__(self, *failure):
        self.ending.close()

    def machine(self, kind, name, url="", **more):
        """Make a machine with a copy of the project, whose inventory says which region's workers do what."""
        made = kind(self.top / name, url or self.url, **more)
        addresses = yaml.safe_load((self.top / "lab/inventory.yml").read_text())
        (made.project / "inventories/lab.yml").write_text(json.dumps(addresses))
        (made.project / "inventories/regions.yml").write_text(json.dumps(self._regions(addresses["all"]["hosts"])))
        return made

    def _regions(self, hosts):
        """The standby region's worker calls the cloud and reaches two hosts; a witness elsewhere has the others."""
        script = self.top / "deploy.sh"
        script.write_text(DEPLOY)
        hosts = {name: hosts[name] for name in ("standby-1", "standby-2")}
        hosts["standby-3"] = {
            "app_host": "127.0.0.1",
            "app_port": self.port,
            "health_url": f"http://127.0.0.1:{self.port}/health",
            "release_folder": str(self.host / "releases"),
            "deploy_command": [sys.executable, "-m", "runbook_engine.lab.deploy", "--host-dir", str(self.host)],
            "queue": WITNESS,
        }
        for name, host in hosts.items():
            host["deploy_command"] = ["/bin/sh", str(script), str(self.held), name, *host["deploy_command"]]
        localhost = {"ansible_connection": "local", "queue": STANDBY}
        groups = {"primary": {"vars": {"queue": WITNESS}}, "standby": {"vars": {"queue": STANDBY}, "hosts": hosts}}
        return {"all": {"vars": {"poll": "0.2s"}, "hosts": {"localhost": localhost}, "children": groups}}

    def _start_host(self):
        argv = [sys.executable, "-m", "runbook_engine.lab.app", "--host-dir", str(self.host), "--port", str(self.port)]
        process = subprocess.Popen(argv, env=environment(self.top), stdin=subprocess.DEVNULL)
        self.ending.callback(process.wait)
        self.ending.callback(process.kill)

    def _worker(self, queue):
        machine = self.machine(ProcessMachine, f"worker-{queue}")
        running = machine.start("worker", "--queue", queue)
        self.ending.callback(running.close)
        return running


class Failover:
    """One run of region-failover on these grounds, from its beginning to what the target's side says at its end."""

    def __init__(self, grounds):
        self.grounds, self.lab, self.held = grounds, grounds.lab, grounds.held
        restore_lab(self.lab)
        clear_host(grounds.host)
        (self.held / "begun").unlink(missing_ok=True)
        self.since = len(requests(self.lab))
        self.known = {run for (run,) in self.sql("SELECT id FROM runs")}
        self.before, self.controls = {}, []
        self.run = ""

    def close(self):
        self.let_hosts_go()
        for control in self.controls:
            control.close()

    def start(self, machine):
        """Begin the run; the director approves as soon as the gate asks."""
        manifest = json.loads(self.lab.snapshot_manifest.read_bytes())["content_sha256"]
        inventory = ("-i", "demo", "-i", "inventories/lab.yml", "-i", "inventories/regions.yml")
        given = ("-e", "incident=OPS-1042", "-e", f"manifest_sha256={manifest}")
        control = self._started(machine, "run", "region-failover", *inventory, *given, "--yes", "--wait")
        self.wait(self._find_run)
        approving = threading.Thread(target=self._approve, daemon=True)
        approving.start()
        return control

    def take_over(self, machine):
        """Have another machine go on; nobody there knows the run's name."""
        return self._started(machine, "resume", "--yes", "--wait", "--take-over")

    def _started(self, machine, *words):
        self.controls.append(machine.start(*words))
        return self.controls[-1]

    def _find_run(self):
        self.run = next((run for (run,) in self.sql("SELECT id FROM runs") if run not in self.known), "")
        return self.run

    def _approve(self):
        asked = "SELECT count(*) FROM events WHERE run = %s AND kind = 'gate.opened'"
        self.wait(lambda: self.sql(asked, self.run) == [(1,)])
        project = open_project(self.grounds.desk.project)
        with self.journal() as journal:
            answer_gate(project, journal, self.run, "declare", approve=True, reason="a drill", person="dana")

    @contextlib.contextmanager
    def journal(self):
        journal = open_journal(self.grounds.url, project=self.grounds.desk.project, create=False)
        try:
            yield journal
        finally:
            journal.close()

    def sql(self, query, *values):
        with psycopg.connect(self.grounds.url) as connection:
            return connection.execute(query, values).fetchall()

    def wait(self, until):
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < end, self.everything()
            time.sleep(0.02)

    def everything(self):
        said = [f"--- {running.log}\n{running.said()}" for running in (*self.controls, *self.grounds.workers)]
        orders = self.sql("SELECT task, number, queue, state, host FROM queue_orders WHERE run = %s", self.run)
        return "\n".join([*said, *map(str, orders), str(self.sql("SELECT name, fence, holder FROM leases"))])

    # --- What is in flight, as the target's side tells it.

    def make_restores_slow(self, *, slow):
        set_broken(self.lab, Broken("slow-restore"), broken=slow)

    def hold_hosts(self):
        (self.held / "hold").touch()

    def let_hosts_go(self):
        (self.held / "hold").unlink(missing_ok=True)

    def is_restoring(self):
        return any(call["operation"] == "RestoreDBInstanceFromDBSnapshot" for call in requests(self.lab, self.since))

    def begun(self):
        """Count on the hosts' side how often the deployment began on each."""
        path = self.held / "begun"
        names = path.read_text().split() if path.exists() else []
        return {name: names.count(name) for name in names}

    def at_work(self):
        """Name the queues whose workers have begun something that is not over."""
        found = self.sql("SELECT DISTINCT queue FROM queue_orders WHERE run = %s AND state = 'begun'", self.run)
        return {queue for (queue,) in found}

    # --- Who has the run, and what is recorded of it.

    def is_taken(self, times):
        """Whether the run's lease was taken so often."""
        return self.sql("SELECT fence FROM leases WHERE name = %s", f"run:{self.run}") == [(times,)]

    def count_events(self):
        return self.sql("SELECT count(*) FROM events WHERE run = %s", self.run)[0][0]

    def attempts(self, *steps):
        """Give how many attempts were begun of each task of some steps."""
        with self.journal() as journal:
            begun = [one.event for one in journal.read(self.run) if isinstance(one.event, AttemptStarted)]
        tasks = [event.task for event in begun if event.task.partition("@")[0] in steps]
        return [tasks.count(task) for task in sorted(set(tasks))]

    def note_ends(self):
        """Remember which ends are recorded by now."""
        with self.journal() as journal:
            self.before |= ended_well(self.run, journal)

    def all_done_once(self):
        """Make sure that all was done, and nothing of it twice; no person had to say what became of anything."""
        self.let_hosts_go()
        folders = {name: self.lab.apps[name].dir for name in ("standby-1", "standby-2")}
        folders["standby-3"] = self.grounds.host
        with self.journal() as journal:
            found = {
                "status": journal.head(self.run).status,
                "damage": [str(damage) for damage in journal.verify()],
                "deployments": {name: deploy_lines(folder) for name, folder in folders.items()},
                "begun": self.begun(),
                **target_side(self.lab, self.run, self.since),
                **kept(self.run, journal, self.before),
            }
        expected = {
            "status": "succeeded",
            "damage": [],
            "deployments": ONCE,
            "begun": ONCE,
            "restores": 1,
            "leads_to": "standby.reviews.example.",
            "mails": dict.fromkeys(EVERYBODY, 1),
            "lost": [],
            "again": [],
        }
        assert found == expected, self.everything()


class HowItEnded(NamedTuple):
    """How a harmed failover ended.

    Attributes:
        status: of the machine that brought it to its end.
        attempts: how many the restore and each deployment took; one means that the one under way was waited for.
        woken: status of the machine that was frozen, and woke after the end.
        waits: seconds from each harm until another machine had the run.
    """

    status: int
    attempts: list[int]
    woken: int
    waits: tuple[float, ...]


def killed_and_frozen(failover, machines):
    """Kill the first machine while the cloud restores, freeze the second while two regions deploy; the third ends it.

    What targets saw is compared here; how it ended is for the test to judge.
    """
    first, second, third = machines
    failover.make_restores_slow(slow=True)
    failover.hold_hosts()
    killed = failover.start(first)
    failover.wait(failover.is_restoring)
    failover.note_ends()
    killed.kill()
    frozen, one = _taken_over(failover, second, 2)
    failover.make_restores_slow(slow=False)
    failover.wait(lambda: failover.begun().keys() >= {"standby-2", "standby-3"})
    failover.note_ends()
    assert failover.at_work() == {STANDBY, WITNESS}
    frozen.freeze()
    last, other = _taken_over(failover, third, 3)
    failover.let_hosts_go()
    status = last.ended()
    attempts = failover.attempts("restore-db", "deploy")
    woken = wakes_for_nothing(failover, frozen)
    failover.all_done_once()
    return HowItEnded(status, attempts, woken, (one, other))


def _taken_over(failover, machine, times):
    began = time.monotonic()
    control = failover.take_over(machine)
    failover.wait(lambda: failover.is_taken(times))
    return control, round(time.monotonic() - began, 2)


def wakes_for_nothing(failover, frozen):
    """Let a control process that was frozen wake after the end: it writes nothing, and says whose the run is.

    Gives its exit status.
    """
    recorded = failover.count_events()
    frozen.thaw()
    status = frozen.ended()
    assert status == 5, failover.everything()
    assert re.search(r"is no longer held by|the right to advance .* was lost", frozen.said()), frozen.said()
    assert "goes on with: runbook resume" not in frozen.said()
    assert failover.count_events() == recorded, "who wakes writes nothing"
    return status
