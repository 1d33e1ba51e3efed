"""Which targets have a queue, and what is wrong with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_engine.app.project import OpenProject
from runbook_engine.app.queue_facts import is_sealed, relative_origin, seal, unseal
from runbook_engine.app.queues import check_name, queue_of, queue_problems, uses_queues
from runbook_engine.model.config import Config, Project
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import Group, Inventory, Target


def _inventory(secrets=None, everywhere=None, **targets):
    groups = {"all": Group(name="all", variables=everywhere or {}), "ungrouped": Group(name="ungrouped")}
    made = {name: Target(name=name, variables=variables) for name, variables in targets.items()}
    return Inventory(name="demo", targets=made, groups=groups, secrets=secrets or {})


def _project(tmp_path, **config):
    return OpenProject(Project(root=tmp_path, config=Config(**config)))


def test_a_target_says_its_queue_and_the_machine_of_the_engine_has_none():
    inventory = _inventory(everywhere={"queue": "eu"}, a={"queue": "us"}, b={"queue": ""}, c={})
    assert [queue_of(inventory, target) for target in inventory.targets.values()] == ["us", None, None]
    assert queue_of(inventory, inventory.target("localhost")) is None
    named = _inventory(localhost={"queue": "eu"})
    assert queue_of(named, named.target("localhost")) == "eu"


@pytest.mark.parametrize("name", ["eu-west-1", "a", "A.b_c-9", "x" * 40])
def test_names(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a b", "é", "x" * 41, "a\n", "a;b"])
def test_no_names(name):
    with pytest.raises(InvalidInputError, match="can't be the name of a queue"):
        check_name(name)


def test_a_file_holds_no_orders_and_a_bad_name_is_told(tmp_path):
    inventory = _inventory(a={"queue": "eu"}, b={"queue": "not one"}, c={})
    problems = queue_problems(_project(tmp_path), inventory, inventory.targets.values())
    assert [(one.rule, one.message[:4]) for one in problems] == [("RB242", "b: q"), ("RB241", "a, b")]


@pytest.mark.parametrize(
    "config", [{"dispatcher": "threads"}, {"journal": "postgresql://u@h/d"}], ids=["all from here", "a database"]
)
def test_nothing_is_wrong(tmp_path, config):
    project = _project(tmp_path, **config)
    inventory = _inventory(a={"queue": "eu"})
    assert list(queue_problems(project, inventory, inventory.targets.values())) == []
    assert uses_queues(project.config) is ("journal" in config)


def test_where_an_action_comes_from_is_named_alike_on_every_machine(tmp_path):
    assert relative_origin(str(tmp_path / "plugins" / "x.py"), tmp_path) == "plugins/x.py"
    assert relative_origin("runbook-engine", tmp_path) == "runbook-engine"


SECRETS = {"hunter2-secret": "$ANSIBLE_VAULT", "271828182": "", "url of hunter2-secret": ""}
LEAVES = st.sampled_from([*SECRETS, 271828182, 271828182.5, "plain", True, None, 7])
KEYS = st.text(max_size=5) | st.sampled_from(["\ue000vault", "\ue000own", "\ue000\ue000vault", "ansible_password"])
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=3), max_leaves=8
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([SECRETS, {}]))
def test_what_was_decrypted_does_not_travel_and_is_there_again_afterwards(variables, secrets):
    inventory = _inventory(secrets=secrets, a=variables)
    target = inventory.target("a")
    sealed = seal(target, inventory)
    text = sealed.model_dump_json()
    assert not secrets or ("hunter2" not in text and "271828182," not in text)
    assert unseal(sealed, list(secrets), target.variables) == target
    assert is_sealed(sealed) is (sealed != target)


def test_a_key_that_looks_like_ours_is_not_looked_for_in_the_workers_inventory():
    inventory = _inventory(a={"x": {"\ue000own": 5}})
    target = inventory.target("a")
    assert unseal(seal(target, inventory), [], {}) == target
