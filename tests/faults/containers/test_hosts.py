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
    """A project with three hosts: what is done to `box` must not disturb `beside` and `other`."""

    def __init__(self, runbook, home, hosts):
        self.runbook, self.hosts = runbook, hosts
        self.environment = {"HOME": str(home)}
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        (home / ".ssh/known_hosts").write_text("".join(host.known() for host in hosts.values()))
        runbook.write("hosts.yml", json.dumps({"all": {"hosts": {h.name: h.variables() for h in hosts.values()}}}))
        runbook.write("runbook.toml", 'inventory = "hosts.yml"\n')
        runbook.write("runbooks/move.yml", BOOK)
        self.process = None
        self.box.inside("touch /counted/hold")

    @property
    def box(self):
        return self.hosts["box"]

    @property
    def neighbours(self):
        return [host for name, host in self.hosts.items() if name != "box"]

    def start(self):
        """Start the run; come back when `box` is in mid-command and its neighbours are through."""
        self.process = self.runbook.start("run", "move", "--yes", **self.environment)
        self.box.wait_for("begin-first")
        for host in self.neighbours:
            host.wait_for("end-second")

    def __call__(self, *words):
        return self.runbook(*words, **self.environment)

    def say_go(self):
        self.box.inside("rm /counted/hold")

    def end(self):
        _, told = self.process.communicate(timeout=180)
        return self.process.returncode, told

    def all_done_once(self):
        assert {name: host.counted() for name, host in self.hosts.items()} == dict.fromkeys(self.hosts, ONCE)
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
def stage(runbook, tmp_path, made):
    stage = Stage(runbook, tmp_path / "home", {name: made(name) for name in ("beside", "box", "other")})
    yield stage
    stage.stop()


def test_a_paused_host_is_found_and_its_command_is_reattached(stage):
    stage.start()
    stage.box.pause()
    try:
        status, told = stage.end()
    finally:
        stage.box.unpause()
    assert status == ExitCode.FAILED, told
    assert re.search(r"in doubt +first@box", told), told
    stage.say_go()
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_a_host_that_is_cut_off_is_found_and_its_command_is_reattached(stage):
    stage.start()
    stage.box.leave_the_network()
    try:
        status, told = stage.end()
        stage.say_go()
        stage.box.wait_for("end-first")  # it goes on while nobody sees it
    finally:
        stage.box.join_the_network()
    assert status == ExitCode.FAILED, told
    assert re.search(r"in doubt +first@box", told), told
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_a_host_that_is_cut_off_for_a_moment_goes_on(stage):
    stage.start()
    stage.box.leave_the_network()
    stage.box.join_the_network()
    stage.say_go()
    status, told = stage.end()
    if status != 0:  # whether the connection outlives the moment is TCP's to say
        assert status == ExitCode.FAILED, told
        resumed = stage("resume", "--yes")
        assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_of_a_killed_host_a_person_says_what_its_command_left(stage):
    stage.start()
    stage.box.kill()
    status, told = stage.end()
    assert status == ExitCode.FAILED, told
    assert re.search(r"in doubt +first@box", told), told
    stage.box.start_again()
    asked = stage("resume", "--yes")
    assert asked.status == ExitCode.WAITING, asked.err
    assert "runbook resolve" in asked.err
    assert stage.box.counted() == ["begin-first"], "nobody starts it again unasked"
    assert stage("resolve", "last", "first@box", "retry", "--reason", "it was cut off").status == 0
    stage.say_go()
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    assert stage.box.counted() == ["begin-first", *ONCE]
    assert [host.counted() for host in stage.neighbours] == [ONCE, ONCE]


@pytest.mark.parametrize("skew", ["-400d", "+3h"])
def test_a_host_whose_clock_is_wrong_is_no_matter(runbook, tmp_path, made, skew):
    """Its programs see another time of day; what is monotonic is the kernel's, as it would be."""
    fake = f"SetEnv LD_PRELOAD={FAKETIME} FAKETIME={skew} FAKETIME_DONT_FAKE_MONOTONIC=1"
    stage = Stage(runbook, tmp_path / "home", {"beside": made("beside"), "box": made("box", fake)})
    date = "runbook: date\nsteps:\n  - {id: now, targets: all, command.run: {shell: 'date +%s > /root/now'}}\n"
    runbook.write("runbooks/date.yml", date)
    assert stage("run", "date", "--yes").status == 0
    right, wrong = (int(host.inside("cat /root/now")) for host in stage.hosts.values())
    assert abs(wrong - right) > 3600, "its commands see another time"
    try:
        stage.start()
        stage.process.kill()
        stage.process.communicate()
        stage.say_go()
        resumed = stage("resume", "--yes")
        assert resumed.status == 0, resumed.err
        stage.all_done_once()
    finally:
        stage.stop()


def test_a_host_whose_disk_is_full_refuses_before_anything_begins(runbook, tmp_path, made):
    """Its home, where commands leave how they ended, is a small disk that is full."""
    stage = Stage(runbook, tmp_path / "home", {"beside": made("beside"), "box": made("box", tmpfs={"/root": "1m"})})
    stage.say_go()
    stage.box.inside("dd if=/dev/zero of=/root/filler bs=4096 2>/dev/null; ! echo more > /root/more")
    refused = stage("run", "move", "--yes")
    assert refused.status == ExitCode.FAILED, refused.err
    assert "disk is full" in refused.err
    assert stage.box.counted() == []
    assert stage.hosts["beside"].counted() == ONCE
    stage.box.inside("rm /root/filler")
    resumed = stage("resume", "--yes")
    assert resumed.status == 0, resumed.err
    stage.all_done_once()


def test_the_image_is_that_of_the_script():
    """(So that nobody tests on hosts of another making.)"""
    from support.containers import IMAGE

    assert f"image={IMAGE}\n" in Path(__file__).parents[2].joinpath("support/host_image.sh").read_text()
