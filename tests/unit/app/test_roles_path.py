"""Roles are looked for where people have Ansible look, and not where a stranger's file says."""

from pathlib import Path

import pytest

from runbook_engine.app.roles_path import roles_path


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in ("ANSIBLE_ROLES_PATH", "ANSIBLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_counts_before_any_file(tmp_path, monkeypatch):
    (tmp_path / "ansible.cfg").write_text("[defaults]\nroles_path = mine\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", "a:~/b")
    assert roles_path(tmp_path, tmp_path) == (tmp_path / "a", Path.home() / "b")


def test_a_file_of_the_project_counts_below_its_folder_and_one_that_is_named_anywhere(tmp_path, monkeypatch):
    config = tmp_path / "ansible.cfg"
    config.write_text("[defaults]\nroles_path = roles:/etc/other:../up\n")
    assert roles_path(tmp_path, tmp_path / "plays") == (tmp_path / "roles",)
    monkeypatch.setenv("ANSIBLE_CONFIG", str(config))
    assert roles_path(tmp_path, tmp_path)[:2] == (tmp_path / "roles", Path("/etc/other"))


@pytest.mark.parametrize("text", ["", "[defaults]\n", "no section\n", "[defaults]\nroles_path = %(x)s\n[defaults\n"])
def test_without_a_word_of_it_the_folders_of_ansibles_own_count(tmp_path, text):
    (tmp_path / "ansible.cfg").write_text(text)
    found = roles_path(tmp_path, tmp_path)
    assert found[-1] == Path("/etc/ansible/roles")
