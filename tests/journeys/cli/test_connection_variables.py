"""A host that can't be reached as its variables say is found by `validate` and before a run, not in its middle."""

import pytest

BOOK = "runbook: book\nsteps: [{id: a, targets: all, command.run: {argv: ['true']}}]\n"


@pytest.fixture
def project(runbook):
    runbook.write("runbooks/book.yml", BOOK)
    return runbook


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ansible_connection: bogus", "web1: ansible_connection is 'bogus'"),
        ("ansible_port: abc", "web1: ansible_port is 'abc'"),
        ("ansible_port: 70000", "web1: ansible_port is 70000"),
        ("ansible_become: maybe", "web1: ansible_become is 'maybe'"),
        ("ansible_become_method: doas", "web1: ansible_become_method is 'doas'"),
    ],
)
def test_validate_and_run_name_host_variable_and_file(project, line, words):
    project.write("inventories/odd/hosts.yml", f"all:\n  hosts:\n    web1: {{{line}}}\n    web2: {{}}\n")
    checked = project("validate", "inventories/odd")
    assert checked.status == 3
    assert words in checked.out + checked.err
    assert "inventories/odd/hosts.yml:3" in checked.out + checked.err
    ran = project("run", "book", "-i", "odd", "--yes")
    assert ran.status == 3
    assert words in ran.err
    assert project("runs").out == ""


def test_a_variable_file_is_named_with_its_line(project):
    project.write("inventories/odd/hosts.yml", "all:\n  hosts: {web1: {}}\n")
    project.write("inventories/odd/group_vars/all.yml", "region: x\nansible_port: none\n")
    checked = project("validate", "inventories/odd")
    assert checked.status == 3
    assert "group_vars/all.yml:2" in checked.out + checked.err


def test_a_host_of_another_kind_is_no_error_until_a_command_is_to_run_there(project):
    project.write("inventories/mixed/hosts.yml", "all:\n  hosts:\n    win: {ansible_connection: winrm}\n")
    assert project("validate", "inventories/mixed").status == 0
    assert project("validate", "--strict", "inventories/mixed").status == 3
    ran = project("run", "book", "-i", "mixed", "--yes")
    assert ran.status == 1
    assert "use ssh, local or aws_ssm" in ran.err
