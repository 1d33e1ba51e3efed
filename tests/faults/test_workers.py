"""Workers, control processes and the database die, freeze and come back in mid-run: nothing lost, nothing twice."""

import shutil
import signal

import httpx
import psycopg
import pytest
from support.fleet import Fleet

pytestmark = [pytest.mark.timeout(600)]

# A step on four targets of two queues; each writes that it began, waits for the word to go, and writes that it ended.
WAITS = """\
runbook: book
steps:
  - id: work
    targets: all
    timeout: 5m
    command.run:
      shell: 'echo began-{{ target.name }} >> ledger; while [ ! -e go ]; do sleep 0.1; done; echo ended-{{ target.name }} >> ledger'
      cwd: ROOT
  - id: after
    needs: [work]
    targets: all
    command.run: {shell: 'echo after-{{ target.name }} >> ledger', cwd: ROOT}
"""
HOSTS = ("e1", "e2", "w1", "w2")
BEGUN = sorted(f"began-{host}" for host in HOSTS)
ALL = sorted([*BEGUN, *(f"ended-{host}" for host in HOSTS), *(f"after-{host}" for host in HOSTS)])


@pytest.fixture
def fleet(runbook, postgres):
    made = Fleet(runbook, postgres)
    yield made
    made.close()


def _go(fleet):
    (fleet.root / "go").touch()


def _events(fleet):
    return fleet.sql("SELECT count(*) FROM events")[0][0]


def _in_flight(fleet, more=""):
    """Give the control process and the workers of a run whose four attempts are all in flight; `more`: further steps."""
    fleet.book(WAITS + more)
    started = [fleet.worker(queue) for queue in ("us-east-1", "eu-west-1")]
    process = fleet.control("run", "book", "-i", "two.yml", "--yes")
    fleet.wait(lambda: fleet.ledger == BEGUN)
    return process, started


def test_control_is_killed_and_the_work_ends_before_anybody_goes_on(fleet):
    control, _ = _in_flight(fleet)
    control.kill()
    control.wait()
    _go(fleet)
    fleet.wait(lambda: fleet.sql("SELECT count(*) FROM queue_orders WHERE state = 'reported'") == [(4,)])
    assert fleet.ended(fleet.control("resume", "--yes", "--take-over")) == 0, fleet.everything()
    assert fleet.ledger == ALL


# An action whose work is the worker's own: what it does dies with it, or wakes with it.
SLOW = '''\
import time
from pathlib import Path
from runbook_engine.sdk import Action, Applied, CheckStatus, Finding, Params

class SlowParams(Params):
    """Where."""

    root: str

class Slow(Action):
    """Looks for as long as nobody says go, then writes one line."""

    name = "slow.mark"
    Params = SlowParams

    def check(self, params, context):
        root = Path(params.root)
        done = (root / "marks").exists()
        if not done:
            with (root / "looks").open("a") as file:
                file.write("look\\n")
            while not (root / "go").exists():
                time.sleep(0.05)
        return Finding(status=CheckStatus.SATISFIED if done else CheckStatus.UNSATISFIED)

    def apply(self, params, context):
        with (Path(params.root) / "marks").open("a") as file:
            file.write("mark\\n")
        return Applied()
'''


def test_attempts_of_a_killed_and_of_a_frozen_worker_are_found_by_others_and_not_made_again(fleet):
    fleet.runbook.write("plugins/slow.py", SLOW)
    slow = "  - id: slow\n    targets: w1\n    timeout: 5m\n    slow.mark: {root: ROOT}\n"
    control, (east, west) = _in_flight(fleet, slow)
    looks = fleet.root / "looks"
    fleet.wait(looks.exists)
    east.kill()
    east.wait()
    west.send_signal(signal.SIGSTOP)
    fleet.worker("us-east-1", "eu-west-1")
    fleet.wait(lambda: fleet.said(control).count("vanished") == len(HOSTS) + 1)
    fleet.wait(lambda: looks.read_text().count("look") == 2)
    _go(fleet)
    assert fleet.ended(control) == 0, fleet.everything()
    before = _events(fleet)
    west.send_signal(signal.SIGCONT)
    west.send_signal(signal.SIGTERM)
    assert fleet.ended(west) == 0, fleet.everything()
    assert "given up" in fleet.said(west)
    assert _events(fleet) == before, "who wakes writes nothing"
    assert fleet.ledger == ALL, "the commands went on by themselves, and were found"
    assert (fleet.root / "marks").read_text() == "mark\n", "who wakes changes nothing"
    assert fleet.sql("SELECT count(*) FROM queue_orders WHERE state IN ('begun', 'reported')") == [(0,)]


