"""Many hosts at once: how many run together, what a failure stops, what is seen of it, and the failed ones again.

Hosts are real processes on this machine. Each writes to a ledger when it begins and when it ends, in the order in which
that happened; what ran together is counted there, at the targets' side, and not from what the program says.
"""

import fcntl
import json
import os
import pty
import re
import struct
import termios

import pytest

HOST = """\
#!/bin/sh
# host.sh NAME TOGETHER: begins, waits until so many hosts began (at most 30 s) and a little for one too many, ends;
# fails when a file says so.
ledger="$(dirname "$0")/ledger"
echo "begin $1" >> "$ledger"
wait_for() {
    turns=0
    while [ "$(grep -c begin "$ledger")" -lt "$1" ] && [ "$turns" -lt "$2" ]; do sleep 0.05; turns=$((turns + 1)); done
}
if [ "$2" -gt 1 ]; then wait_for "$2" 600; wait_for "$(($2 + 1))" 30; fi
echo "end $1" >> "$ledger"
if [ -e "$(dirname "$0")/broken/$1" ]; then echo "no disk" >&2; exit 1; fi
"""
STEP = """
  - id: %s
    targets: fleet
%s
    command.run: {argv: ["%s/host.sh", "{{ target.name }}", "%d"]}
"""


class Fleet:
    """A project with so many hosts, and a runbook of one step on all of them."""

    def __init__(self, runbook):
        self.runbook, self.root = runbook, runbook.root
        script = runbook.write("host.sh", HOST)
        script.chmod(0o755)
        (self.root / "broken").mkdir()

    def of(self, hosts, *, together=1, steps=("work",), keys=""):
        """Write the inventory and the runbook; `together` hosts wait for one another before they end."""
        self.runbook.write("inventories/fleet/hosts", f"[fleet]\nh[001:{hosts:03}] ansible_connection=local\n")
        keys = "\n".join(f"    {key}" for key in keys.splitlines())
        text = "".join(STEP % (step, keys, self.root, together) for step in steps)
        self.runbook.write("runbooks/sweep.yml", f"runbook: sweep\nsteps:{text}")
        return self

    def broke(self, *hosts):
        for path in (self.root / "broken").iterdir():
            path.unlink()
        for host in hosts:
            (self.root / "broken" / host).touch()
        return self

    def run(self, *words):
        (self.root / "ledger").write_text("")
        return self.runbook("run", "sweep", "-i", "fleet", "--yes", *words)

    @property
    def ledger(self):
        return [tuple(line.split()) for line in (self.root / "ledger").read_text().splitlines()]

    @property
    def begun(self):
        return [host for what, host in self.ledger if what == "begin"]

    @property
    def most_at_once(self):
        running = most = 0
        for what, _ in self.ledger:
            running += 1 if what == "begin" else -1
            most = max(most, running)
        return most

    @property
    def counts(self):
        return self.runbook("status", "--output", "json").json["counts"]


@pytest.fixture
def fleet(runbook):
    return Fleet(runbook)


def names(first, last):
    return [f"h{number:03}" for number in range(first, last + 1)]


def test_forks_are_the_greatest_number_at_once_and_that_many_do_run(fleet):
    done = fleet.of(14, together=5).run("--forks", "5")
    assert done.status == 0, done.err
    assert fleet.most_at_once == 5
    assert sorted(fleet.begun) == names(1, 14)


def test_forks_of_the_configuration_count_without_the_flag_and_over_all_steps(fleet):
    config = fleet.root / "runbook.toml"
    config.write_text(re.sub("^forks = .*", "forks = 4", config.read_text(), flags=re.MULTILINE))
    done = fleet.of(6, together=4, steps=("work", "other")).run()
    assert done.status == 0, done.err
    assert fleet.most_at_once == 4
    assert len(fleet.begun) == 12


def test_parallel_limits_one_step_below_the_forks(fleet):
    done = fleet.of(10, together=3, keys="parallel: 3").run("--forks", "9")
    assert done.status == 0, done.err
    assert fleet.most_at_once == 3


def test_a_batch_begins_when_the_one_before_it_is_over(fleet):
    done = fleet.of(8, keys="batch: [1, 25%, 100%]").run("--forks", "8")
    assert done.status == 0, done.err
    ledger = fleet.ledger
    for first, last in ((1, 1), (2, 3)):
        before, after = set(names(1, last)), set(names(last + 1, 8))
        ended = max(ledger.index(("end", host)) for host in before)
        begun = min(ledger.index(("begin", host)) for host in after)
        assert ended < begun, f"batch {first} to {last}: {ledger}"


def test_a_failed_canary_leaves_the_others_untouched(fleet):
    done = fleet.of(8, keys="batch: [1, 100%]").broke("h001").run("--forks", "8")
    assert done.status == 1
    assert fleet.begun == ["h001"]
    assert fleet.counts == {"failed": 1, "blocked": 7}
    assert "blocked      work on 7 hosts: step work failed" in done.out
    fleet.broke()
    assert fleet.runbook("resume", "--yes").status == 0
    assert fleet.begun[1] == "h001", "the canary is tried again first"
    assert sorted(fleet.begun[1:]) == names(1, 8)


