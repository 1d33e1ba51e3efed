"""The plan: targets, loops, batches, edges, imports, order, fingerprint."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.files import plan, write_runbook

from runbook_engine.planning.amounts import batches
from runbook_engine.planning.graph import ancestors, critical_path, find_cycle, order

HOSTS = """
    [web]
    web[1:4] region=eu
    [db]
    db1 region=us
"""


def needs(result, step: str) -> list[str]:
    found = result.plan.steps[result.plan.step_index[step]].needs
    return [f"{need.step}@target" if need.per_target else need.step for need in found]


def test_targets_come_from_the_pattern_and_localhost_is_the_default(tmp_path):
    result = plan(
        tmp_path,
        """
        steps:
          - {id: a, "assert.that": {that: [true]}}
          - {id: b, targets: "web:!web2", "assert.that": {that: [true]}}
        """,
        HOSTS,
    )
    assert [step.targets for step in result.plan.steps] == [("localhost",), ("web1", "web3", "web4")]
    assert [task.id for task in result.plan.tasks] == ["a@localhost", "b@web1", "b@web3", "b@web4"]


def test_a_reference_in_any_template_is_an_edge(tmp_path):
    result = plan(
        tmp_path,
        """
        vars: {url: "http://{{ steps['a'].stdout }}/"}
        steps:
          - {id: a, command.run: {argv: [hostname]}}
          - {id: b, http.check: {url: "{{ url }}"}}
          - {id: c, when: "steps.a.exit_status == 0", assert.that: {that: [true]}}
          - {id: d, assert.that: {that: ["steps['b'].outcome == 'unchanged'"]}}
          - {id: e, environment: {X: "{{ steps['c'].outcome }}"}, command.run: {argv: [env]}}
        """,
    )
    assert {step: needs(result, step) for step in "abcde"} == {
        "a": [], "b": ["a"], "c": ["a"], "d": ["b"], "e": ["c"]
    }  # fmt: skip


def test_a_written_edge_by_target_is_not_widened_by_a_reference(tmp_path):
    result = plan(
        tmp_path,
        """
        steps:
          - {id: a, targets: web, command.run: {argv: [hostname]}}
          - id: b
            targets: web
            needs: ["a@target"]
            assert.that: {that: ["steps['a'].targets[target.name].stdout != ''"]}
        """,
        HOSTS,
    )
    assert needs(result, "b") == ["a@target"]


def test_loops_make_a_task_for_each_item_and_target(tmp_path):
    result = plan(
        tmp_path,
        """
        inputs: {regions: {type: list, default: [eu, us]}}
        steps:
          - {id: a, targets: "web1,web2", loop: "{{ regions }}", batch: [1], command.run: {argv: [echo, "{{ item }}"]}}
          - {id: b, loop: [1, "{{ 1 + 1 }}"], command.run: {argv: [echo, "{{ item }}"]}}
        """,
        HOSTS,
    )
    assert [task.id for task in result.plan.tasks_of(0)] == ["a[0]@web1", "a[1]@web1", "a[0]@web2", "a[1]@web2"]
    assert result.plan.steps[0].batches == (2, 2), "a batch is whole targets"
    assert result.plan.steps[1].items == (1, 2)


def test_a_loop_over_an_output_is_refused(tmp_path):
    result = plan(
        tmp_path,
        """
        steps:
          - {id: a, command.run: {argv: [hostname]}}
          - {id: b, loop: "{{ steps['a'].stdout }}", command.run: {argv: [x]}}
        """,
    )
    assert [found.rule for found in result.diagnostics] == ["RB212"]


def test_a_limit_narrows_the_inventory_s_targets_and_leaves_localhost(tmp_path):
    text = """
        steps:
          - {id: a, "assert.that": {that: [true]}}
          - {id: b, targets: web, "assert.that": {that: [true]}}
          - {id: c, targets: db, "assert.that": {that: [true]}}
    """
    result = plan(tmp_path, text, HOSTS, limit="web2")
    assert [step.targets for step in result.plan.steps] == [("localhost",), ("web2",), ()]


@pytest.mark.parametrize("pattern", ["wbe", "web:&db"])
def test_a_pattern_that_matches_nothing_is_refused_with_its_place(tmp_path, pattern):
    result = plan(tmp_path, f'steps:\n  - id: a\n    targets: "{pattern}"\n    assert.that: {{that: [true]}}\n', HOSTS)
    (found,) = result.diagnostics
    assert (found.rule, found.location.line, found.location.column) == ("RB209", 4, 14)


def test_an_edge_by_target_between_different_patterns_is_refused(tmp_path):
    result = plan(
        tmp_path,
        """
        steps:
          - {id: a, targets: web, "assert.that": {that: [true]}}
          - {id: b, targets: db, needs: ["a@target"], "assert.that": {that: [true]}}
        """,
        HOSTS,
    )
    assert [found.rule for found in result.diagnostics] == ["RB210"]


def test_imports_are_spliced_into_one_graph(tmp_path):
    write_runbook(
        tmp_path,
        """
        runbook: restore
        inputs: {name: {required: true}}
        vars: {full: "{{ name }}-standby"}
        steps:
          - {id: copy, command.run: {argv: [copy, "{{ full }}"]}}
          - {id: check, command.run: {argv: [check, "{{ steps['copy'].stdout }}"]}}
        """,
        "restore",
    )
    result = plan(
        tmp_path,
        """
        inputs: {which: {default: reviews}}
        steps:
          - {id: before, assert.that: {that: [true]}}
          - {id: db, needs: [before], import: restore.yml, inputs: {name: "{{ which }}"}}
          - {id: after, needs: [db], assert.that: {that: ["steps['db/check'].exit_status == 0"]}}
        """,
    )
    assert [step.id for step in result.plan.steps] == ["before", "db/copy", "db/check", "after"]
    assert needs(result, "db/copy") == ["before"]
    assert needs(result, "db/check") == ["before", "db/copy"], "nothing of an import begins before what it needs"
    assert "db/check" in needs(result, "after")
    scope = result.plan.scopes[result.plan.steps[1].scope]
    assert (scope.prefix, scope.inputs) == ("db/", {"name": "reviews"})


def test_an_import_without_its_required_input_is_refused(tmp_path):
    write_runbook(
        tmp_path,
        "runbook: restore\ninputs: {name: {required: true}}\nsteps: [{id: a, assert.that: {that: [true]}}]\n",
        "restore",
    )
    result = plan(tmp_path, "steps: [{id: db, import: restore.yml}]")
    assert [found.rule for found in result.diagnostics] == ["RB216"]


def test_a_cycle_is_shown_as_a_path(tmp_path):
    result = plan(
        tmp_path,
        """
        steps:
          - {id: a, needs: [c], assert.that: {that: [true]}}
          - {id: b, needs: [a], assert.that: {that: [true]}}
          - {id: c, needs: [b], assert.that: {that: [true]}}
        """,
    )
    (found,) = result.diagnostics
    assert found.rule == "RB206"
    assert "a → " in found.message
    assert found.message.count("→") == 3


BOOK = """
    inputs: {region: {default: eu}}
    vars: {size: 3}
    steps:
      - {id: a, targets: web, command.run: {argv: [echo, "{{ region }}"]}}
      - {id: b, needs: [a], command.run: {argv: [echo, "{{ size }}"]}}