@pytest.mark.parametrize("ends_meanwhile", [True, False])
def test_the_database_is_restarted_in_mid_run(fleet, ends_meanwhile):
    control, workers = _in_flight(fleet)
    fleet.postgres.stop()
    try:
        if ends_meanwhile:
            _go(fleet)
            fleet.wait(lambda: sum(name.startswith("ended") for name in fleet.ledger) == len(HOSTS))
        fleet.wait(lambda: all("can't be reached" in fleet.said(one) for one in (*workers, control)))
    finally:
        fleet.postgres.start()
    _go(fleet)
    assert fleet.ended(control) == 0, fleet.everything()
    assert fleet.ledger == ALL


def test_a_worker_that_is_told_to_stop_ends_what_runs_and_leaves_the_rest_to_others(fleet):
    fleet.book(WAITS.replace("    timeout: 5m", "    timeout: 5m\n    batch: 1"))
    regional = fleet.role_of_a_worker()
    first = fleet.worker("us-east-1", "eu-west-1", RUNBOOK_JOURNAL=regional)
    control = fleet.control("run", "book", "-i", "two.yml", "--yes")
    fleet.wait(lambda: len(fleet.ledger) == 1)
    first.send_signal(signal.SIGTERM)
    fleet.wait(lambda: "takes nothing more" in fleet.said(first))
    _go(fleet)
    assert fleet.ended(first) == 0, fleet.everything()
    fleet.worker("us-east-1", "eu-west-1", RUNBOOK_JOURNAL=regional)
    assert fleet.ended(control) == 0, fleet.everything()
    assert fleet.ledger == ALL
    for table in ("events", "runs", "outputs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fleet.sql(f"SELECT * FROM {table}", regional)


def test_a_queue_without_a_worker_is_told_and_waited_for(fleet):
    fleet.book(WAITS)
    _go(fleet)
    fleet.worker("us-east-1")
    assert "RB243" in fleet.runbook("plan", "book", "-i", "two.yml").err
    control = fleet.control("run", "book", "-i", "two.yml", "--yes")
    fleet.wait(lambda: "no worker serves the queue eu-west-1" in fleet.said(control))
    (here,) = fleet.runbook("workers", "--output", "json").json
    assert (here["queues"], here["state"]) == (["us-east-1"], "works")
    fleet.wait(lambda: fleet.sql("SELECT to_regclass('queue_orders') IS NOT NULL") == [(True,)])
    fleet.wait(lambda: fleet.sql("SELECT FROM queue_orders WHERE queue = 'eu-west-1' AND state = 'waiting'"))
    told = fleet.runbook("status", "--output", "json")
    assert told.status == 0, told.err
    queued = told.json["queued"]
    assert {(one["queue"], one["served"]) for one in queued} >= {("eu-west-1", False)}
    stands = fleet.runbook("status").out
    assert "waits for a worker of the queue eu-west-1, which nobody serves: " in stands, stands
    waiting = [one["task"] for one in queued if not one["served"]]
    assert waiting
    assert not [task for task in waiting if f"running: {task}" in stands]
    fleet.worker("eu-west-1")
    assert fleet.ended(control) == 0, fleet.everything()
    assert fleet.ledger == ALL


def test_ctrl_c_does_not_wait_for_a_worker_that_never_comes(fleet):
    fleet.book(WAITS)
    control = fleet.control("run", "book", "-i", "two.yml", "--yes")
    fleet.wait(lambda: fleet.sql("SELECT to_regclass('queue_orders') IS NOT NULL") == [(True,)])
    fleet.wait(lambda: fleet.sql("SELECT count(*) FROM queue_orders") == [(4,)])
    control.send_signal(signal.SIGINT)
    assert fleet.ended(control) == 130, fleet.everything()
    _go(fleet)
    fleet.worker("us-east-1", "eu-west-1")
    assert fleet.ended(fleet.control("resume", "--yes")) == 0, fleet.everything()
    assert fleet.ledger == ALL


def test_an_abort_reaches_what_a_worker_does(fleet):
    control, _ = _in_flight(fleet)
    run = fleet.runbook("runs", "--output", "json").json[0]["id"]
    assert fleet.runbook("abort", run, "--cancel", "--reason", "stop").status == 0
    assert fleet.ended(control) == 1, fleet.everything()
    assert fleet.ledger == BEGUN


def test_a_steps_timeout_holds_on_a_worker(fleet):
    fleet.book(WAITS.replace("timeout: 5m", "timeout: 2s"))
    fleet.worker("us-east-1", "eu-west-1")
    control = fleet.control("run", "book", "-i", "two.yml", "--yes")
    assert fleet.ended(control) == 1, fleet.everything()
    assert "2 s" in fleet.said(control)
    assert fleet.ledger == BEGUN


def test_secrets_are_the_workers_own_and_never_in_the_database(fleet):
    fleet.book("""\
runbook: book
steps:
  - id: work
    targets: west
    environment: {PASSWORD: "{{ secret('env:REGIONAL') }}"}
    command.run: {shell: 'echo "it is $PASSWORD"; echo done >> ledger', cwd: ROOT}
""")
    control = fleet.control("run", "book", "-i", "two.yml", "--yes", REGIONAL="not-this-one")
    fleet.wait(lambda: "no worker" in fleet.said(control))
    orders = str(fleet.sql("SELECT * FROM queue_orders") + fleet.sql("SELECT * FROM queue_runs"))
    assert "env:REGIONAL" in orders
    assert "not-this-one" not in orders
    fleet.worker("eu-west-1", REGIONAL="hunter2-of-the-west")
    assert fleet.ended(control) == 0, fleet.everything()
    outputs = [bytes(data) for (data,) in fleet.sql("SELECT data FROM outputs")]
    assert outputs == [b"it is [redacted]\n"] * 2


def test_a_worker_with_other_files_refuses(fleet):
    plugin = """\
from runbook_engine.sdk import Action, CheckStatus, Finding, Params

class Mark(Action):
    \"\"\"Says yes.\"\"\"

    name = "mark.it"
    Params = Params

    def check(self, params, context):
        return Finding(status=CheckStatus.SATISFIED, summary="VERSION")
"""
    fleet.runbook.write("plugins/mark.py", plugin)
    fleet.runbook.write("files/script.sh", "echo one\n")
    fleet.book("""\
runbook: book
steps:
  - id: mark
    targets: w1
    mark.it: {}
  - id: script
    targets: w1
    script.run: {script: files/script.sh}
""")
    other = fleet.root.parent / "copy"
    shutil.copytree(fleet.root, other)
    for changed in ("plugins/mark.py", "files/script.sh"):
        (other / changed).write_text((other / changed).read_text().replace("VERSION", "2").replace("one", "two"))
    fleet.worker("eu-west-1", root=other)
    control = fleet.control("run", "book", "-i", "two.yml", "--yes")
    assert fleet.ended(control) == 1, fleet.everything()
    said = fleet.said(control)
    assert "the action mark.it is of plugins/mark.py sha256:" in said, said
    assert "files/script.sh is another one here" in said, said


def test_a_file_journal_is_refused_before_anything_is_done(fleet):
    fleet.book(WAITS)
    for words in (("plan", "book", "-i", "two.yml"), ("run", "book", "-i", "two.yml", "--yes")):
        called = fleet.runbook(*words, RUNBOOK_JOURNAL="sqlite:///.runbook/journal.db")
        assert (called.status, "RB241" in called.err) == (3, True), called.err
    for words in (("worker", "--queue", "q"), ("workers",)):
        assert fleet.runbook(*words, RUNBOOK_JOURNAL="sqlite:///.runbook/journal.db").status == 2
    assert fleet.ledger == []


def test_without_a_queue_of_its_own_a_target_is_reached_from_here(fleet):
    fleet.book(WAITS)
    _go(fleet)
    fleet.runbook.write("runbook.toml", (fleet.root / "runbook.toml").read_text() + 'dispatcher = "threads"\n')
    assert fleet.runbook("run", "book", "-i", "two.yml", "--yes").status == 0
    assert fleet.ledger == ALL


def test_a_worker_offers_its_metrics(fleet):
    fleet.book("runbook: book\nsteps:\n  - {id: one, targets: east, command.run: {argv: ['true']}}\n")
    worker = fleet.control("worker", "--queue", "us-east-1", "--metrics", "0")
    fleet.wait(lambda: "metrics: http://" in fleet.said(worker) and "serves" in fleet.said(worker))
    assert fleet.runbook("run", "book", "-i", "two.yml", "--yes").status == 0
    url = next(word for word in fleet.said(worker).split() if word.startswith("http://"))
    body = httpx.get(url).text
    assert 'runbook_worker_attempts_total{action="command.run",outcome="changed"} 2.0' in body
    assert "runbook_worker_attempts_running 0.0" in body
