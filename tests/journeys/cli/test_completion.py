"""Shells complete commands and options: by the protocol that their scripts speak, and in a real bash."""

import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def path(tmp_path):
    """A PATH on which `runbook` is this one."""
    program = tmp_path / "bin" / "runbook"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m runbook_engine.cli.main "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def completed(path, shell, words, current):
    done = subprocess.run(
        ["runbook"],
        env=os.environ
        | {"PATH": path, "_RUNBOOK_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": current},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(("shell", "second"), [("bash", "1"), ("zsh", "1"), ("fish", "rea")])
def test_commands_and_options_are_completed(path, shell, second):
    def offered(words, current):
        return [line.removeprefix("plain,").split("\t")[0] for line in completed(path, shell, words, current)]

    assert "readiness" in offered("runbook rea", second)
    third = "--dr" if shell == "fish" else "2"
    assert {"--dry-run", "--drill"} <= set(offered("runbook run --dr", third))
    assert "export" in offered("runbook audit exp", "exp" if shell == "fish" else "2")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_takes_its_script(path, shell):
    done = subprocess.run(
        ["runbook"],
        env=os.environ | {"PATH": path, "_RUNBOOK_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert f"_RUNBOOK_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell):
        checked = subprocess.run(
            [shell, "-n"], input=done.stdout, capture_output=True, text=True, timeout=60, check=False
        )
        assert checked.returncode == 0, checked.stderr


def test_bash_completes_by_what_the_readme_says(path):
    said = 'eval "$(_RUNBOOK_COMPLETE=bash_source runbook)"'
    script = f"""{said}
COMP_WORDS=(runbook rea) COMP_CWORD=1
_runbook_completion runbook
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["readiness"], done.stderr
