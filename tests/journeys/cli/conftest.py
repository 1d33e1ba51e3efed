"""A starter project, and the command line called as a person or a program calls it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.forks import Forked, helper, is_plain
from support.own_path import own_path

from runbook_engine.app.init import init_project


@dataclass(frozen=True)
class Called:
    """How a call of the command line ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Calls `runbook` in a project, without a terminal."""

    root: Path

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "runbook_engine.cli.main", *words]

    def environment(self, **more: str) -> dict[str, str]:
        unwanted = {"RUNBOOK_JOURNAL", "RUNBOOK_OPERATOR", "RUNBOOK_DEBUG", "NO_COLOR", "CI"}
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        return {**kept, "TZ": "UTC", "PYTHONPATH": own_path(), **more}

    def __call__(self, *words: str, cwd: Path | None = None, **environment: str) -> Called:
        how = {"cwd": cwd or self.root, "env": self.environment(**environment), "timeout": 180}
        if is_plain(environment):
            done = helper().run(words, **how)
        else:
            pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
            done = subprocess.run(self.argv(*words), **pipes, **how, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Called(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str] | Forked:
        how = {"cwd": self.root, "env": self.environment(**environment)}
        if is_plain(environment):
            return helper().start(words, **how)
        return subprocess.Popen(
            self.argv(*words),
            **how,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def runbook(tmp_path: Path) -> CommandLine:
    init_project(tmp_path / "project", person="dana")
    return CommandLine(tmp_path / "project")
