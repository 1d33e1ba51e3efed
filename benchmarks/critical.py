"""Critical path: a random graph of sleeping steps with room for all, against the longest way through it."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from engine import check_facts, inside_run
from product.project import BenchStep, make_project

STEPS = 200


@dataclass(frozen=True, slots=True)
class Makespan:
    """Seconds that the run took, and the sum of sleeps on the longest way, below which nobody can go."""

    run: float
    path: float


def makespan(folder: Path, seed: int, steps: int = STEPS) -> Makespan:
    """Run a random graph of steps that sleep 50 to 500 ms, each after up to three of the thirty before it."""
    chance = random.Random(seed)
    sleeps = [chance.uniform(0.05, 0.5) for _ in range(steps)]
    needs: list[list[int]] = []
    ends: list[float] = []
    for number, seconds in enumerate(sleeps):
        earlier = range(max(0, number - 30), number)
        chosen = sorted(chance.sample(earlier, min(len(earlier), chance.randint(0, 3))))
        needs.append(chosen)
        ends.append(max((ends[need] for need in chosen), default=0.0) + seconds)
    generated = [
        BenchStep(f"s{number}", ("bench.sleep", {"seconds": seconds}), [f"s{need}" for need in needs[number]])
        for number, seconds in enumerate(sleeps)
    ]
    project = make_project(folder, "graph", generated, {})
    facts = json.loads(inside_run(project, "graph", "--forks", str(steps)).output)
    check_facts(facts, steps)
    return Makespan(facts["run_seconds"], max(ends))
