"""ansible.playbook with a real ansible-playbook, of the Ansible that RUNBOOK_ANSIBLE_PYTHON belongs to."""

import os
from pathlib import Path

import pytest

from runbook_engine.actions.ansible_playbook import AnsiblePlaybook
from runbook_engine.sdk import ActionFailedError, ReadOnlyError

PYTHON = os.environ.get("RUNBOOK_ANSIBLE_PYTHON", "")
PROGRAM = Path(PYTHON).parent / "ansible-playbook"
pytestmark = pytest.mark.skipif(not PYTHON or not PROGRAM.exists(), reason="RUNBOOK_ANSIBLE_PYTHON has no Ansible")
PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: settings
      copy: {content: "{{ words }}", dest: "{{ folder }}/{{ inventory_hostname }}.conf", mode: "0600"}
    - name: breaks
      command: "false"
      when: break_it | default(false)
"""
WORDS = "it's {{ no template }} of ours \" ü\n"


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Parameters of a playbook that writes a file for each of two hosts, both this machine."""
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(tmp_path / "ansible"))
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    host = f"ansible_connection=local ansible_python_interpreter={PYTHON}"
    (tmp_path / "hosts").write_text(f"one {host}\ntwo {host}\n")
    return {
        "playbook": "site.yml",
        "cwd": str(tmp_path),
        "inventory": ["hosts"],
        "extra_vars": {"words": {"__ansible_unsafe": WORDS}, "folder": str(tmp_path)},
        "executable": str(PROGRAM),
    }


def test_a_playbook_changes_hosts_once_and_is_unchanged_then(real, play, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    spy = tmp_path / "spy"
    spy.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done >>{tmp_path}/argv\nexec {PROGRAM} "$@"\n')
    spy.chmod(0o700)
    action = AnsiblePlaybook()
    params = action.Params(**{**play, "executable": str(spy)})
    assert action.check(params, real()).status.value == "unknown", "without predict nobody can tell"
    applied = action.apply(params, real())
    assert applied.changed
    assert applied.outputs["hosts"]["two"] == {"ok": 1, "changed": 1, "unreachable": 0, "failed": 0}
    assert (tmp_path / "one.conf").read_text() == WORDS
    said = (tmp_path / "argv").read_text()
    assert "--extra-vars" in said
    assert "no template" not in said, "variables stand on no command line"
    assert not list((tmp_path / "tmp").rglob("vars.json"))
    assert action.apply(params, real()).outputs == applied.outputs
    assert (tmp_path / "argv").read_text() == said, "the same attempt again runs nothing"
    context = real()
    context.run = context.run.model_copy(update={"token": "f" * 64})
    again = action.apply(params, context)
    assert (again.changed, again.outputs["changed"]) == (False, 0)


def test_check_mode_predicts_and_writes_nothing(real, play, tmp_path):
    action, context = AnsiblePlaybook(), real()
    params = action.Params(**play, predict=True, limit="one")
    finding = action.check(params, context.reading(action, params))
    assert [change.what for change in finding.changes] == ["one"]
    assert not (tmp_path / "one.conf").exists()
    with pytest.raises(ReadOnlyError):
        action.check(action.Params(**play, predict=True), context.reading(action, params))
    assert action.apply(params, context).changed
    assert action.check(params, context.reading(action, params)).satisfied
    assert not (tmp_path / "two.conf").exists()


def test_a_host_that_fails_is_named_and_so_is_a_run_on_no_host(real, play, tmp_path):
    action = AnsiblePlaybook()
    broken = {**play, "extra_vars": {**play["extra_vars"], "break_it": True}}
    with pytest.raises(ActionFailedError, match="exit status 2 on localhost: one, two failed or could not be reached"):
        action.apply(action.Params(**broken), real())
    nobody = real()
    nobody.run = nobody.run.model_copy(update={"token": "f" * 64})
    with pytest.raises(ActionFailedError, match="exit status"):
        action.apply(action.Params(**{**play, "limit": "nobody"}), nobody)
    unknown = action.check(action.Params(**{**broken, "predict": True, "playbook": "none.yml"}), real())
    assert unknown.status.value == "unknown"
    assert "none.yml" in unknown.summary


@pytest.mark.parametrize("field", ["playbook", "executable"])
def test_what_would_be_an_option_is_refused(play, field):
    with pytest.raises(ValueError, match=field):
        AnsiblePlaybook.Params(**{**play, field: "--version"})
