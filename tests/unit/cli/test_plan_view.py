"""A plan and its tables on a terminal: no long cell makes every line long."""

from runbook_engine.app.show_plan import PlanView, StepView
from runbook_engine.cli.plan_view import plan_text
from runbook_engine.cli.terminal import table


def step(name, wave, *needs):
    more = {"targets": ("localhost",), "tasks": 1, "batches": (1,), "critical": False, "timeout": "1m"}
    return StepView(id=name, name=name, action="assert.that", wave=wave, needs=needs, **more)


def test_a_step_that_waits_for_many_names_the_first():
    many = [step(f"step-{number}", 1) for number in range(40)]
    plan_view = PlanView(
        runbook="r",
        title="",
        inventory="i",
        inputs={},
        steps=(*many, step("last", 2, *(one.id for one in many))),
        tasks=41,
        targets=1,
        waves=(),
        critical_path=("step-0", "last"),
        longest_seconds=120,
        fingerprint="f" * 64,
    )
    lines = plan_text(plan_view).splitlines()
    assert any(line.rstrip().endswith("step-0, step-1, step-2 and 37 more") for line in lines)
    assert max(map(len, lines)) < 120


def test_one_long_cell_does_not_make_all_rows_long():
    long = "x" * 200
    assert table(("step", "takes"), [("a", "1s"), (long, "2s")]).splitlines() == [
        "step  takes",
        "a     1s",
        f"{long}  2s",
    ]
