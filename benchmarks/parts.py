"""The parts of the benchmark: each measures, checks, and gives its sections."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import critical
import dashboard
import engine
import fanout
import startup
import workers
from hosts import running_hosts
from measure import Usage, medians
from report import Judged, Section, at_least, at_most, usage_head, usage_rows

BARE = "bare paramiko pool"
PLAIN = "runbook, plain"
DETACHED = "runbook, detached (default)"


@dataclass(frozen=True, slots=True)
class Setting:
    """How much to measure.

    Attributes:
        folder: an empty folder on a real disk.
        times: how often each contender works.
        quick: a tenth of the work, to see that everything works; its figures mean little.
        hosts: number of hosts in the comparison with peers.
        peers: whether the peers that need an environment of their own are measured, too.
    """

    folder: Path
    times: int
    quick: bool
    hosts: int
    peers: bool
    say: Callable[[str], None]

    def fresh(self, name: str) -> Path:
        """Give an empty folder."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


def fan_out(setting: Setting) -> list[Section]:
    """Ten commands on each of 50 hosts: the product and its peers."""
    contenders = (*fanout.OURS, *fanout.PEERS) if setting.peers else fanout.OURS
    with running_hosts(setting.fresh("fanout") / "hosts", setting.hosts) as hosts:
        results = fanout.compare(
            setting.folder / "fanout", hosts, contenders, setting.times, setting.say, warm=not setting.quick
        )
    middle = {name: medians(usages) for name, usages in results.items()}
    bare, plain, detached = middle[BARE], middle[PLAIN], middle[DETACHED]
    judged = [
        at_most("fan-out, plain ÷ bare paramiko", plain.wall / bare.wall, 1.3),
        at_most("fan-out, detached ÷ bare paramiko", detached.wall / bare.wall, 1.6),
        at_most("fan-out, detached ÷ plain", detached.wall / plain.wall, 1.3),
    ]
    if setting.peers:
        ansible = middle["ansible-core command"]
        judged += [
            at_most("fan-out, detached ÷ pyinfra", detached.wall / middle["pyinfra"].wall, 1),
            at_most("fan-out, detached ÷ nornir", detached.wall / middle["nornir + paramiko"].wall, 1),
            at_least("wall time, Ansible's command ÷ detached", ansible.wall / detached.wall, 30),
            at_least("CPU, Ansible's command ÷ detached", ansible.cpu / detached.cpu, 20),
            at_least("memory, Ansible's command ÷ detached", ansible.memory / detached.memory, 20),
        ]
    text = (
        f"{fanout.COMMANDS} commands, one after another, on each of {setting.hosts} hosts ({fanout.FORKS} at once). "
        "*Plain*: each command is bound to its connection; *detached*: it survives the connection and the engine, as "
        "`command.run` always does; *@target*: hosts do not wait for each other between steps, as in the bare pool. "
        "All of ours keep the journal."
    )
    return [Section("Fan-out", text, usage_head("bare"), usage_rows(results, BARE), judged)]


def scale(setting: Setting) -> list[Section]:
    """Up to 1,000 hosts: does time grow as the number does, and does memory stay?"""
    sizes = (10, 20) if setting.quick else (100, 300, 1000)
    contenders = [item for item in fanout.OURS if item.name in (BARE, PLAIN, DETACHED)]
    rows: list[list[str]] = []
    walls: dict[tuple[str, int], float] = {}
    greatest = 0.0
    with running_hosts(setting.fresh("scale") / "hosts", sizes[-1]) as hosts:
        for size in sizes:
            times = 1 if size > 300 else min(setting.times, 3)
            results = fanout.compare(
                setting.folder / "scale", hosts.some(size), contenders, times, setting.say, warm=not setting.quick
            )
            for name, usages in results.items():
                middle = medians(usages)
                walls[name, size] = middle.wall
                greatest = max(greatest, middle.memory) if name != BARE else greatest
                ms = middle.wall / size / fanout.COMMANDS * 1000
                rows.append([name, f"{size:,}", f"{middle.wall:.1f}", f"{ms:.2f}", f"{middle.cpu:.1f}",
                             f"{middle.memory:.0f}", str(middle.count)])  # fmt: skip
    first, last = sizes[0], sizes[-1]
    growth = (walls[DETACHED, last] / last) / (walls[DETACHED, first] / first)
    judged = [
        at_most(f"time a host, {last:,} hosts ÷ {first:,} hosts, detached", growth, 1.2),
        at_most(f"memory with {last:,} hosts", greatest, 300, " MB"),
    ]
    head = ["", "hosts", "wall s", "ms a command", "CPU s", "memory MB", "runs"]
    text = f"{fanout.COMMANDS} commands on each host, {fanout.FORKS} at once."
    return [Section("Many hosts", text, head, rows, judged)]


