"""ansible.module with a real ansible-playbook, of the Ansible that RUNBOOK_ANSIBLE_PYTHON belongs to."""

import os
from pathlib import Path

import pytest

from runbook_engine.actions.ansible_module import AnsibleModule
from runbook_engine.sdk import ActionFailedError

PYTHON = os.environ.get("RUNBOOK_ANSIBLE_PYTHON", "")
PROGRAM = Path(PYTHON).parent / "ansible-playbook"
pytestmark = pytest.mark.skipif(not PYTHON or not PROGRAM.exists(), reason="RUNBOOK_ANSIBLE_PYTHON has no Ansible")
WORDS = "it's {{ lookup('pipe', 'touch ran') }} {% raw %} of \" ü\u2028\U0001f600\n"


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Make parameters of a module for two hosts, both this machine, with a program that writes down its arguments."""
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(tmp_path / "ansible"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    spy = tmp_path / "spy"
    spy.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done >>{tmp_path}/argv\nexec {PROGRAM} "$@"\n')
    spy.chmod(0o700)
    host = f"ansible_connection=local ansible_python_interpreter={PYTHON}"
    (tmp_path / "hosts").write_text(f"one {host}\ntwo {host}\n")

    def make(module, args, **more):
        given = {"cwd": str(tmp_path), "inventory": ["hosts"], "hosts": "one", "executable": str(spy)}
        return AnsibleModule.Params(**{**given, "module": module, "args": args, **more})

    return make


@pytest.fixture
def context(real):
    """Make contexts of attempts that are each another one."""

    def make(number=0):
        made = real()
        made.run = made.run.model_copy(update={"token": f"{number:064x}"})
        return made

    return make


def test_a_module_changes_hosts_once_and_its_check_writes_nothing(params, context, tmp_path):
    action, first = AnsibleModule(), context(1)
    made = params("ansible.builtin.copy", {"content": WORDS, "dest": str(tmp_path / "made"), "mode": "0600"})
    finding = action.check(made, first.reading(action, made))
    assert (finding.status.value, [change.what for change in finding.changes]) == ("unsatisfied", ["one"])
    assert not (tmp_path / "made").exists()
    applied = action.apply(made, first)
    assert applied.changed
    assert applied.outputs["hosts"] == {"one": {"ok": 1, "changed": 1, "unreachable": 0, "failed": 0}}
    assert (tmp_path / "made").read_text() == WORDS, "what may come from a host is no template of Ansible's"
    assert not (tmp_path / "ran").exists()
    said = (tmp_path / "argv").read_text()
    assert "--inventory=hosts" in said
    assert "touch ran" not in said, "arguments stand on no command line"
    assert not list((tmp_path / "tmp").iterdir())
    assert action.apply(made, first).outputs == applied.outputs
    assert (tmp_path / "argv").read_text() == said, "the same attempt again runs nothing"
    assert action.check(made, first.reading(action, made)).satisfied
    assert (action.apply(made, context(2)).changed, (tmp_path / "made").stat().st_mode & 0o777) == (False, 0o600)


def test_what_check_mode_skips_nobody_can_tell(params, context, tmp_path):
    action = AnsibleModule()
    words = {"ONE": "{{ 1 }}"}
    args = {"cmd": "echo $ONE >>said", "chdir": str(tmp_path)}
    made = params("ansible.builtin.shell", args, hosts="all", module_environment=words)
    finding = action.check(made, context().reading(action, made))
    assert (finding.status.value, "skips it" in finding.summary) == ("unknown", True)
    assert action.apply(made, context()).outputs["changed"] == 2
    assert (tmp_path / "said").read_text() == "{{ 1 }}\n" * 2


def test_files_are_found_where_the_step_works_and_bad_ends_are_told(params, context, tmp_path):
    action = AnsibleModule()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "app.conf").write_text("from the project")
    made = params("copy", {"src": "app.conf", "dest": str(tmp_path / "made")}, no_log=True)
    assert action.check(made, context().reading(action, made)).status.value == "unknown", "no check of what may be ours"
    action.apply(made, context(1))
    assert (tmp_path / "made").read_text() == "from the project"
    with pytest.raises(ActionFailedError, match=r"exit status 2 on localhost: one failed .*no_log|censored"):
        action.apply(params("copy", {"src": "none", "dest": str(tmp_path / "made")}, no_log=True), context(2))
    with pytest.raises(ActionFailedError, match="it worked on no host"):
        action.apply(params("ping", {}, hosts="nobody"), context(3))
