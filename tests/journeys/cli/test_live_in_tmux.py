"""The live view in a real terminal (tmux): resized, interrupted, stopped and continued; and where there is none."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from support.tmux import Terminal, needs_tmux

pytestmark = needs_tmux

HEAD = re.compile(r"^\d of 3 tasks")
RUNBOOK = """\
runbook: slow
title: A slow one with a title that is so long that it does not fit into forty columns
objectives: {rto: 1h}
steps:
  - id: a-step-with-a-name-that-is-rather-long-as-names-go
    command.run: {argv: [sh, -c, "until test -e go; do sleep 0.1; done; touch one"], creates: one, cwd: "ROOT"}
  - id: second
    command.run: {argv: [sh, -c, "until test -e go; do sleep 0.1; done; touch two"], creates: two, cwd: "ROOT"}
  - id: third
    needs: [second]
    command.run: {argv: [touch, three], creates: three, cwd: "ROOT"}
"""


def opened(runbook, **size):
    runbook.write("runbooks/slow.yml", RUNBOOK.replace("ROOT", str(runbook.root)))
    environment = runbook.environment()
    beside = Path(sys.executable).parent  # (found by PATH: a long path would end the shell's lines elsewhere)
    return Terminal(runbook.root, {**environment, "PATH": f"{beside}{os.pathsep}{environment['PATH']}"}, **size)


@pytest.fixture
def terminal(runbook):
    made = opened(runbook)
    yield made
    (runbook.root / "go").touch()
    made.close()


def command(*words):
    return shlex.join(["python", "-m", "runbook_engine.cli.main", *words])


def start(terminal, *words):
    terminal.type(command(*words), "Enter")
    return terminal.until(lambda lines: is_whole(lines) and "  next: third" in lines)


def is_whole(lines):
    """Whether the view is to be seen once, and all of it at the bottom of what is written."""
    heads = [number for number, line in enumerate(lines) if HEAD.match(line)]
    return len(heads) == 1 and heads[0] == len(lines) - 4 and lines[-1] == "  next: third"


def test_a_window_that_is_resized_shows_the_view_once_and_whole(terminal):
    lines = start(terminal, "run", "slow", "--yes")
    assert re.search(r"of RTO 1:00:00 \(59:\d\d left\)$", lines[-4])
    assert re.search(r"^  a-step-with-a-name-that-is-rather-long-as-names-go@localhost  0:\d\d$", lines[-3])
    for columns, rows in ((40, 24), (200, 24), (40, 10), (80, 10), (30, 24), (80, 24)):
        terminal.resize(columns, rows)
        cut = "…" if columns < 60 else ""
        lines = terminal.until(lambda lines, cut=cut: is_whole(lines) and ("…" in lines[-3]) == bool(cut))
        assert max(map(len, lines)) <= columns
        assert lines[-2].startswith("  second@localhost  0:")


def test_ctrl_c_is_answered_above_the_view_and_leaves_a_run_that_goes_on(terminal, runbook):
    start(terminal, "run", "slow", "--yes")
    terminal.type("C-c")
    lines = terminal.until(lambda lines: any(line.startswith("interrupted: nothing new") for line in lines))
    assert sum(bool(HEAD.match(line)) for line in lines) == 1
    (runbook.root / "go").touch()
    terminal.until(lambda lines: any("to go on: runbook resume" in line for line in lines))
    assert not any(HEAD.match(line) for line in terminal.screen())
    assert (runbook.root / "two").exists()
    assert not (runbook.root / "three").exists()


def test_stopped_and_continued_it_leaves_the_shells_words_alone(terminal, runbook):
    start(terminal, "run", "slow", "--yes")
    terminal.type("C-z")
    terminal.until(lambda lines: any("Stopped" in line for line in lines))
    terminal.type("echo a word of the shell's", "C-h", "C-h", "Enter")
    terminal.type("fg", "Enter")
    lines = terminal.until(lambda lines: lines[-1] == "  next: third" and lines[-5].endswith("--yes"))
    assert any("Stopped" in line for line in lines)
    (runbook.root / "go").touch()
    terminal.until(lambda lines: any(line.startswith("report: ") for line in lines))
    assert runbook("status", "--output", "json").json["status"] == "succeeded"


def test_in_the_background_of_a_shell_only_lines_are_written(terminal):
    start(terminal, "run", "slow", "--yes")
    terminal.type("C-z")
    terminal.until(lambda lines: any("Stopped" in line for line in lines))
    terminal.type("clear; bg", "Enter")
    terminal.until(lambda lines: any(line.endswith("--yes &") for line in lines))
    terminal.type("sleep 1; echo still $((1+1)) here", "Enter")
    lines = terminal.until(lambda lines: "still 2 here" in lines)
    assert not any(HEAD.match(line) for line in lines), "\n".join(lines)


def test_another_process_run_is_watched_also_while_that_is_killed(terminal, runbook):
    process = runbook.start("run", "slow", "--yes")
    try:
        runbook_is_on(process)
        start(terminal, "watch", "last")
        terminal.resize(40)
        terminal.until(lambda lines: is_whole(lines) and "…" in lines[-3])
        terminal.resize(100, 60)
    finally:
        process.kill()
        process.communicate()
    lines = terminal.until(lambda lines: any(line.startswith("nobody advances the run") for line in lines))
    assert not any(HEAD.match(line) for line in lines)


@pytest.mark.parametrize("variable", ["TERM=dumb", "CI=true"])
def test_where_nothing_can_be_drawn_lines_are_written(terminal, runbook, variable):
    (runbook.root / "go").touch()
    terminal.type(f"{variable} {command('run', 'slow', '--yes')} > out.txt 2> /dev/tty; echo ended $?", "Enter")
    lines = terminal.until(lambda lines: any(line.startswith("ended ") for line in lines))
    assert any(re.match(r"^\d\d:\d\d:\d\d  changed       third@localhost", line) for line in lines)
    assert not any(HEAD.match(line) for line in lines)


def test_tables_are_blocks_on_forty_columns(terminal, runbook):
    (runbook.root / "go").touch()
    assert runbook("run", "slow", "--yes").status == 0
    terminal.resize(40)
    for words in (["runs"], ["plan", "slow"], ["compliance"], ["forecast", "slow"]):
        terminal.type("clear; " + command(*words) + "; echo over", "Enter")
        lines = terminal.until(lambda lines: lines[-1].startswith("$") and "over" in lines)
        assert max(map(len, lines)) <= 40
        terminal.until(lambda lines, words=words: any(re.match(NAMED[words[0]], line) for line in lines))


NAMED = {
    "runs": r"^  mode: live$",
    "plan": r"^  action: command.run$",
    "compliance": r"^  what: ",
    "forecast": r"^  takes: ",
}


def runbook_is_on(process):
    while "live, 3 tasks" not in (line := process.stderr.readline()):
        assert line, "the run ended before it was on"


def test_ci_installs_tmux():
    assert "tmux" in (Path(__file__).parents[3] / ".ci/run").read_text()
