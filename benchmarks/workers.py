"""Attempts made by workers over PostgreSQL: how long an order travels, how many a second, what a worker needs."""

import os
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from measure import Usage, WorkError, measured
from product.project import BenchStep, chain, make_project

RUNBOOK = Path(sys.executable).parent / "runbook"
NOTHING: tuple[str, dict[str, object]] = ("bench.nothing", {})
QUEUES = ("east", "west")
WORKERS = 2  # a queue
FORKS = 200
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL server of our own, synchronous as it comes, on a Unix socket."""

    folder: Path
    url: str

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Ask it."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()


@dataclass(frozen=True, slots=True)
class FarRun:
    """A run whose attempts were made by workers (or, without queues, by the process itself).

    Attributes:
        seconds: from its first attempt to its end.
        latency: ms from an attempt's start, as it was recorded, to its end: 50 and 99 of 100 took no longer.
    """

    tasks: int
    seconds: float
    latency: tuple[float, float]
    control: Usage

    @property
    def per_second(self) -> float:
        """Tasks a second."""
        return self.tasks / self.seconds


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that was measured: runs by what they were, and the memory of a worker (PSS), in MB."""

    runs: dict[str, FarRun]
    memory: float


def measure_all(folder: Path, say: Callable[[str], None], *, quick: bool) -> Told:
    """Measure one order at a time, many at once, more targets, and the same journal without workers."""
    chained, few, many = (10, (2, 20), (2, 40)) if quick else (200, (20, 100), (10, 1_000))
    here = (2, 40) if quick else (100, 1_000)
    shapes = {
        "one order at a time": (lonely(folder / "lonely", chained), "lonely", chained),
        _shape(few): (wide(folder / "few", *few), "wide", few[0] * few[1]),
        _shape(many): (wide(folder / "many", *many), "wide", many[0] * many[1]),
    }
    made: dict[str, FarRun] = {}
    memories: list[float] = []
    for name, (place, book, tasks) in shapes.items():
        with database() as base:
            _make_journal(place, base)
            with workers(place, base) as processes:
                made[name] = run(place, base, book, tasks)
                memories += [memory(process) for process in processes]
        say(f"{name}: {made[name].per_second:.0f} tasks a second")
    place = wide(folder / "here", *here, queues=False)
    with database() as base:
        _make_journal(place, base)
        made[f"{_shape(here)}, no workers"] = run(place, base, "wide", here[0] * here[1])
    return Told(made, statistics.median(memories))


def _shape(size: tuple[int, int]) -> str:
    return f"{size[0]} steps x {size[1]:,} targets"


def _make_journal(place: Path, base: Database) -> None:
    measured([RUNBOOK, "journal", "init"], cwd=place, environment={"RUNBOOK_JOURNAL": base.url})


@contextmanager
def database() -> Iterator[Database]:
    """Start a server, and end it with the block.

    Raises:
        WorkError: there is no PostgreSQL here.
    """
    binaries = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if binaries is None:
        raise WorkError("no PostgreSQL server here (Debian: postgresql)")
    # Not in /tmp, which may be memory; and where an unprivileged user gets to, as which it has to run.
    folder = Path(tempfile.mkdtemp(prefix="rbpg", dir="/var/tmp"))
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user, -1)

    def run(*argv: str) -> None:
        subprocess.run(argv, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/", timeout=_PATIENCE)

    run(f"{binaries}/initdb", "-D", f"{folder}/data", "-U", "runbook", "--auth=trust", "-E", "UTF8")
    options = f"-c listen_addresses='' -c max_connections=300 -k {folder}"
    try:
        run(f"{binaries}/pg_ctl", "-D", f"{folder}/data", "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            yield Database(folder, f"postgresql://runbook@/postgres?host={folder}")
        finally:
            run(f"{binaries}/pg_ctl", "-D", f"{folder}/data", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def project(folder: Path, name: str, steps: list[BenchStep], targets: int, *, queues: bool) -> Path:
    """Make a project with so many targets, the half of which each queue serves."""
    hosts: dict[str, dict[str, object]] = {}
    for number in range(targets):
        far = {"queue": QUEUES[number % len(QUEUES)]} if queues else {}
        hosts[f"h{number}"] = {"ansible_connection": "local", **far}
    place = make_project(folder, name, steps, hosts)
    config = (place / "runbook.toml").read_text()
    (place / "runbook.toml").write_text(config.replace("forks = 50", f"forks = {FORKS}"))
    return place


def lonely(folder: Path, count: int) -> Path:
    """A chain on one target: one order at a time, so that what it takes is how long it travels."""
    return project(folder, "lonely", chain(count, NOTHING, "h0"), 2, queues=True)


def wide(folder: Path, steps: int, targets: int, *, queues: bool = True) -> Path:
    """Steps one after the other on many targets at once."""
    return project(folder, "wide", chain(steps, NOTHING, "all", per_target=True), targets, queues=queues)


@contextmanager
def workers(place: Path, base: Database) -> Iterator[list[subprocess.Popen[str]]]:
    """Have two workers for each queue until the block ends."""
    started = []
    try:
        for number in range(WORKERS * len(QUEUES)):
            log = place / f"worker-{number}.log"
            with log.open("w") as out:
                argv = [RUNBOOK, "worker", "--queue", QUEUES[number % len(QUEUES)], "--forks", "50"]
                environment = {**os.environ, "RUNBOOK_JOURNAL": base.url}
                process = subprocess.Popen(argv, cwd=place, stdout=out, stderr=out, text=True, env=environment)
            started.append(process)
            end = time.monotonic() + _PATIENCE
            while "serves" not in log.read_text():
                if process.poll() is not None or time.monotonic() > end:
                    raise WorkError(f"a worker did not begin:\n{log.read_text()[-2000:]}")
                time.sleep(0.05)
        yield started
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(_PATIENCE)


def run(place: Path, base: Database, name: str, tasks: int) -> FarRun:
    """Run a project's runbook, and read from the journal what became of it.

    Raises:
        WorkError: it did not succeed, or not each task was done once.
    """
    before = {row[0] for row in base.rows("SELECT id FROM runs")}
    usage = measured([RUNBOOK, "run", name, "--yes"], cwd=place, environment={"RUNBOOK_JOURNAL": base.url})
    made = [row[0] for row in base.rows("SELECT id FROM runs") if row[0] not in before]
    if len(made) != 1:
        raise WorkError(f"there are {len(made)} runs where one was made")
    pairs = base.rows(
        "SELECT s.time, f.time FROM events s JOIN events f ON f.run = s.run AND f.kind = 'attempt.finished'"
        " AND (f.body::jsonb)->>'task' = (s.body::jsonb)->>'task' WHERE s.kind = 'attempt.started' AND s.run = %s",
        made[0],
    )
    if len(pairs) != tasks:
        raise WorkError(f"{len(pairs)} attempts were made for {tasks} tasks")
    spans = sorted(_seconds(end) - _seconds(start) for start, end in pairs)
    whole = max(_seconds(end) for _, end in pairs) - min(_seconds(start) for start, _ in pairs)
    usual, slow = statistics.median(spans), spans[min(len(spans) - 1, round(len(spans) * 0.99))]
    return FarRun(tasks, whole, (usual * 1000, slow * 1000), usage)


def memory(process: subprocess.Popen[str]) -> float:
    """Give a process's own share of memory (PSS), in MB."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise WorkError("this kernel does not say how much memory a process has for itself")
    return int(found[1]) / 1024


def _seconds(moment: object) -> float:
    found = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return found.timestamp()