"""


def test_the_fingerprint_changes_with_everything_that_decides_and_with_nothing_else(tmp_path):
    base = plan(tmp_path, BOOK, HOSTS).plan.fingerprint
    assert plan(tmp_path, BOOK, HOSTS).plan.fingerprint == base
    assert plan(tmp_path, BOOK + "\n    # a comment\n", HOSTS).plan.fingerprint == base
    assert plan(tmp_path, BOOK, HOSTS.replace("db1", "db9")).plan.fingerprint == base, "a host that is not used"
    for text, hosts, inputs in (
        (BOOK.replace("size: 3", "size: 4"), HOSTS, []),
        (BOOK.replace("echo", "printf"), HOSTS, []),
        (BOOK, HOSTS.replace("region=eu", "region=us"), []),
        (BOOK, HOSTS.replace("1:4", "1:5"), []),
        (BOOK, HOSTS, ["region=us"]),
        (BOOK.replace("needs: [a], ", ""), HOSTS, []),
    ):
        assert plan(tmp_path, text, hosts, inputs).plan.fingerprint != base


def test_a_plan_is_the_same_each_time_and_in_the_order_of_the_file(tmp_path):
    steps = [
        {"id": f"s{n}", "needs": [f"s{n - 3}"] if n > 2 else [], "assert.that": {"that": [True]}} for n in range(9)
    ]
    result = plan(tmp_path, f"steps: {json.dumps(steps)}")
    assert [step.id for step in result.plan.steps] == [f"s{n}" for n in range(9)]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_an_order_respects_every_edge_and_a_cycle_is_one(data):
    count = data.draw(st.integers(1, 12))
    names = [f"s{n}" for n in range(count)]
    edges = {name: data.draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) for name in names}
    cycle = find_cycle(edges)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(earlier in edges[later] for earlier, later in zip(cycle, cycle[1:], strict=False))
        return
    found = order(edges)
    position = {name: index for index, name in enumerate(found)}
    assert sorted(found) == sorted(names)
    assert all(position[other] < position[name] for name in names for other in edges[name])
    before = ancestors(edges)
    assert all(set(edges[name]) <= before[name] for name in names)
    path = critical_path(edges, dict.fromkeys(names, 1.0))
    longest = max(_depth(edges, name) for name in names)
    assert len(path) == longest
    assert all(earlier in edges[later] for earlier, later in zip(path, path[1:], strict=False))


def _depth(edges, name) -> int:
    return 1 + max((_depth(edges, other) for other in edges[name]), default=0)


@given(
    st.lists(st.one_of(st.integers(1, 50), st.integers(0, 100).map(lambda n: f"{n}%")), max_size=4), st.integers(0, 300)
)
def test_batches_place_every_target_once(amounts, targets):
    sizes = batches(amounts, targets)
    assert sum(sizes) == targets
    assert all(size > 0 for size in sizes)
