"""Attempts made by workers over PostgreSQL: how long an order travels, what it costs whom, how that grows."""

import contextlib
import json
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
from collections.abc import Callable, Iterator, Sequence
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
_TICKS = os.sysconf("SC_CLK_TCK")
# Each order's times by the database's clock. Whoever reports, writes the row; only where one order is made at a time.
_STAGES = """
CREATE TABLE bench_stages (task text, ordered timestamptz, begun timestamptz, reported timestamptz);
CREATE FUNCTION bench_stage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO bench_stages VALUES (NEW.task, NEW.ordered_at, NEW.begun_at, clock_timestamp()); RETURN NULL; END $$;
CREATE TRIGGER bench_stage AFTER UPDATE ON queue_orders FOR EACH ROW WHEN (NEW.state = 'reported')
EXECUTE FUNCTION bench_stage()
"""


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL server of our own, synchronous as it comes, on a Unix socket."""

    folder: Path
    url: str

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Ask it."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()

    def execute(self, statements: str) -> None:
        """Have it do something."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statements)

    def number(self, query: str) -> float:
        """Ask it for one number."""
        return float(str(self.rows(query)[0][0]))

    def cpu(self) -> float:
        """Give the seconds of processor time that its processes have taken by now, those that ended included."""
        main = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = (Path(f"/proc/{main}/task/{main}/children")).read_text().split()
        seconds = cpu(main, ended=True)
        for child in children:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                seconds += cpu(int(child))
        return seconds


@dataclass(frozen=True, slots=True)
class Shape:
    """What is run: steps one after the other on each target, with queues or (`far` false) in the process itself."""

    steps: int
    targets: int
    far: bool = True

    @property
    def tasks(self) -> int:
        """How many attempts that is."""
        return self.steps * self.targets

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.steps} steps x {self.targets:,} targets" + ("" if self.far else ", no workers")


