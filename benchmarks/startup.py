"""What the command line costs beside runs: start-up, validating a large runbook, a large journal's status, resume."""

import json
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from engine import NOTHING
from environments import environment
from measure import Usage, WorkError, measured
from product.project import BenchStep, chain, make_project

RUNBOOK = Path(sys.executable).parent / "runbook"
LARGE = 10_000


@dataclass(frozen=True, slots=True)
class LargeJournal:
    """A project whose one run crashed, and what it left in the journal."""

    project: Path
    marks: Path
    events: int


def python_pass(folder: Path) -> Usage:
    """An interpreter that does nothing: the floor."""
    return measured([sys.executable, "-c", "pass"], cwd=folder, environment={})


def our_version(folder: Path) -> Usage:
    """`runbook --version`."""
    return measured([RUNBOOK, "--version"], cwd=folder, environment={})


def pyinfra_version(folder: Path) -> Usage:
    """`pyinfra --version`."""
    return measured([environment("requirements-pyinfra") / "pyinfra", "--version"], cwd=folder, environment={})


def ansible_version(folder: Path) -> Usage:
    """`ansible --version`."""
    return measured([environment("requirements") / "ansible", "--version"], cwd=folder, environment={})


def one_task(project: Path) -> Usage:
    """`runbook run` of one task that does nothing, in a project made by `one_task_project`."""
    return measured([RUNBOOK, "run", "one", "--yes"], cwd=project, environment={})


def one_task_project(folder: Path) -> Path:
    """Make the project of `one_task`."""
    return make_project(folder, "one", [BenchStep("only", NOTHING)], {})


def large_runbook_project(folder: Path, steps: int) -> Path:
    """Make a project with a valid runbook of so many steps, about 200 bytes each: commands with templates, in a DAG."""
    generated = [
        BenchStep(
            f"step-{number}",
            (
                "command.run",
                {
                    "argv": ["/opt/app/recover", "--part", str(number), "--region", "{{ region }}"],
                    "creates": f"/var/lib/app/parts/{number}.done",
                },
            ),
            tuple(f"step-{number - back}" for back in (1, 7) if number % 10 and number >= back),
            "all",
        )
        for number in range(steps)
    ]
    hosts: dict[str, dict[str, object]] = {f"web{number}": {"region": "eu-west-1"} for number in range(3)}
    return make_project(folder, "large", generated, hosts)


def validate(project: Path) -> Usage:
    """`runbook validate` of the large runbook."""
    return measured([RUNBOOK, "validate", "large"], cwd=project, environment={})


def crashed_run(folder: Path, targets: int) -> LargeJournal:
    """Really make a run of 100 steps on so many targets, two events a task, whose last task kills the engine.

    Raises:
        WorkError: the run did not end by that kill.
    """
    marks = folder / "marks"
    marks.mkdir(parents=True)
    hosts: dict[str, dict[str, object]] = {f"t{number}": {"ansible_connection": "local"} for number in range(targets)}
    steps = [
        *chain(100, NOTHING, "all"),
        BenchStep("crash", ("bench.crash", {"folder": str(marks)}), ("s99",)),
        BenchStep("end", NOTHING, ("crash",)),
    ]
    project = make_project(folder / "project", "crash", steps, hosts)
    measured(
        [sys.executable, Path(__file__).parent / "product" / "inside.py", project, "crash"],
        cwd=project,
        environment={},
        status=-signal.SIGKILL,
    )
    runs = json.loads(measured([RUNBOOK, "runs", "--output", "json"], cwd=project, environment={}).output)
    events = runs[0]["events"]
    if events < 200 * targets:
        raise WorkError(f"{200 * targets} events were to be in the journal, and there are {events}")
    return LargeJournal(project, marks, events)


def status(journal: LargeJournal) -> Usage:
    """`runbook status` of the crashed run."""
    return measured([RUNBOOK, "status"], cwd=journal.project, environment={})


def resume(journal: LargeJournal) -> tuple[Usage, float]:
    """`runbook resume` to the run's end; gives also the seconds until its first attempt was made."""
    begun = time.time()
    usage = measured([RUNBOOK, "resume", "--yes"], cwd=journal.project, environment={})
    mark = journal.marks / "dispatched"
    if not mark.exists():
        raise WorkError(f"the resumed run did not make the crashed task again:\n{usage.output}")
    return usage, float(mark.read_text()) - begun
