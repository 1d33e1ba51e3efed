"""Whole runs on hosts in containers that are paused, killed, cut off, full, or have a wrong clock.

Each command counts on its own host's disk what it began and what it ended. Nothing lost: everything ended at last.
Nothing twice: nothing ended twice, and nothing began twice that a person did not let begin again.
"""

import json
import re
from pathlib import Path

import pytest
from support.containers import FAKETIME, Host, Net, why_not

from runbook_engine.model.errors import ExitCode

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]

# Hosts that wait do so for a file of that name, which `say_go` makes.
FIRST = "echo begin-first >>/counted/l; while [ -e /counted/hold ]; do sleep 0.1; done; echo end-first >>/counted/l"
BOOK = f"""\
runbook: move
steps:
  - id: first
    targets: all
    timeout: 2m
    command.run: {{shell: '{FIRST}'}}
  - id: second
    targets: all
    needs: [first@target]
    command.run: {{shell: 'echo begin-second >>/counted/l; echo end-second >>/counted/l'}}
"""
ONCE = ["begin-first", "end-first", "begin-second", "end-second"]


class Stage:
    """A project with hosts: what is done to those that `hold` must not disturb their neighbours."""

    def __init__(self, runbook, home, hosts, hold):
        self.runbook, self.hosts, self.held = runbook, hosts, [hosts[name] for name in hold]
        self.environment = {"HOME": str(home)}
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        (home / ".ssh/known_hosts").write_text("".join(host.known() for host in hosts.values()))
        runbook.write("hosts.yml", json.dumps({"all": {"hosts": {h.name: h.variables() for h in hosts.values()}}}))
        runbook.write("runbook.toml", 'inventory = "hosts.yml"\n')
        runbook.write("runbooks/move.yml", BOOK)
        self.process = None
        for host in self.held:
            host.inside("touch /counted/hold")

    @property
    def neighbours(self):
        return [host for host in self.hosts.values() if host not in self.held]

    def start(self):
        """Start the run; come back when those that hold are in mid-command and their neighbours are through."""
        self.process = self.runbook.start("run", "move", "--yes", **self.environment)
        for host in self.held:
            host.wait_for("begin-first")
        for host in self.neighbours:
            host.wait_for("end-second")

    def __call__(self, *words):
        return self.runbook(*words, **self.environment)

    def say_go(self, *names):
        for name in names:
            self.hosts[name].inside("rm /counted/hold")

    def end(self):
        _, told = self.process.communicate(timeout=180)
        return self.process.returncode, told

    def all_done_once(self, **other):
        """Make sure that each host was done once, but for those of which something else is said."""
        assert {name: host.counted() for name, host in self.hosts.items()} == dict.fromkeys(self.hosts, ONCE) | other
        verified = self("audit", "verify")
        assert verified.status == 0, verified.err

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def net():
    net = Net()
    yield net
    net.stop()


@pytest.fixture
def made(tmp_path, net):
    """Make hosts, which go when the test is over."""
    hosts = []

    def make(name, *lines, **more):
        hosts.append(Host(tmp_path / "hosts" / name, name, net, *lines, **more))
        return hosts[-1]

    yield make
    for host in hosts:
        host.stop()


@pytest.fixture
def staged(runbook, tmp_path, made):
    """Make hosts and the project that works on them."""
    stages = []

    def stage(names, *, hold, **hosts):
        made_hosts = {name: hosts.get(name) or made(name) for name in names}
        stages.append(Stage(runbook, tmp_path / "home", made_hosts, hold))
        return stages[-1]

    yield stage
    for one in stages:
        one.stop()


def test_hosts_that_are_paused_cut_off_and_killed_in_mid_command_are_found_and_done_once(staged):
    stage = staged(("beside", "paused", "cut", "killed"), hold=("paused", "cut", "killed"))
    paused, cut, killed = stage.held
    stage.start()
    paused.pause()
    cut.leave_the_network()
    killed.kill()
    try:
        status, told = stage.end()
        stage.say_go("cut")
        cut.wait_for("end-first")  # it goes on while nobody sees it
    finally:
        paused.unpause()
        cut.join_the_network()
        killed.start_again()
    assert status == ExitCode.FAILED, told
    for host in stage.held:
        assert re.search(rf"in doubt +first@{host.name}", told), told
    stage.say_go("paused")
    asked = stage("resume", "--yes")
    assert asked.status == ExitCode.WAITING, asked.err
    assert "runbook resolve" in asked.err
    # What goes on by itself is reattached; what a killed host's command left, a person says. Nobody starts it unasked.
    stage.all_done_once(killed=["begin-first"])
    assert stage("resolve", "last", "first@killed", "retry", "--reason", "it was cut off").status == 0
    stage.say_go("killed")
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    stage.all_done_once(killed=["begin-first", *ONCE])


def test_a_host_that_is_cut_off_for_a_moment_goes_on(staged):
    stage = staged(("beside", "box"), hold=("box",))
    (box,) = stage.held
    stage.start()
    box.leave_the_network()
    box.join_the_network()
    stage.say_go("box")
    status, told = stage.end()
    if status != 0:  # whether the connection outlives the moment is TCP's to say
        assert status == ExitCode.FAILED, told
        resumed = stage("resume", "--yes")
        assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_hosts_whose_clocks_are_wrong_are_no_matter(staged, made):
    """Their programs see another time of day; what is monotonic is the kernel's, as it would be."""
    wrong = {
        name: made(name, f"SetEnv LD_PRELOAD={FAKETIME} FAKETIME={skew} FAKETIME_DONT_FAKE_MONOTONIC=1")
        for name, skew in (("early", "-400d"), ("late", "+3h"))
    }
    stage = staged(("beside", *wrong), hold=wrong, **wrong)
    date = "runbook: date\nsteps:\n  - {id: now, targets: all, command.run: {shell: 'date +%s > /root/now'}}\n"
    stage.runbook.write("runbooks/date.yml", date)
    assert stage("run", "date", "--yes").status == 0
    right, early, late = (int(host.inside("cat /root/now")) for host in stage.hosts.values())
    assert right - early > 399 * 86400, "its commands see another time"
    assert late - right > 3600, "its commands see another time"
    stage.start()
    stage.process.kill()
    stage.process.communicate()
    stage.say_go(*wrong)
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_a_host_whose_disk_is_full_refuses_before_anything_begins(staged, made):
    """Its home, where commands leave how they ended, is a small disk that is full."""
    box = made("box", tmpfs={"/root": "1m"})
    stage = staged(("beside", "box"), hold=(), box=box)
    box.inside("dd if=/dev/zero of=/root/filler bs=4096 2>/dev/null; ! echo more > /root/more")
    refused = stage("run", "move", "--yes")
    assert refused.status == ExitCode.FAILED, refused.err
    assert "disk is full" in refused.err
    stage.all_done_once(box=[])
    box.inside("rm /root/filler")
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_the_image_is_that_of_the_script():
    """(So that nobody tests on hosts of another making.)"""
    from support.containers import IMAGE

    assert f"image={IMAGE}\n" in Path(__file__).parents[2].joinpath("support/host_image.sh").read_text()
