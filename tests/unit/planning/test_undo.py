"""The plan that takes a run back: what changed, in the opposite order, over gaps, and what can't be undone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plans import plan_of, planned
from support.simulation import Do, FakeCatalog

from runbook_engine.model.runbook import ActionCall
from runbook_engine.planning.undo import undo_plan


class Undoable(Do):
    """Can be undone."""

    name = "test.undoable"

    def revert(self, params, context):
        raise AssertionError("a plan undoes nothing")


CATALOG = FakeCatalog(Do(), Undoable())
UNDOABLE = ActionCall(name="test.undoable")


def step(name, needs=(), targets=("localhost",), **more):
    return planned(name, targets, needs, **{"action": UNDOABLE, **more})


def order_of(undo):
    return [one.id for one in undo.plan.steps]


def needs_of(undo):
    return {one.id: {need.step for need in one.needs} for one in undo.plan.steps}


def test_steps_are_undone_after_all_that_needed_them():
    plan = plan_of(step("a"), step("b", ["a"]), step("c", ["a"]), step("d", ["b", "c"]))
    undo = undo_plan(plan, {task.id for task in plan.tasks}, CATALOG, of="r1")
    assert needs_of(undo) == {"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}
    assert order_of(undo) == ["d", "b", "c", "a"]


def test_an_order_that_led_over_an_unchanged_step_stays():
    plan = plan_of(step("a"), step("look", ["a"]), step("c", ["look"]))
    undo = undo_plan(plan, {"a@localhost", "c@localhost"}, CATALOG, of="r1")
    assert needs_of(undo) == {"a": {"c"}, "c": set()}


def test_only_the_targets_that_changed_are_undone():
    plan = plan_of(step("a", targets=["t0", "t1", "t2"]))
    undo = undo_plan(plan, {"a@t0", "a@t2"}, CATALOG, of="r1")
    assert [task.id for task in undo.plan.tasks] == ["a@t0", "a@t2"]


def test_the_steps_own_revert_wins_and_what_has_none_is_named():
    back = ActionCall(name="test.do", params={"state": "off"})
    plan = plan_of(step("own", revert=back), step("action"), step("never", ["own"], action=ActionCall(name="test.do")))
    undo = undo_plan(plan, {task.id for task in plan.tasks}, CATALOG, of="r1")
    by_id = {one.id: one for one in undo.plan.steps}
    assert by_id["own"].step.action == back
    assert not by_id["own"].undoes
    assert by_id["action"].undoes
    assert [(one.step, one.tasks) for one in undo.kept] == [("never", 1)]
    assert "has no `revert`" in undo.kept[0].why


def test_conditions_and_batches_of_the_way_there_do_not_count_on_the_way_back():
    plan = plan_of(step("a", when="1 > 2", batch=(1,), targets=["t0", "t1"], parallel=1, max_failures=1))
    made = undo_plan(plan, {task.id for task in plan.tasks}, CATALOG, of="r1").plan.steps[0]
    assert (made.step.when, made.batches, made.step.parallel, made.max_failures) == (None, (2,), None, 0)


def test_the_same_steps_of_another_run_make_another_plan():
    plan = plan_of(step("a"))
    prints = {undo_plan(plan, {"a@localhost"}, CATALOG, of=run).plan.fingerprint for run in ("r1", "r2")}
    assert len({*prints, plan.fingerprint}) == 3


@pytest.mark.parametrize("changed", [set(), {"other@localhost"}])
def test_nothing_changed_gives_no_steps(changed):
    undo = undo_plan(plan_of(step("a")), changed, CATALOG, of="r1")
    assert (undo.plan.steps, undo.kept) == ((), ())


@settings(deadline=None)
@given(data=st.data(), count=st.integers(1, 9))
def test_whatever_changed_is_undone_after_every_changed_step_that_followed_it(data, count):
    steps = []
    for number in range(count):
        needs = data.draw(st.sets(st.sampled_from([f"s{n}" for n in range(number)]))) if number else set()
        steps.append(step(f"s{number}", sorted(needs)))
    plan = plan_of(*steps)
    changed = data.draw(st.sets(st.sampled_from([task.id for task in plan.tasks])))
    undo = undo_plan(plan, changed, CATALOG, of="r")
    place = {name: number for number, name in enumerate(order_of(undo))}
    assert set(place) == {name.partition("@")[0] for name in changed}
    after = {one.id: set() for one in plan.steps}
    for one in plan.steps:
        for need in one.needs:
            after[one.id] |= {need.step} | after[need.step]
    needs = needs_of(undo)
    reach = {}
    for name in order_of(undo):
        reach[name] = needs[name].union(*(reach[other] for other in needs[name]))
    for later, earlier in ((a, b) for a in place for b in place if b in after[a]):
        assert place[later] < place[earlier]
        assert later in reach[earlier], "and not only by chance of the order"