def engine_cost(setting: Setting) -> list[Section]:
    """Tasks that do nothing."""
    place = setting.fresh("engine")
    count = itertools.count()
    if not setting.quick:
        engine.cost(place / "first", engine.Shape("uncounted", 1, 1), command_line=True)
    shapes = (engine.Shape("10 steps x 10 targets", 10, 10),) if setting.quick else engine.small()
    costs = [_median_cost(place, count, shape, setting) for shape in shapes]
    if not setting.quick:
        costs += [engine.cost(place / str(next(count)), shape, command_line=True) for shape in engine.large()]
    rows = [_cost_row(cost) for cost in costs]
    judged = [at_most(f"engine, {costs[0].shape.name}, a task", costs[0].per_task, 150, " µs")]
    if not setting.quick:
        judged.append(at_most(f"engine, {costs[1].shape.name}, a task", costs[1].per_task, 150, " µs"))
        growth = costs[-1].per_task / costs[0].per_task
        judged.append(at_most("engine, a task of 100,000 ÷ one of 10,000", growth, 1.2))
        judged.append(at_most("engine, memory with 100,000 tasks", costs[-1].memory, 250, " MB"))
        if costs[-1].cli is not None:
            judged.append(at_most("`runbook run`, memory with 100,000 tasks", costs[-1].cli.memory, 250, " MB"))
    head = [
        "",
        "tasks",
        "µs a task",
        "CPU µs a task",
        "planning s",
        "memory MB",
        "`runbook run` s",
        "its CPU s",
        "its MB",
    ]
    text = (
        "No-op tasks through the real loop, threads and journal (SQLite, one durable commit a batch, two events a "
        "task). The first columns are the run alone, without planning and without a screen, in a process of its own; "
        "the last three are the whole `runbook run`, planning, progress and report included."
    )
    return [Section("Engine", text, head, rows, judged)]


