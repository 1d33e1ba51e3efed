"""The schedule: what may start, what never can, and that its work is in proportion to what changed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plans import plan_of, planned

from runbook_engine.execution.schedule import Schedule
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import OnFailure


def ids(plan: Plan, tasks) -> list[str]:
    return [plan.tasks[task].id for task in tasks]


def test_a_step_waits_for_all_it_needs():
    plan = plan_of(planned("a"), planned("b"), planned("c", needs=["a", "b"]))
    schedule = Schedule(plan)
    assert ids(plan, schedule.start().ready) == ["a@localhost", "b@localhost"]
    assert schedule.end(0, Outcome.CHANGED).ready == []
    assert ids(plan, schedule.end(1, Outcome.UNCHANGED).ready) == ["c@localhost"]
    assert not schedule.over
    schedule.end(2, Outcome.CHANGED)
    assert schedule.over


def test_a_schedule_that_is_stopped_lets_what_runs_end_and_does_what_is_always_done():
    plan = plan_of(
        planned("a"),
        planned("b", needs=["a"]),
        planned("none", [], needs=["b"]),
        planned("tidy", needs=["none"], always=True),
    )
    schedule = Schedule(plan)
    schedule.start()
    stopped = schedule.stop("over")
    assert (ids(plan, stopped.ready), stopped.blocked) == (["tidy@localhost"], [(1, "over")])
    assert not schedule.over
    schedule.end(0, Outcome.CHANGED)
    schedule.end(2, Outcome.CHANGED)
    assert schedule.over


def test_a_failure_blocks_what_needs_it_and_leaves_other_branches_alone():
    plan = plan_of(planned("a"), planned("b", needs=["a"]), planned("c", needs=["b"]), planned("d"))
    schedule = Schedule(plan)
    schedule.start()
    decisions = schedule.end(0, Outcome.FAILED)
    assert [(plan.tasks[task].id, because) for task, because in decisions.blocked] == [
        ("b@localhost", "step a did not end well"),
        ("c@localhost", "step b did not end well"),
    ]
    assert not schedule.over
    schedule.end(3, Outcome.CHANGED)
    assert schedule.over
    assert schedule.step_ended_well(3)
    assert schedule.step_ended_well(2) is False


def test_always_runs_whatever_became_of_its_needs_but_not_before():
    plan = plan_of(planned("a"), planned("b"), planned("clean", needs=["a", "b"], always=True))
    schedule = Schedule(plan)
    schedule.start()
    assert schedule.end(0, Outcome.FAILED).ready == []
    assert ids(plan, schedule.end(1, Outcome.CHANGED).ready) == ["clean@localhost"]


def test_skipped_counts_as_ended_well():
    plan = plan_of(planned("a"), planned("b", needs=["a"]))
    schedule = Schedule(plan)
    schedule.start()
    assert ids(plan, schedule.end(0, Outcome.SKIPPED).ready) == ["b@localhost"]


def test_continue_lets_dependents_go_on_also_on_the_failed_target():
    plan = plan_of(planned("a", ["x", "y"], on_failure=OnFailure.CONTINUE), planned("b", ["x", "y"], needs=["a"]))
    schedule = Schedule(plan)
    schedule.start()
    schedule.end(0, Outcome.FAILED)
    assert ids(plan, schedule.end(1, Outcome.FAILED).ready) == ["b@x", "b@y"]
    assert schedule.step_ended_well(0)


def test_batches_come_one_after_the_other():
    plan = plan_of(planned("a", ["t1", "t2", "t3", "t4"], batch=(1, "50%")))
    schedule = Schedule(plan)
    assert ids(plan, schedule.start().ready) == ["a@t1"]
    assert ids(plan, schedule.end(0, Outcome.CHANGED).ready) == ["a@t2", "a@t3"]
    assert schedule.end(1, Outcome.CHANGED).ready == []
    assert ids(plan, schedule.end(2, Outcome.CHANGED).ready) == ["a@t4"]


def test_a_failed_canary_blocks_the_later_batches():
    plan = plan_of(planned("a", ["t1", "t2", "t3"], batch=(1, 2)))
    schedule = Schedule(plan)
    schedule.start()
    assert ids(plan, [task for task, _ in schedule.end(0, Outcome.FAILED).blocked]) == ["a@t2", "a@t3"]
    assert schedule.over


def test_max_failures_are_tolerated_and_their_targets_left_out_of_what_follows():
    plan = plan_of(planned("a", ["x", "y", "z"], max_failures=1), planned("b", ["x", "y", "z"], needs=["a"]))
    schedule = Schedule(plan)
    schedule.start()
    schedule.end(0, Outcome.CHANGED)
    schedule.end(1, Outcome.UNREACHABLE)
    decisions = schedule.end(2, Outcome.CHANGED)
    assert ids(plan, decisions.ready) == ["b@x", "b@z"]
    assert [(plan.tasks[task].id, because) for task, because in decisions.blocked] == [
        ("b@y", "a did not end well on y")
    ]
    assert schedule.step_ended_well(0)


def test_one_failure_more_than_tolerated_fails_the_step():
    plan = plan_of(planned("a", ["x", "y", "z"], max_failures=1), planned("b", needs=["a"]))
    schedule = Schedule(plan)
    schedule.start()
    schedule.end(0, Outcome.FAILED)
    schedule.end(1, Outcome.FAILED)
    assert ids(plan, [task for task, _ in schedule.end(2, Outcome.CHANGED).blocked]) == ["b@localhost"]


def test_an_edge_target_by_target_waits_for_that_target_only():
    plan = plan_of(planned("a", ["x", "y"]), planned("b", ["x", "y"], needs=["a@target"]))
    schedule = Schedule(plan)
    assert ids(plan, schedule.start().ready) == ["a@x", "a@y"]
    assert ids(plan, schedule.end(1, Outcome.CHANGED).ready) == ["b@y"]
    decisions = schedule.end(0, Outcome.FAILED)
    assert [plan.tasks[task].id for task, _ in decisions.blocked] == ["b@x"]
    schedule.end(3, Outcome.CHANGED)
    assert schedule.over
    assert schedule.step_ended_well(1) is False, "a step that follows a failed one target by target did not end well"


def test_parallel_limits_the_tasks_of_one_step():
    plan = plan_of(planned("a", ["t1", "t2", "t3"], parallel=2))
    schedule = Schedule(plan)
    assert len(schedule.start().ready) == 2
    assert ids(plan, schedule.end(1, Outcome.CHANGED).ready) == ["a@t3"]


def test_a_mutex_keeps_tasks_of_different_steps_apart():
    plan = plan_of(planned("a", mutex="dns"), planned("b", mutex="dns"), planned("c", mutex="dns"))
    schedule = Schedule(plan)
    assert ids(plan, schedule.start().ready) == ["a@localhost"]
    assert ids(plan, schedule.end(0, Outcome.FAILED).ready) == ["b@localhost"]
    assert ids(plan, schedule.end(1, Outcome.CHANGED).ready) == ["c@localhost"]


def test_what_ended_well_before_is_not_started_again():
    plan = plan_of(planned("a", ["x", "y"], batch=(1,)), planned("b", needs=["a"]))
    schedule = Schedule(plan, {0: Outcome.CHANGED})
    assert ids(plan, schedule.start().ready) == ["a@y"]
    assert ids(plan, schedule.end(1, Outcome.CHANGED).ready) == ["b@localhost"]


def test_a_step_without_targets_is_passed_by():
    plan = plan_of(planned("a", []), planned("b", needs=["a"]))
    assert ids(plan, Schedule(plan).start().ready) == ["b@localhost"]


def test_long_chains_of_steps_without_targets_do_not_exhaust_the_stack():
    plan = plan_of(*[planned(f"s{n}", [], needs=[f"s{n - 1}"] if n else []) for n in range(5000)])
    schedule = Schedule(plan)
    schedule.start()
    assert schedule.over


@st.composite
def plans(draw) -> Plan:
    targets = [f"t{n}" for n in range(draw(st.integers(1, 4)))]
    steps = []
    for number in range(draw(st.integers(1, 7))):
        own = draw(st.sampled_from([targets, targets, ["localhost"], []]))
        needs = []
        for earlier in steps:
            kind = draw(st.sampled_from(["no", "no", "whole", "target"]))
            if kind == "whole":
                needs.append(earlier.id)
            elif kind == "target" and set(earlier.targets) == set(own) and own:
                needs.append(f"{earlier.id}@target")
        steps.append(
            planned(
                f"s{number}",
                own,
                needs,
                batch=draw(st.sampled_from([(), (1,), (1, "100%"), (2,)])),
                parallel=draw(st.sampled_from([None, 1, 2])),
                max_failures=draw(st.sampled_from([0, 0, 1, "50%"])),
                on_failure=draw(st.sampled_from([OnFailure.STOP, OnFailure.STOP, OnFailure.CONTINUE])),
                always=draw(st.sampled_from([False, False, True])),
                mutex=draw(st.sampled_from([None, None, "m"])),
            )
        )
    return plan_of(*steps)


@settings(max_examples=400, deadline=None)
@given(plans(), st.randoms(use_true_random=False), st.floats(0, 0.6), st.booleans())
def test_whatever_happens_every_task_ends_once_and_for_a_reason(
    plan: Plan, chance: random.Random, bad: float, resume: bool
):
    """Runs random plans with random outcomes in random order, and holds each decision against the plan's own words."""
    done = {}
    if resume:
        done = {index: Outcome.CHANGED for index in range(len(plan.tasks)) if chance.random() < 0.2}
    schedule = Schedule(plan, done)
    ended: dict[int, Outcome] = {}
    running: list[int] = []
    started: set[int] = set()

    def take(decisions):
        for task, _because in decisions.blocked:
            assert task not in started
            assert task not in ended
            ended[task] = Outcome.BLOCKED
        for task in decisions.ready:
            assert task not in started
            assert task not in ended
            assert task not in done
            started.add(task)
            running.append(task)
        for task in running:
            check_start(task)

    def over(task: int) -> bool:
        return task in ended or task in done

    def check_start(task: int) -> None:
        here = plan.tasks[task]
        step = plan.steps[here.step]
        for need in step.needs:
            other = plan.step_index[need.step]
            first = plan.first_task[other]
            for waited in plan.tasks_of(other):
                if need.per_target and waited.target != here.target:
                    continue
                assert over(first + waited.number), f"{here.id} began before {waited.id} ended"
                outcome = ended.get(first + waited.number, Outcome.CHANGED)
                tolerant = plan.steps[other].step.on_failure is OnFailure.CONTINUE
                if waited.target == here.target and not step.step.always and outcome is not Outcome.BLOCKED:
                    assert outcome.ended_well or tolerant, f"{here.id} began although {waited.id} is {outcome}"
        batch, count = 0, step.batches[0]
        while here.number >= count:
            batch += 1
            count += step.batches[batch]
        before = count - step.batches[batch]
        first = plan.first_task[here.step]
        assert all(over(index) for index in range(first, first + before)), f"{here.id} began before its batch"

    take(schedule.start())
    while running:
        for step_index, step in enumerate(plan.steps):
            now = [task for task in running if plan.tasks[task].step == step_index]
            assert step.step.parallel is None or len(now) <= step.step.parallel
        holders = [task for task in running if plan.steps[plan.tasks[task].step].step.mutex == "m"]
        assert len(holders) <= 1
        task = running.pop(chance.randrange(len(running)))
        outcome = Outcome.FAILED if chance.random() < bad else Outcome.CHANGED
        ended[task] = outcome
        take(schedule.end(task, outcome))
    assert schedule.over
    assert all(over(index) for index in range(len(plan.tasks))), "a task was forgotten"
    if not any(outcome is Outcome.FAILED for outcome in ended.values()):
        assert Outcome.BLOCKED not in ended.values(), "blocked without any failure"


@pytest.mark.parametrize("per_target", [False, True])
def test_work_is_in_proportion_to_what_changed(per_target: bool):
    """Counts the schedule's own steps rather than seconds: twice the tasks, about twice the work."""

    def work(size: int) -> int:
        import sys

        suffix = "@target" if per_target else ""
        targets = [f"t{n}" for n in range(size)]
        plan = plan_of(*[planned(f"s{n}", targets, [f"s{n - 1}{suffix}"] if n else []) for n in range(10)])
        schedule = Schedule(plan)
        ready = schedule.start().ready
        lines = 0

        def count(frame, event, _argument):
            nonlocal lines
            lines += event == "line"
            return count

        old = sys.gettrace()
        sys.settrace(count)
        try:
            while ready:
                ready = (
                    ready[1:] + schedule.end(ready[0], Outcome.CHANGED).ready
                    if len(ready) < 3
                    else drain(schedule, ready)
                )
        finally:
            sys.settrace(old)
        assert schedule.over
        return lines

    def drain(schedule: Schedule, ready: list[int]) -> list[int]:
        following: list[int] = []
        for task in ready:
            following += schedule.end(task, Outcome.CHANGED).ready
        return following

    assert work(400) < 2.5 * work(200)
