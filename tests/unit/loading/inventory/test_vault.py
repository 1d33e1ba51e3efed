"""Decrypting what the real ansible-vault wrote (password "correct horse"), and never showing it."""

from pathlib import Path

import pytest

from runbook_engine.loading.inventory.as_graph import graph_lines
from runbook_engine.loading.inventory.as_json import ansible_host_json, ansible_inventory_json
from runbook_engine.loading.inventory.vault_passwords import VaultProblemError, read_passwords

FILES = Path(__file__).parent / "vault_files"
VALUES = (FILES / "values.yml").read_text()
WHOLE = (FILES / "whole.yml").read_text()
SECRET = "s3cr3t-pässword"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("RUNBOOK_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNBOOK_VAULT_PASSWORD", "correct horse")
    return monkeypatch


@pytest.fixture
def vaulted(project):
    project.write("hosts", "[web]\nweb1\n")
    project.write("group_vars/web.yml", VALUES)
    return project


def variables(project):
    loaded = project.load()
    assert loaded.inventory is not None, loaded.diagnostics
    return dict(loaded.inventory.targets["web1"].variables)


def test_values_are_decrypted_in_both_formats(vaulted):
    assert variables(vaulted) == {"plain": "eu-west-1", "inline": SECRET, "labelled": SECRET}


def test_a_whole_file_is_decrypted(project):
    project.write("hosts", "web1\n")
    project.write("host_vars/web1/vault", WHOLE)
    assert variables(project) == {
        "db_password": "hunter2-of-the-file",
        "db_port": 5432,
        "pin": 31415926,
        "nested": {"token": "tok-en-1"},
        "list": ["short", True],
    }


def test_json_sources_may_hold_marked_values(project):
    encrypted = VALUES.split("|\n")[1].split("labelled")[0].replace("  ", "")
    text = '{"web": {"hosts": {"web1": {"x": {"__ansible_vault": %s}, "y": {"__ansible_unsafe": "{x"}}}}}'
    inventory = project.good(text % repr(encrypted).replace("'", '"'), "hosts.json")
    assert inventory.targets["web1"].variables == {"x": SECRET, "y": "{x"}


def test_what_was_decrypted_is_shown_as_ansible_shows_it(vaulted):
    inventory = vaulted.load().inventory
    shown = ansible_host_json(inventory, "web1")
    assert shown["plain"] == "eu-west-1"
    assert shown["inline"]["__ansible_vault"].startswith("$ANSIBLE_VAULT;1.")


@pytest.mark.parametrize("source", [VALUES, WHOLE])
def test_nothing_that_was_decrypted_leaves_the_inventory(project, source):
    project.write("hosts", "[web]\nweb1 note='it is s3cr3t-pässword'\n")
    project.write("group_vars/web", source)
    inventory = project.load().inventory
    everything = [
        str(ansible_inventory_json(inventory)),
        *graph_lines(inventory, variables=True),
        inventory.model_dump_json(include={"secrets"}),
        repr(inventory.model_copy(update={"targets": {}, "groups": {}})),
    ]
    for secret in inventory.secrets:
        assert not [text for text in everything if secret in text and len(secret) > 3]


def test_short_numbers_of_an_encrypted_file_are_no_secrets(project):
    project.write("hosts", "web1\n")
    project.write("host_vars/web1", WHOLE)
    secrets = project.load().inventory.secrets
    assert "31415926" in secrets
    assert "5432" not in secrets


@pytest.mark.parametrize(
    ("password", "words"), [("wrong", "no vault password fits"), ("", "there is no password")], ids=["wrong", "none"]
)
def test_without_the_right_password_there_is_no_inventory(vaulted, environment, password, words):
    environment.setenv("RUNBOOK_VAULT_PASSWORD", password)
    loaded = vaulted.load()
    assert loaded.inventory is None
    assert [(one.rule, one.location.line) for one in loaded.diagnostics] == [("RB305", 2), ("RB305", 9)]
    assert words in loaded.diagnostics[0].message
    assert "wrong" not in loaded.diagnostics[0].message


def test_a_wrong_password_for_a_whole_file_is_told_too(project, environment):
    environment.setenv("RUNBOOK_VAULT_PASSWORD", "wrong")
    project.write("hosts", "web1\n")
    project.write("host_vars/web1", WHOLE)
    assert [one.rule for one in project.load().diagnostics] == ["RB305"]


@pytest.mark.parametrize(
    "damaged",
    [
        VALUES.replace("3730366439", "3730366438", 1),
        VALUES.replace("1.1;AES256", "1.1;AES", 1),
        VALUES.replace("30303265", "3030326", 1),
        VALUES.replace("  $ANSIBLE_VAULT;1.1;AES256\n", "", 1),
        "x: !vault ''\n",
        "x: !vault '$ANSIBLE_VAULT;1.1;AES256'\n",
    ],
)
def test_damage_is_told(project, damaged):
    project.write("hosts", "[web]\nweb1\n")
    project.write("group_vars/web.yml", damaged)
    assert [one.rule for one in project.load().diagnostics] == ["RB305"]


def test_findings_do_not_quote_what_was_decrypted(project):
    project.write(
        "hosts.yml", "all:\n  vars:\n    " + VALUES.replace("inline", "runbook_drill").replace("\n", "\n    ")
    )
    loaded = project.load("hosts.yml")
    assert [one.rule for one in loaded.diagnostics] == ["RB323"]
    assert "[redacted]" in loaded.diagnostics[0].message


def test_passwords_come_from_files_with_labels(tmp_path):
    (tmp_path / "one").write_text("first\n")
    (tmp_path / "two").write_text("second")
    found = read_passwords(
        {
            "RUNBOOK_VAULT_PASSWORD_FILE": str(tmp_path / "one"),
            "ANSIBLE_VAULT_IDENTITY_LIST": f"prod@{tmp_path / 'two'}, {tmp_path / 'one'}",
        }
    )
    assert [(one.label, one.secret) for one in found] == [("", b"first"), ("prod", b"second")]
    assert "first" not in repr(found)


def test_a_client_program_is_told_the_vault_id(tmp_path):
    path = tmp_path / "keys-client"
    path.write_text('#!/bin/sh\necho "pass-$1-$2"\n')
    path.chmod(0o700)
    found = read_passwords({"ANSIBLE_VAULT_PASSWORD_FILE": f"prod@{path}"})
    assert [one.secret for one in found] == [b"pass---vault-id-prod"]


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("", 0o600, "is empty"),
        (None, 0o600, "No such file"),
        ("#!/bin/sh\nexit 3\n", 0o700, "status 3"),
        ("#!/bin/sh\n", 0o777, "written by everybody"),
    ],
)
def test_a_password_file_that_is_no_use_is_told(tmp_path, text, mode, words):
    path = tmp_path / "file"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(VaultProblemError, match=words):
        read_passwords({"RUNBOOK_VAULT_PASSWORD_FILE": str(path)})
