"""What the dashboard costs a run when many watch it, and how long its list of runs takes when there are many."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from measure import Usage, WorkError, measured
from product.project import BenchStep, make_project

RUNBOOK = Path(sys.executable).parent / "runbook"
WATCHER = Path(__file__).parent / "product" / "watchers.py"
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A dashboard's process, and a browser that is logged in at it."""

    process: subprocess.Popen[str]
    url: str
    browser: httpx.Client

    @property
    def cpu(self) -> float:
        """Seconds of CPU that the process took so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """The greatest resident set of the process so far, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


@dataclass(frozen=True, slots=True)
class Watched:
    """A run that was watched: what it took, what the dashboard took meanwhile, and what watchers got.

    Attributes:
        changes: events that watchers were told of, together.
        looks: how often they fetched the page's live part.
        slowest, usual: seconds of such a fetch: 95 and 50 of 100 took no longer.
    """

    run: Usage
    served: float
    memory: float
    changes: int
    looks: int
    usual: float
    slowest: float


def project(folder: Path, steps: int, targets: int) -> Path:
    """Make a project whose run does a little, for some seconds."""
    command = ("command.run", {"argv": ["sleep", "0.05"]})
    made = [BenchStep(f"s{n}", command, (f"s{n - 1}",) if n else (), "all") for n in range(steps)]
    hosts = {f"h{number}": {"ansible_connection": "local"} for number in range(targets)}
    return make_project(folder, "watched", made, hosts)


def alone(place: Path) -> Usage:
    """Run without a dashboard."""
    return measured([RUNBOOK, "run", "watched", "--yes"], cwd=place, environment={})


@contextmanager
def serving(place: Path) -> Iterator[Served]:
    """Serve a project's dashboard until the block ends."""
    process = subprocess.Popen(
        [RUNBOOK, "serve", "--port", "0"], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        url, _, secret = (process.stdout.readline() if process.stdout else "").strip().partition("/login#")
        with httpx.Client(base_url=url, headers={"origin": url}, timeout=_SECONDS) as browser:
            if browser.post("/login", data={"token": secret}).status_code != 303:
                raise WorkError("the dashboard let nobody in")
            yield Served(process, url, browser)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_SECONDS)


def watched(place: Path, served: Served, watchers: int) -> Watched:
    """Run while so many watch as browsers do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * watchers + 200)), hard))
    cookie = "; ".join(f"{name}={value}" for name, value in served.browser.cookies.items())
    before = served.cpu
    crowd = subprocess.Popen(
        ["nice", "-n", "19", sys.executable, WATCHER, served.url, cookie, str(watchers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    run = alone(place)
    out, _ = crowd.communicate(timeout=_SECONDS)
    told = json.loads(out)
    if told["watching"] != watchers:
        raise WorkError(f"{watchers} were to watch, and {told['watching']} did")
    return Watched(
        run, served.cpu - before, served.memory, told["changes"], told["looks"], told["usual"], told["slowest"]
    )


def many_runs(place: Path, number: int) -> None:
    """Put so many runs into the journal of a project, each opened and closed."""
    from runbook_engine.app.project import open_project
    from runbook_engine.model.event import Actor, RunClosed, RunOpened

    journal = open_project(place).journal(create=True)
    try:
        actor = Actor(name="bench")
        opened = {
            "runbook": "watched",
            "runbook_path": "runbooks/watched.yml",
            "inventory": "bench",
            "mode": "live",
            "fingerprint": "0" * 64,
            "engine_version": "0",
            "tasks": 0,
        }
        for count in range(number):
            run = f"run-{count:06}"
            journal.open_run(run, RunOpened.model_validate(opened), actor)
            journal.append(run, [RunClosed(status="succeeded")], actor)
    finally:
        journal.close()


def page_seconds(served: Served, path: str, times: int) -> float:
    """Give the median time of a page."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = served.browser.get(path)
        took.append(time.perf_counter() - begun)
        if answer.status_code != 200 or "run-" not in answer.text:
            raise WorkError(f"{path} answered {answer.status_code} without runs")
    return sorted(took)[len(took) // 2]
