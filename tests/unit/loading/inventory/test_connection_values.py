"""Values of the connection's variables are judged where they stand, before anybody connects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.model.connection_variables import connection_kind, truth, variable_problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ansible_connection", "bogus"),
        ("ansible_connection", 3),
        ("ansible_port", "abc"),
        ("ansible_port", 0),
        ("ansible_port", 70000),
        ("ansible_port", -1),
        ("ansible_port", True),
        ("ansible_port", "²"),
        ("ansible_ssh_port", 22.5),
        ("ansible_become", "maybe"),
        ("ansible_become", ["yes"]),
        ("ansible_become_method", "su"),
        ("ansible_user", ["root"]),
        ("ansible_host", {"a": 1}),
        ("ansible_aws_ssm_timeout", "soon"),
    ],
)
def test_a_value_that_means_nothing_is_an_error(name, value):
    problem = variable_problem(name, value)
    assert problem is not None
    assert name in problem.message
    assert problem.hint
    assert not problem.elsewhere


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ansible_connection", "ssh"),
        ("ansible_connection", "ansible.builtin.local"),
        ("ansible_connection", "community.aws.aws_ssm"),
        ("ansible_connection", "{{ how }}"),
        ("ansible_port", 22),
        ("ansible_port", "65535"),
        ("ansible_port", "{{ port }}"),
        ("ansible_become", "YES"),
        ("ansible_become", 0),
        ("ansible_become_method", "sudo"),
        ("ansible_become_method", None),
        ("ansible_user", 1001),
        ("anything_else", ["x"]),
    ],
)
def test_what_means_something_and_what_is_no_ones_business_is_let_be(name, value):
    assert variable_problem(name, value) is None


@pytest.mark.parametrize("value", ["winrm", "community.docker.docker", "containers.podman.podman", "my.own.connection"])
def test_a_connection_that_only_ansible_has_is_told_apart(value):
    assert variable_problem("ansible_connection", value).elsewhere


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=2))
def test_no_value_is_both_refused_and_understood(value):
    refused = variable_problem("ansible_become", value) is not None
    assert not (refused and truth(value) is not None)
    if isinstance(value, str):
        assert connection_kind(value) is None or variable_problem("ansible_connection", value) is None


def test_a_secret_in_the_wrong_place_is_not_told_at_length():
    assert len(variable_problem("ansible_port", "x" * 500).message) < 120
