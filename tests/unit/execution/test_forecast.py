"""Runs on paper: the order and the limits of a real run, and the time that follows."""

from hypothesis import given
from hypothesis import strategies as st
from support.plans import plan_of, planned

from runbook_engine.execution.forecast import try_out


def took(plan, seconds, *, forks=50, fails=()):
    ids = [step.id for step in plan.steps]
    failing = frozenset(plan.step_index[name] for name in fails)
    trial = try_out(plan, lambda index: float(seconds[ids[index]]), forks, failing)
    return trial, dict(zip(ids, trial.ends, strict=True))


def test_what_does_not_wait_goes_on_at_once():
    plan = plan_of(planned("a"), planned("b"), planned("c", needs=["a", "b"]))
    trial, ends = took(plan, {"a": 5, "b": 3, "c": 2})
    assert (trial.seconds, ends) == (7.0, {"a": 5.0, "b": 3.0, "c": 7.0})
    assert [plan.steps[index].id for index in trial.longest] == ["a", "c"]


def test_no_more_at_once_than_forks():
    plan = plan_of(planned("a", ["h1", "h2", "h3", "h4"]))
    assert took(plan, {"a": 10})[0].seconds == 10.0
    assert took(plan, {"a": 10}, forks=3)[0].seconds == 20.0
    assert took(plan, {"a": 10}, forks=1)[0].seconds == 40.0


def test_batches_and_parallel_limit_as_in_a_run():
    hosts = ["h1", "h2", "h3", "h4"]
    assert took(plan_of(planned("a", hosts, parallel=2)), {"a": 10})[0].seconds == 20.0
    assert took(plan_of(planned("a", hosts, batch=(1, 3))), {"a": 10})[0].seconds == 20.0
    assert took(plan_of(planned("a", mutex="m"), planned("b", mutex="m")), {"a": 3, "b": 4})[0].seconds == 7.0


def test_what_fails_blocks_what_needs_it_but_for_what_is_always_done():
    plan = plan_of(planned("a"), planned("b", needs=["a"]), planned("c", needs=["b"], always=True), planned("d"))
    trial, ends = took(plan, {"a": 1, "b": 2, "c": 3, "d": 7}, fails=["a"])
    assert ends == {"a": 1.0, "b": None, "c": 4.0, "d": 7.0}
    assert trial.seconds == 7.0


@st.composite
def plans(draw):
    steps = []
    for number in range(draw(st.integers(1, 8))):
        needs = draw(st.sets(st.sampled_from([f"s{one}" for one in range(number)]))) if number else set()
        targets = [f"h{one}" for one in range(draw(st.integers(1, 4)))]
        steps.append(planned(f"s{number}", targets, needs=sorted(needs)))
    return plan_of(*steps)


@given(plans(), st.data())
def test_never_quicker_than_the_longest_chain_nor_slower_than_one_by_one(plan, data):
    seconds = {step.id: data.draw(st.integers(0, 9)) for step in plan.steps}
    forks = data.draw(st.integers(1, 6))
    trial, ends = took(plan, seconds, forks=forks)
    chain = {}
    for step in plan.steps:
        chain[step.id] = seconds[step.id] + max((chain[need.step] for need in step.needs), default=0)
    whole = sum(seconds[step.id] * len(step.targets) for step in plan.steps)
    assert max(chain.values()) <= trial.seconds <= whole
    assert trial.seconds * forks >= whole
    assert all(ends[name] >= chain[name] for name in chain)
    assert took(plan, seconds, forks=whole + 50)[0].seconds == max(chain.values())
