"""ansible.module: what is refused, and what its check makes of what Ansible counted."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from runbook_engine.actions.ansible_module import SCRIPT, AnsibleModule
from runbook_engine.actions.ansible_playbook import SCRIPT as PLAY_SCRIPT
from runbook_engine.sdk import CommandResult
from runbook_engine.testing import FakeConnection, make_context

GIVEN = {"module": "ansible.builtin.apt", "args": {"name": "x"}, "hosts": "web"}
CHECK = ("/bin/sh", "-c", SCRIPT, "ansible.module", "ansible-playbook", "--check")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"module": "set_fact"}, "only inside of a play"),
        ({"module": "ansible.builtin.include_role"}, "only inside of a play"),
        ({"module": "copy src=/etc/shadow"}, "pattern"),
        ({"module": "{{ x }}"}, "pattern"),
        ({"executable": "--version"}, "pattern"),
        ({"args": {"a": [{"__ansible_vault": "x"}]}}, "__ansible_vault is a word between"),
        ({"args": {"_ansible_check_mode": False}}, "_ansible_check_mode is a word between"),
        ({"extra_vars": {"__ansible_unsafe": "x"}}, "__ansible_unsafe is a word between"),
    ],
)
def test_what_would_be_more_than_a_module_and_its_data_is_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        AnsibleModule.Params(**{**GIVEN, **given})


@pytest.mark.parametrize(
    ("counted", "status", "words"),
    [
        ("a : ok=1 changed=0 unreachable=0 failed=0 skipped=0", "satisfied", "nothing on 1 hosts"),
        ("a : ok=1 changed=1 unreachable=0 failed=0 skipped=0", "unsatisfied", "would change 1 of 1"),
        ("a : ok=0 changed=0 unreachable=0 failed=0 skipped=1", "unknown", r"skips it \(on a\)"),
        ("a : ok=0 changed=0 unreachable=0 failed=0", "unknown", r"skips it \(on a\)"),
        ("nothing that is counted : ok=1", "unknown", "on no host"),
    ],
)
def test_done_is_only_what_ansible_looked_at_and_would_not_change(counted, status, words):
    answer = CommandResult(0, f"\nPLAY RECAP ****\n{counted}\n".encode())
    context = make_context(connection=FakeConnection({}, {CHECK: lambda *_: answer}))
    finding = AnsibleModule().check(AnsibleModule.Params(**GIVEN), context)
    assert finding.status.value == status
    assert re.search(words, finding.summary)


@pytest.mark.parametrize("script", [SCRIPT, PLAY_SCRIPT])
def test_a_secret_is_the_logins_alone_and_what_ansible_makes_has_its_usual_mode(script, tmp_path):
    program = tmp_path / "program"
    look = 'umask\nfor last; do :; done\ncat "${last#@}"\nfind "${last#@}" -perm /077 -print\n'
    program.write_text(f'#!/bin/sh\n{look}echo "$last" >>{tmp_path}/where\n')
    program.chmod(0o700)
    argv = ["/bin/sh", "-c", script, "ansible", str(program)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        argv, input=b"secret\n", capture_output=True, umask=0o027, env=environment, cwd="/", check=True
    )
    assert done.stdout == b"0027\nsecret\n"
    assert not Path((tmp_path / "where").read_text().strip().lstrip("@")).exists()