@pytest.mark.parametrize(("failures", "status", "begun"), [(2, 0, 7), (3, 1, 3)])
def test_a_percentage_of_failures_is_rounded_down(fleet, failures, status, begun):
    """30 % of 7 hosts are 2.1: two may fail; the third failure is one too many, and nothing is begun after it."""
    fleet.of(7, keys="max_failures: 30%\nbatch: 1").broke(*names(1, failures))
    assert fleet.run().status == status
    assert len(fleet.begun) == begun
    blocked = {"blocked": 7 - begun} if begun < 7 else {}
    changed = {"changed": begun - failures} if begun > failures else {}
    assert fleet.counts == {"failed": failures, **changed, **blocked}


def test_what_runs_when_a_step_fails_is_left_to_end(fleet):
    """Three run together; the first failure is one too many: the other two end, the rest is never begun."""
    done = fleet.of(9, together=3, keys="parallel: 3").broke("h001", "h002", "h003").run()
    assert done.status == 1
    assert sorted(fleet.begun) == names(1, 3)
    assert [what for what, _ in fleet.ledger].count("end") == 3
    assert fleet.counts == {"failed": 3, "blocked": 6}


def test_what_waits_for_room_when_a_step_fails_is_never_begun(fleet):
    done = fleet.of(30, together=3).broke(*names(1, 3)).run("--forks", "3")
    assert done.status == 1
    assert len(fleet.begun) < 30
    assert fleet.counts["blocked"] == 30 - len(fleet.begun)


def test_the_failed_hosts_and_no_others_are_run_again(fleet):
    done = fleet.of(30, keys="max_failures: 100%").broke("h004", "h017", "h021", "h030").run()
    assert done.status == 0
    command = next(line for line in done.err.splitlines() if line.startswith("anew, on the hosts that failed: "))
    assert command.endswith("runbook run sweep -i inventories/fleet --limit @failed")
    fleet.broke("h021")
    done = fleet.run("--limit", "@failed:!h030")
    assert done.status == 0
    assert sorted(fleet.begun) == ["h004", "h017", "h021"]
    assert "note: @failed: 4 hosts of run" in done.err
    assert json.loads(fleet.runbook("report", "last", "--format", "json").out)["limit_hosts"] == [
        "h004",
        "h017",
        "h021",
    ]
    assert "limited to @failed:!h030 (h004 h017 h021)" in fleet.runbook("status").out
    fleet.broke()
    assert fleet.run("--limit", "@failed").status == 0
    assert fleet.begun == ["h021"]
    done = fleet.run("--limit", "@failed")
    assert done.status == 2
    assert "no host failed in run" in done.err
    assert fleet.begun == []


def test_a_plan_shows_the_failed_hosts_and_no_run_is_no_defect(fleet):
    fleet.of(5, keys="max_failures: 5")
    missing = fleet.runbook("plan", "sweep", "-i", "fleet", "--limit", "@failed")
    assert missing.status == 2
    assert "no run yet" in missing.err
    fleet.broke("h002").run()
    shown = fleet.runbook("plan", "sweep", "-i", "fleet", "--limit", "@failed", "--output", "json")
    assert shown.json["steps"][0]["targets"] == ["h002"]


def test_a_log_of_many_hosts_is_short_and_the_failures_come_first(fleet):
    broken = names(1, 40)
    done = fleet.of(100, keys="max_failures: 100%").broke(*broken).run()
    assert done.status == 0
    assert len(done.err.splitlines()) < 30
    assert len(re.findall(r"failed +work@h\d+", done.err)) == 10
    assert "40 failed, 60 changed; 30 of them not named above: runbook status" in done.err
    lines = done.out.splitlines()
    assert len(lines) < 25
    assert "100 hosts: 40 failed, 60 changed" in lines
    group = lines.index("Needs attention:") + 1
    assert re.match(r" +failed +work on 40 hosts: \S+ ended with exit status 1 on HOST: . no disk", lines[group])
    assert len(re.findall(r"h\d{3}", lines[group + 1])) == 10
    assert lines[group + 1].endswith("and 30 more")
    assert set(broken) == set(re.findall(r"h\d{3}", fleet.runbook("status").out)), "status names them all"


def test_programs_get_every_host(fleet):
    done = fleet.of(60, keys="max_failures: 100%").broke(*names(1, 30)).run("--output", "json")
    assert done.json["hosts"] == {"failed": 30, "changed": 30}
    assert [(one["state"], len(one["targets"])) for one in done.json["troubles"]] == [("failed", 30)]
    assert len(done.json["steps"][0]["tasks"]) == 60
    done = fleet.run("--output", "ndjson")
    ended = [event for event in map(json.loads, done.out.splitlines()) if event["event"]["kind"] == "attempt.finished"]
    assert sorted(event["event"]["task"] for event in ended) == [f"work@{host}" for host in names(1, 60)]
    status = fleet.runbook("status", "--output", "json").json
    assert len(status["troubles"]) == 30
    assert len(status["grouped"]) == 1


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_shows_one_line_for_a_step_on_many_hosts(fleet, columns):
    fleet.of(120, keys="max_failures: 100%").broke(*names(1, 30))
    (fleet.root / "ledger").write_text("")
    argv = fleet.runbook.argv("run", "sweep", "-i", "fleet", "--yes", "--forks", "20")
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.chdir(fleet.root)
        os.execve(argv[0], argv, fleet.runbook.environment(TERM="xterm-256color"))
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other side is gone
            break
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n").splitlines()
    footer = [line for line in lines if re.match(r"  work  \d+ of 120", line)]
    assert footer
    assert all(len(line) <= columns for line in footer)
    assert any("failed" in line and "running" in line for line in footer)
    assert len({line for line in lines if re.search(r"failed +work@h\d+", line)}) <= 10