def start_up(setting: Setting) -> list[Section]:
    """Start-up and validation."""
    place = setting.fresh("startup")
    one = startup.one_task_project(place / "one")
    large = startup.large_runbook_project(place / "large", startup.LARGE // (10 if setting.quick else 1))
    size = (large / "runbooks" / "large.yml").stat().st_size / 1e6
    validating = f"runbook validate, {size:.1f} MB"
    work: dict[str, Callable[[], Usage]] = {
        "python -c pass": lambda: startup.python_pass(place),
        "runbook --version": lambda: startup.our_version(place),
        "runbook run, one task": lambda: startup.one_task(one),
        validating: lambda: startup.validate(large),
    }
    if setting.peers:
        work["pyinfra --version"] = lambda: startup.pyinfra_version(place)
        work["ansible --version"] = lambda: startup.ansible_version(place)
    results: dict[str, list[Usage]] = {name: [] for name in work}
    for once in () if setting.quick else work.values():
        once()  # uncounted: its code may have to be compiled
    for _ in range(setting.times):
        for name, once in work.items():
            results[name].append(once())
            setting.say(f"{name}: {results[name][-1].wall:.3f} s")
    middle = {name: medians(usages) for name, usages in results.items()}
    version = middle["runbook --version"].wall
    judged = [
        at_most("`runbook --version` ÷ `python -c pass`", version / middle["python -c pass"].wall, 8),
        at_most("`runbook validate` of 10,000 steps", middle[validating].wall, 1.0, " s"),
    ]
    if setting.peers:
        quickest = min(middle["pyinfra --version"].wall, middle["ansible --version"].wall)
        judged.append(at_most("`runbook --version` ÷ the quickest peer's", version / quickest, 1))
    rows = usage_rows(results, "python -c pass")
    text = f"The runbook that is validated has {startup.LARGE:,} steps with templates; it is valid."
    return [Section("Start-up and validation", text, usage_head("pass"), rows, judged)]


def large_journal(setting: Setting) -> list[Section]:
    """Status and resume with a journal of 100,000 events."""
    targets = 10 if setting.quick else 500
    states, whole, firsts = [], [], []
    events = 0
    if not setting.quick:
        uncounted = startup.crashed_run(setting.fresh("first"), 1)
        startup.status(uncounted)
        startup.resume(uncounted)
    for number in range(min(setting.times, 3)):
        journal = startup.crashed_run(setting.fresh(f"journal{number}"), targets)
        events = journal.events
        states.append(startup.status(journal))
        usage, first = startup.resume(journal)
        whole.append(usage)
        firsts.append(Usage(first, usage.cpu, usage.memory))
        setting.say(f"{events:,} events: status {states[-1].wall:.2f} s, first dispatch after {first:.2f} s")
        shutil.rmtree(setting.folder / f"journal{number}")
    state, first, resumed = medians(states), medians(firsts), medians(whole)
    rows = [
        [name, f"{item.wall:.2f}", f"{item.least:.2f} to {item.greatest:.2f}", f"{item.memory:.0f}", str(item.count)]
        for name, item in (
            ("runbook status", state),
            ("runbook resume, until the first attempt", first),
            ("runbook resume, to the end", resumed),
        )
    ]
    judged = [
        at_most(f"`runbook status`, {events:,} events", state.wall, 0.4, " s"),
        at_most(f"resume's first attempt, {events:,} events", first.wall, 2.0, " s"),
        Judged("memory of `runbook resume`", f"{resumed.memory:.0f} MB", None),
    ]
    text = f"A run really made, {events:,} events long, whose engine was killed (SIGKILL) by its last task but one."
    return [Section("A large journal", text, ["", "wall s", "least to greatest", "memory MB", "runs"], rows, judged)]


def critical_path(setting: Setting) -> list[Section]:
    """A random graph of sleeping steps."""
    place = setting.fresh("critical")
    if not setting.quick:
        critical.makespan(place / "first", 0, steps=2)
    spans = [critical.makespan(place / str(seed), seed) for seed in range(1, 1 + min(setting.times, 3))]
    for span in spans:
        setting.say(f"critical path {span.path:.2f} s, run {span.run:.2f} s")
    ratios = sorted(span.run / span.path for span in spans)
    rows = [[f"{span.path:.2f}", f"{span.run:.2f}", f"{span.run / span.path:.3f}"] for span in spans]
    judged = [at_most("makespan ÷ critical path", ratios[len(ratios) // 2], 1.05)]
    text = f"{critical.STEPS} steps that sleep 50 to 500 ms in random graphs, room for all at once."
    return [Section("Critical path", text, ["longest way s", "run s", "ratio"], rows, judged)]


def dashboard_cost(setting: Setting) -> list[Section]:
    """A run that a crowd watches, and a list of many runs."""
    watchers, runs = (20, 200) if setting.quick else (200, 10_000)
    place = dashboard.project(setting.fresh("dashboard") / "watched", steps=4 if setting.quick else 40, targets=10)
    dashboard.alone(place)  # uncounted: its code may have to be compiled, and the journal made
    alone, watched = [], []
    with dashboard.serving(place) as served:
        for _ in range(min(setting.times, 3)):
            alone.append(dashboard.alone(place))
            watched.append(dashboard.watched(place, served, watchers))
            setting.say(f"run alone {alone[-1].wall:.2f} s, watched by {watchers} {watched[-1].run.wall:.2f} s")
    without, crowded = medians(alone), medians([one.run for one in watched])
    middle = sorted(watched, key=lambda one: one.run.wall)[len(watched) // 2]
    rows = [
        ["alone", f"{without.wall:.2f}", f"{without.cpu:.2f}", "", "", "", ""],
        [f"watched by {watchers}", f"{crowded.wall:.2f}", f"{crowded.cpu:.2f}", f"{middle.served:.2f}",
         f"{middle.memory:.0f}", f"{middle.looks:,}", f"{middle.usual * 1000:.0f} / {middle.slowest * 1000:.0f}"],
    ]  # fmt: skip
    many = dashboard.project(setting.fresh("many") / "listed", steps=1, targets=1)
    dashboard.many_runs(many, runs)
    with dashboard.serving(many) as served:
        pages = {
            f"newest of {runs:,} runs": dashboard.page_seconds(served, "/", setting.times),
            "in the middle": dashboard.page_seconds(served, f"/?before=run-{runs // 2:06}", setting.times),
            "the oldest": dashboard.page_seconds(served, "/?before=run-000020", setting.times),
        }
    judged = [
        at_most(f"CPU of a run, watched by {watchers} ÷ alone", crowded.cpu / without.cpu, 1.1),
        at_most(f"wall of a run, watched by {watchers} ÷ alone", crowded.wall / without.wall, 1.25),
        at_most(f"a page of the list, {runs:,} runs", max(pages.values()), 0.5, " s"),
    ]
    head = ["a run", "wall s", "CPU s", "dashboard's CPU s", "its MB", "looks", "ms a look, 50 / 95 %"]
    text = (
        "A run of some seconds, which a crowd watches as browsers do (a stream each, and the page's live part at each "
        "change). The crowd, which would sit at other machines, has this one's processors when nobody else wants them."
    )
    listed = [[name, f"{seconds * 1000:.0f}"] for name, seconds in pages.items()]
    return [
        Section("Dashboard, watched", text, head, rows, judged[:2]),
        Section("Dashboard, list of runs", "A page of 25.", ["page", "ms"], listed, judged[2:]),
    ]


def far_attempts(setting: Setting) -> list[Section]:
    """Workers on two queues, over PostgreSQL."""
    told = workers.measure_all(setting.fresh("workers"), setting.say, quick=setting.quick)
    alone, largest = told.alone, told.runs[-2]
    pairs = {**told.stages, "all of it: started, until ended, as recorded": alone.latency}
    stages = [[name, f"{usual:.1f}", f"{slow:.1f}"] for name, (usual, slow) in pairs.items()]
    rows = [
        [one.name, f"{one.tasks:,}", f"{one.per_second:.0f}", f"{one.latency[0]:.0f} / {one.latency[1]:.0f}",
         *(f"{part / one.tasks * 1000:.2f}" for part in (one.control.cpu, one.workers_cpu, one.database_cpu)),
         f"{one.control.memory:.0f}", f"{one.memory:.0f}", f"{one.disk / one.tasks / 1000:.1f}",
         f"{one.wal / one.tasks / 1000:.1f}"]
        for one in told.runs
    ]  # fmt: skip
    judged = [
        at_most("an order alone, from its start to its recorded end, 50 %", alone.latency[0], 50, " ms"),
        at_least(f"tasks a second, 4 workers, {largest.tasks:,} tasks", largest.per_second, 200),
        at_most(f"CPU of a task, {largest.tasks:,} ÷ {told.runs[-3].tasks:,}", largest.cpu / told.runs[-3].cpu, 1.2),
    ]
    text = (
        f"Tasks that do nothing, on two queues with {workers.WORKERS} workers each, all of it on this machine with its "
        f"PostgreSQL (synchronous). {workers.FORKS} are under way at once, and so an order waits for its turn: what it "
        "takes from its start to its end is what all of them take. CPU is that of the whole run, start-up included. "
        "The last row is the same journal without workers."
    )
    head = ["", "tasks", "tasks a second", "ms from start to end, 50 / 99 %", "CPU ms a task: control", "workers",
            "PostgreSQL", "control's MB", "a worker's MB", "kB a task on disk", "kB a task of WAL"]  # fmt: skip
    lone = f"{alone.tasks} orders, each made when the one before it was recorded, by one of two workers."
    return [
        Section("Workers, one order at a time", lone, ["", "ms, 50 %", "ms, 99 %"], stages, judged[:1]),
        Section("Workers", text, head, rows, judged[1:]),
    ]


PARTS: dict[str, Callable[[Setting], list[Section]]] = {
    "fanout": fan_out,
    "scale": scale,
    "engine": engine_cost,
    "validate": start_up,
    "journal": large_journal,
    "critical": critical_path,
    "dashboard": dashboard_cost,
    "workers": far_attempts,
}


def _median_cost(
    place: Path, count: "itertools.count[int]", shape: engine.Shape, setting: Setting
) -> engine.EngineCost:
    costs = []
    for _ in range(min(setting.times, 3)):
        folder = place / str(next(count))
        costs.append(engine.cost(folder, shape, command_line=True))
        shutil.rmtree(folder)
        setting.say(f"{shape.name}: {costs[-1].per_task:.0f} µs a task")
    return sorted(costs, key=lambda cost: cost.per_task)[len(costs) // 2]


def _cost_row(cost: engine.EngineCost) -> list[str]:
    cli = cost.cli
    return [
        cost.shape.name,
        f"{cost.shape.tasks:,}",
        f"{cost.per_task:.0f}",
        f"{cost.run_cpu / cost.shape.tasks * 1e6:.0f}",
        f"{cost.plan:.2f}",
        f"{cost.memory:.0f}",
        *((f"{cli.wall:.1f}", f"{cli.cpu:.1f}", f"{cli.memory:.0f}") if cli else ("", "", "")),
    ]
