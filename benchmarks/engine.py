"""The engine's own cost: tasks that do nothing, through the real loop and the real journal (SQLite, synchronous)."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import Usage, WorkError, measured
from product.project import BenchStep, chain, make_project

PRODUCT = Path(__file__).parent / "product"
NOTHING = ("bench.nothing", {})


@dataclass(frozen=True, slots=True)
class Shape:
    """A run of no-op tasks: steps that follow each other on so many targets, or steps side by side on this machine."""

    name: str
    steps: int
    targets: int
    chained: bool = True

    @property
    def tasks(self) -> int:
        """How many tasks it has."""
        return self.steps * self.targets


@dataclass(frozen=True, slots=True)
class EngineCost:
    """What one run of a shape took: the whole process, and the stages inside it.

    Attributes:
        cli: the command line's process; None when it was run in a process of ours alone.
        plan: seconds for loading, checking and planning.
        run: seconds of the run itself.
        run_cpu: seconds of CPU, all threads.
        memory: MB of the process without a screen.
    """

    shape: Shape
    cli: Usage | None
    plan: float
    run: float
    run_cpu: float
    memory: float
    events: int

    @property
    def per_task(self) -> float:
        """Microseconds of wall time a task costs in the run itself."""
        return self.run / self.shape.tasks * 1e6


def small() -> tuple[Shape, ...]:
    """Ten thousand tasks, wide and long; and a chain, where nothing can be batched."""
    return (
        Shape("100 steps x 100 targets", 100, 100),
        Shape("10,000 steps side by side", 10_000, 1, chained=False),
        Shape("1,000 steps, a chain", 1_000, 1),
    )


def large() -> tuple[Shape, ...]:
    """Ten times as many: is it linear, and does memory stay flat?"""
    return (Shape("100 steps x 1,000 targets", 100, 1_000),)


def cost(folder: Path, shape: Shape, *, command_line: bool) -> EngineCost:
    """Run a shape, inside a bare process and (`command_line`) as `runbook run`, each in a fresh project.

    Raises:
        WorkError: a run did not succeed, or its journal lacks events.
    """
    cli = None
    if command_line:
        argv = [Path(sys.executable).parent / "runbook", "run", "engine", "--yes"]
        cli = measured(argv, cwd=engine_project(folder / "cli", shape), environment={})
    inside = inside_run(engine_project(folder / "inside", shape), "engine")
    facts = json.loads(inside.output)
    check_facts(facts, shape.tasks)
    return EngineCost(
        shape, cli, facts["plan_seconds"], facts["run_seconds"], facts["run_cpu_seconds"], facts["memory"],
        facts["events"],
    )  # fmt: skip


def engine_project(folder: Path, shape: Shape) -> Path:
    """Make a project whose runbook `engine` has a shape."""
    hosts: dict[str, dict[str, object]] = {}
    targets = "localhost"
    if shape.targets > 1:
        hosts = {f"t{number}": {"ansible_connection": "local"} for number in range(shape.targets)}
        targets = "all"
    if shape.chained:
        steps = chain(shape.steps, NOTHING, targets)
    else:
        steps = [BenchStep(f"s{number}", NOTHING, (), targets) for number in range(shape.steps)]
    return make_project(folder, "engine", steps, hosts)


def inside_run(project: Path, runbook: str, *options: str) -> Usage:
    """Run a project's runbook in a process without a command line and a screen; its output is JSON."""
    return measured([sys.executable, PRODUCT / "inside.py", project, runbook, *options], cwd=project, environment={})


def check_facts(facts: dict[str, object], tasks: int) -> None:
    """Make sure that a run did all its tasks.

    Raises:
        WorkError: it did not.
    """
    events = facts["events"]
    if facts["end"] != "succeeded" or facts["tasks"] != tasks or not isinstance(events, int) or events < 2 * tasks:
        raise WorkError(f"a run of {tasks} tasks was to succeed: {facts}")
