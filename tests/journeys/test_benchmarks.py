"""The benchmark at its smallest: every part of ours works, is checked, and a tool that does no work is found out."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.sshd import SSHD

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

needs_sshd = pytest.mark.skipif(SSHD is None, reason="no sshd: install openssh-server")


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        **options,
    )


@pytest.mark.slow
@pytest.mark.sshd
@needs_sshd
def test_product_and_bare_pool_do_their_work_on_every_host():
    done = run("run.py", "--quick", "--without-peers", "--hosts", "2", "--only", "fanout")
    assert done.returncode == 0, done.stderr
    for name in ("bare paramiko pool", "runbook, plain", "runbook, detached (default)", "runbook, detached, @target"):
        assert f"| {name} |" in done.stdout
    assert "missed" not in done.stdout, "little work is not judged"


def test_engine_part_tells_what_a_task_costs():
    done = run("run.py", "--quick", "--only", "engine")
    assert done.returncode == 0, done.stderr
    assert "| 10 steps x 10 targets | 100 |" in done.stdout


@pytest.mark.sshd
@needs_sshd
def test_contender_that_leaves_a_command_out_is_found_out(tmp_path):
    lazy = """
import sys
from pathlib import Path
from fanout import Contender, compare
from hosts import running_hosts
from measure import Usage, WorkError

def nine_of_ten(folder, hosts):
    for address in hosts.addresses:
        (hosts.folder / "ticks" / address).write_text("." * 9)
    return Usage(1, 1, 1)

with running_hosts(Path(sys.argv[1]) / "hosts", 2) as hosts:
    try:
        compare(Path(sys.argv[1]), hosts, [Contender("lazy", nine_of_ten)], 1, print, warm=False)
    except WorkError as error:
        print(error)
"""
    found = run("-c", lazy, str(tmp_path))
    assert "10 commands each were to run on 2 hosts, but there were: 127.0.1.1 9, 127.0.1.2 9" in found.stdout


def test_program_that_fails_is_an_error_with_its_last_words(tmp_path):
    failing = """
import sys
from pathlib import Path
from measure import WorkError, measured
try:
    measured([sys.executable, "-c", "raise SystemExit('it broke')"], cwd=Path(sys.argv[1]), environment={})
except WorkError as error:
    print(error)
"""
    found = run("-c", failing, str(tmp_path))
    assert "ended with 1 in place of 0" in found.stdout
    assert "it broke" in found.stdout


def test_workers_part_counts_what_workers_did():
    if not Path("/usr/lib/postgresql").exists():
        pytest.skip("no PostgreSQL server here (Debian: postgresql)")
    done = run("run.py", "--quick", "--only", "workers")
    assert done.returncode == 0, done.stderr
    assert "| 2 steps x 40 targets, no workers | 80 |" in done.stdout


def test_a_part_measured_by_itself_takes_its_place_and_leaves_the_rest(tmp_path):
    page = """# Measured speed

How.

## Targets

| target | measured |  |
|---|---|---|
| first ≤ 1 | 0.5 | reached |
| second ≤ 2 | 3 | **missed** |

## Machine

| | |

## First

Old words.

| a |
|---|
| 1 |

## Second

Kept.
"""
    merging = """
import sys
from report import Judged, Section, merged
sections = [
    Section("First", "New words.", ["a"], [["2"]], [Judged("first ≤ 1", "7", False)]),
    Section("Third", "More.", ["b"], [["3"]], [Judged("third ≥ 3", "4", True)]),
]
once = merged(sys.stdin.read(), sections, "(Now.)")
assert merged(once, sections, "(Now.)") == once
print(once, end="")
"""
    found = run("-c", merging, input=page)
    assert found.returncode == 0, found.stderr
    expected = page.replace("| first ≤ 1 | 0.5 | reached |", "| first ≤ 1 | 7 | **missed** |")
    expected = expected.replace(
        "| **missed** |\n\n## Machine", "| **missed** |\n| third ≥ 3 | 4 | reached |\n\n## Machine"
    )
    expected = expected.replace("Old words.\n\n| a |\n|---|\n| 1 |", "New words. (Now.)\n\n| a |\n|---|\n| 2 |")
    assert found.stdout == expected + "\n## Third\n\nMore. (Now.)\n\n| b |\n|---|\n| 3 |\n"
