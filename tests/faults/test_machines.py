"""Whole runs on machines that fall silent or reboot in mid-command: neighbours go on, nothing is done twice."""

import json
import re
import time

import pytest
from support.machine import Machine, why_not

from runbook_engine.model.errors import ExitCode

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]

WORK = """\
#!/bin/sh
# work.sh NAME [wait]: leaves a line, waits for its word, leaves another.
cd "$(dirname "$0")" || exit 1
echo "begin $1" >> ledger
[ -z "$2" ] || while [ ! -e "go-$1" ]; do sleep 0.05; done
echo "end $1" >> ledger
"""
BOOK = """\
runbook: move
steps:
  - id: first
    targets: all
    command.run: {argv: [STATE/work.sh, "first-{{ target.name }}", "{{ 'wait' if target.name != 'beside' else '' }}"]}
  - id: second
    targets: all
    needs: [first@target]
    command.run: {argv: [STATE/work.sh, "second-{{ target.name }}"]}
"""
NAMES = ("beside", "box", "gone")
EVERYTHING = sorted(
    f"{what} {step}-{name}" for what in ("begin", "end") for step in ("first", "second") for name in NAMES
)


class Stage:
    """A project with three machines; the first commands of two, `box` and `gone`, wait for their word."""

    def __init__(self, runbook, top, machines):
        self.state, self.runbook = top / "state", runbook
        self.state.mkdir()
        work = self.state / "work.sh"
        work.write_text(WORK)
        work.chmod(0o755)
        (top / "home/.ssh").mkdir(parents=True, mode=0o700)
        known = "".join((machine.folder / "known_hosts").read_text() for machine in machines)
        (top / "home/.ssh/known_hosts").write_text(known)
        self.environment = {"HOME": str(top / "home")}
        hosts = {machine.name: machine.variables() for machine in machines}
        runbook.write("hosts.yml", json.dumps({"all": {"hosts": hosts}}))
        runbook.write("runbook.toml", 'inventory = "hosts.yml"\n')
        runbook.write("runbooks/move.yml", BOOK.replace("STATE", str(self.state)))

    def start(self):
        return self.runbook.start("run", "move", "--yes", **self.environment)

    def __call__(self, *words):
        return self.runbook(*words, **self.environment)

    @property
    def ledger(self):
        path = self.state / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, *lines):
        until = time.monotonic() + 30
        while not set(lines) <= set(self.ledger):
            assert time.monotonic() < until, self.ledger
            time.sleep(0.02)

    def say_go(self, *names):
        for name in names:
            (self.state / f"go-first-{name}").touch()


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    top = tmp_path_factory.mktemp("machines")
    made = {name: Machine(top / name, name) for name in NAMES}
    yield made
    for machine in made.values():
        machine.stop()


@pytest.fixture
def stage(runbook, tmp_path, machines):
    return Stage(runbook, tmp_path, machines.values())


def test_machines_that_fall_silent_hold_nobody_up_and_one_is_found_again_and_one_never(stage, machines):
    run = stage.start()
    stage.wait_for("begin first-box", "begin first-gone", "end first-beside")
    for name in ("box", "gone"):
        machines[name].drop_packets()
    try:
        _, told = run.communicate(timeout=120)
        assert run.returncode == ExitCode.FAILED, told
        assert stage.ledger.count("end second-beside") == 1, "the neighbour went on"
        for name in ("box", "gone"):
            assert re.search(rf"in doubt +first@{name} .*no connection within", told), told
        # Nobody will ever reach it again; a person saw what it had done.
        assert stage("resolve", "last", "first@gone", "done", "--reason", "its disk, in another machine").status == 0
    finally:
        for name in ("box", "gone"):
            machines[name].let_packets_through()
    stage.say_go("box")
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    assert sorted([*stage.ledger, "end first-gone"]) == EVERYTHING
    assert stage.runbook("audit", "verify").status == 0
    stage.say_go("gone")


def test_a_reboot_in_mid_command_is_told_and_a_person_says_what_it_left(stage, machines):
    run = stage.start()
    stage.wait_for("begin first-box", "begin first-gone", "end second-beside")
    stage.say_go("gone")
    machines["box"].reboot()
    _, told = run.communicate(timeout=120)
    assert run.returncode == ExitCode.FAILED, told
    stage.say_go("box")
    for _ in range(2):
        asked = stage("resume", "--yes")
        assert asked.status == ExitCode.WAITING, asked.err
        assert "the target was rebooted while it ran" in asked.err
        assert "runbook resolve" in asked.err
    assert stage.ledger.count("begin first-box") == 1, "nobody starts it again unasked"
    assert stage("resolve", "last", "first@box", "retry", "--reason", "it was cut off").status == 0
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    assert sorted(stage.ledger) == sorted([*EVERYTHING, "begin first-box"])