@dataclass(frozen=True, slots=True)
class FarRun:
    """A run whose attempts were made by workers (or, without queues, by the process itself).

    Attributes:
        seconds: from its first attempt to its end.
        latency: ms from an attempt's start, as it was recorded, to its end: 50 and 99 of 100 took no longer.
        workers_cpu, database_cpu: seconds of processor time, of all workers and of all of PostgreSQL.
        disk, wal: bytes that the database and its log grew by.
        memory: of a worker for itself, at the end, in MB.
    """

    name: str
    tasks: int
    seconds: float
    latency: tuple[float, float]
    control: Usage
    workers_cpu: float
    database_cpu: float
    disk: float
    wal: float
    memory: float

    @property
    def per_second(self) -> float:
        """Tasks a second."""
        return self.tasks / self.seconds

    @property
    def cpu(self) -> float:
        """Processor time of a task, of all together, in ms."""
        return (self.control.cpu + self.workers_cpu + self.database_cpu) / self.tasks * 1000


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that was measured: one order at a time with its stages (ms, 50 and 99 of 100), and many at once."""

    alone: FarRun
    stages: dict[str, tuple[float, float]]
    runs: list[FarRun]


def measure_all(folder: Path, say: Callable[[str], None], *, quick: bool) -> Told:
    """Measure one order at a time, many at once and ever more of them, and the same journal without workers."""
    chained = 10 if quick else 300
    sizes = [Shape(2, 20), Shape(2, 40)] if quick else [Shape(10, 100), Shape(10, 1_000), Shape(100, 1_000)]
    here = Shape(2, 40, far=False) if quick else Shape(10, 1_000, far=False)
    place = lonely(folder / "lonely", chained)
    with database() as base, serving(place, base) as processes:
        base.execute(_STAGES)
        alone = run(place, base, "lonely", Shape(chained, 1), processes)
        stages = stages_of(base)
    say(f"one order at a time: {alone.latency[0]:.0f} ms")
    runs = []
    for number, shape in enumerate([*sizes, here]):
        place = wide(folder / str(number), shape)
        with database() as base, serving(place, base, count=WORKERS if shape.far else 0) as processes:
            runs.append(run(place, base, "wide", shape, processes))
        say(f"{shape.name}: {runs[-1].per_second:.0f} tasks a second, {runs[-1].cpu:.1f} ms of CPU each")
    return Told(alone, stages, runs)


def stages_of(base: Database) -> dict[str, tuple[float, float]]:
    """Give how long orders stood at each stage."""
    times = base.rows(
        "SELECT extract(epoch FROM begun - ordered), extract(epoch FROM reported - begun),"
        " extract(epoch FROM e.time::timestamptz - reported) FROM bench_stages b"
        " JOIN events e ON e.kind = 'attempt.finished' AND (e.body::jsonb)->>'task' = b.task"
    )
    names = ("ordered, until it is begun", "begun, until it is reported", "reported, until it is recorded")
    return {name: _spread([float(str(row[at])) for row in times]) for at, name in enumerate(names)}


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


def wide(folder: Path, shape: Shape) -> Path:
    """Steps one after the other on many targets at once."""
    return project(folder, "wide", chain(shape.steps, NOTHING, "all", per_target=True), shape.targets, queues=shape.far)


@contextmanager
def serving(place: Path, base: Database, *, count: int = WORKERS) -> Iterator[list[subprocess.Popen[str]]]:
    """Have a journal, and so many workers for each queue until the block ends."""
    measured([RUNBOOK, "journal", "init"], cwd=place, environment={"RUNBOOK_JOURNAL": base.url})
    started: list[subprocess.Popen[str]] = []
    try:
        for number in range(count * len(QUEUES)):
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


def run(place: Path, base: Database, name: str, shape: Shape, workers: Sequence[subprocess.Popen[str]]) -> FarRun:
    """Run a project's runbook, and read from the journal what became of it.

    Raises:
        WorkError: it did not succeed, or not each task was done once.
    """
    size, log = "SELECT pg_database_size(current_database())", "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
    disk, wal = base.number(size), base.number(log)
    ours, theirs = sum(cpu(process.pid) for process in workers), base.cpu()
    usage = measured([RUNBOOK, "run", name, "--yes"], cwd=place, environment={"RUNBOOK_JOURNAL": base.url})
    ours, theirs = sum(cpu(process.pid) for process in workers) - ours, base.cpu() - theirs
    disk, wal = base.number(size) - disk, base.number(log) - wal
    own = statistics.median([memory(process) for process in workers] or [0.0])
    spans, whole = times_of(base, shape.tasks)
    return FarRun(shape.name, shape.tasks, whole, _spread(spans), usage, ours, theirs, disk, wal, own)


def times_of(base: Database, tasks: int) -> tuple[list[float], float]:
    """Give the seconds from each attempt's start to its end, and from the first start to the last end.

    Raises:
        WorkError: not each task was done once.
    """
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    rows = 0
    with psycopg.connect(base.url) as connection, connection.cursor("events") as cursor:
        for kind, at, body in cursor.execute("SELECT kind, time, body FROM events WHERE kind LIKE 'attempt.%'"):
            rows += 1
            (begun if kind == "attempt.started" else ended)[json.loads(body)["task"]] = _seconds(at)
    if rows != 2 * tasks or len(begun) != tasks or begun.keys() != ended.keys():
        raise WorkError(f"{len(begun)} tasks began and {len(ended)} ended, in {rows} events, where {tasks} were to")
    return [ended[task] - begun[task] for task in begun], max(ended.values()) - min(begun.values())


def cpu(pid: int, *, ended: bool = False) -> float:
    """Give the seconds of processor time of a process, and (`ended`) of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11 : 15 if ended else 13]) / _TICKS


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


def _spread(seconds: Sequence[float]) -> tuple[float, float]:
    """Give the median and what 99 of 100 do not exceed, in ms."""
    found = sorted(seconds)
    return statistics.median(found) * 1000, found[min(len(found) - 1, round(len(found) * 0.99))] * 1000
