"""Calls of `runbook` by somebody to whom permissions of files apply: to root, without two capabilities, none do."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from support.own_path import own_path

_SETPRIV = shutil.which("setpriv")
_CALLS = """
import contextlib, io, json, sys
from runbook_engine.cli.main import run_cli
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run_cli(words)
    print(json.dumps([int(status), out.getvalue(), err.getvalue()]))
"""


class Ended(NamedTuple):
    """How one call ended."""

    status: int
    out: str
    err: str


def call_bound(root: Path, *calls: str) -> list[Ended]:
    """Make calls, words between blanks, one after another in one process that is bound by permissions.

    Skips where that can't be had.
    """
    argv = [sys.executable, "-c", _CALLS]
    if os.geteuid() == 0:
        if _SETPRIV is None:
            pytest.skip("permissions don't hold for root, and there is no setpriv to become less")
        argv = [_SETPRIV, "--bounding-set=-dac_override,-dac_read_search", *argv]
    environment = {**os.environ, "PYTHONPATH": own_path()}
    given = json.dumps([call.split() for call in calls])
    done = subprocess.run(
        argv, cwd=root, env=environment, input=given, capture_output=True, text=True, timeout=180, check=False
    )
    assert not done.returncode, done.stderr
    return [Ended(*json.loads(line)) for line in done.stdout.splitlines()]
