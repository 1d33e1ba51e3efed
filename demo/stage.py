"""The stage of the demo: a running lab, the environment of the commands, and their processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from runbook_engine.lab.client import LabAddresses, read_lab

ROOT = Path(__file__).resolve().parents[1]
RUNBOOK = (sys.executable, "-m", "runbook_engine.cli.main")
COMMAND_SECONDS = 90.0
END_SECONDS = 8.0
LIFE_SECONDS = 600  # of the lab, should everything else fail
REMOVED_VARIABLES = ("AWS_", "RUNBOOK_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class DemoError(Exception):
    """Something is not as promised."""


@contextmanager
def running_lab(state: Path, *, broken_region: str) -> Iterator[LabAddresses]:
    """Start a lab with a region down; it ends with the block, and with this process however that ends."""
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(state), "--break", broken_region]
    limits = ["--parent-pid", str(os.getpid()), "--ttl", str(LIFE_SECONDS)]
    with process([*command, *limits], os.environ, stdout=subprocess.PIPE) as lab:
        line = lab.stdout.readline() if lab.stdout else ""
        if not line.startswith("lab ready"):
            raise DemoError(f"the lab did not start: {line.strip() or 'see its message above'}")
        yield read_lab(state)


@contextmanager
def process(
    command: Sequence[str], environment: Mapping[str, str], *, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a process in a session of its own, so that Ctrl-C is for us alone; it is ended with the block."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        text=True,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child.stdout is not None:
            child.stdout.close()


def environment_for(lab: LabAddresses, state: Path) -> dict[str, str]:
    """Give the environment of the commands: the emulated cloud only, and a journal and a home of the demo's own."""
    home = state / "home"  # commands keep their attempts there
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(REMOVED_VARIABLES)}
    return kept | {
        "AWS_ENDPOINT_URL": lab.aws_endpoint,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": lab.standby_region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
        "RUNBOOK_JOURNAL": f"sqlite:///{state / 'journal.db'}",
        "PYTHONUNBUFFERED": "1",
    }


def runbook(environment: Mapping[str, str], *arguments: str, show: bool = True) -> str:
    """Run a command of `runbook` to its end, show and give what it says on stdout.

    Raises:
        DemoError: it did not end with exit code 0 within a minute and a half.
    """
    with process([*RUNBOOK, *arguments], environment, stdout=subprocess.PIPE) as child:
        try:
            said, _ = child.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoError(f"runbook {arguments[0]} did not end within {COMMAND_SECONDS:.0f} s") from None
        if show or child.returncode:
            sys.stdout.write(said)
            sys.stdout.flush()
        if child.returncode:
            raise DemoError(f"runbook {' '.join(arguments)} ended with exit code {child.returncode}")
        return said
