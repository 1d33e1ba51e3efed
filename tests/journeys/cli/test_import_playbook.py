"""runbook import-playbook: a playbook becomes a runbook that validates and runs; an existing one is never replaced."""

import json
import os
import subprocess
from pathlib import Path

import pytest

PYTHON = os.environ.get("RUNBOOK_ANSIBLE_PYTHON", "")
ANSIBLE = Path(PYTHON).parent
PLAYBOOK = """---
- name: Put the settings back
  hosts: all
  gather_facts: false
  vars: {folder: "%s"}
  tasks:
    - {name: Folder, command: "mkdir {{ folder }} creates={{ folder }}"}
    - {name: Who, command: echo one two, register: who}
    - name: Settings
      copy: {content: "mode={{ who.stdout }}\\n", dest: "{{ folder }}/settings", mode: "0640"}
    - {name: Both, shell: "echo {{ item }} >> {{ folder }}/log", loop: [a, c, b, e, d], when: folder is defined}
"""

BY_ANSIBLE = """---
- hosts: all
  gather_facts: false
  vars: {folder: "%s"}
  tasks:
    - {name: Folder, file: {path: "{{ folder }}", state: directory, mode: "u=rwx,go="}}
    - {name: Words, copy: {src: motd, dest: "{{ folder }}/motd", mode: u=rw, force: false}}
"""


def test_it_validates_and_does_what_the_playbook_did_in_its_order(runbook, tmp_path):
    folder = tmp_path / "made"
    runbook.write("site.yml", PLAYBOOK % folder)
    done = runbook("import-playbook", "site.yml", "--output", "json")
    assert done.status == 0
    assert (done.json["runbook"], done.json["steps"]) == ("site", 4)
    assert not any(remark["by_hand"] for remark in done.json["remarks"])
    made, given = (runbook.root / name for name in ("runbooks/site.yml", "site.yml"))
    assert made.stat().st_mode == given.stat().st_mode, "as anybody's new file"
    valid = runbook("validate", "site", "--strict")
    assert valid.status == 0, valid.out
    assert runbook("fmt", "--check", "site").status == 0
    ran = runbook("run", "site", "--yes")
    assert ran.status == 0, ran.err
    assert (folder / "settings").read_text() == "mode=one two\n"
    assert (folder / "log").read_text() == "a\nc\nb\ne\nd\n"


def test_an_existing_runbook_is_not_replaced(runbook):
    before = (runbook.root / "runbooks/restore-settings.yml").read_bytes()
    runbook.write("restore-settings.yml", PLAYBOOK % "/tmp/x")
    done = runbook("import-playbook", "restore-settings.yml")
    assert (done.status, "--name" in done.err) == (2, True)
    assert (runbook.root / "runbooks/restore-settings.yml").read_bytes() == before
    shown = runbook("import-playbook", "restore-settings.yml", "--stdout")
    assert (shown.status, "runbook: restore-settings" in shown.out) == (0, True)


def test_what_nothing_here_does_waits_for_a_person(runbook):
    runbook.write("site.yml", "- hosts: all\n  tasks:\n    - {name: Packages, apt: {name: nginx}}\n")
    told = runbook("import-playbook", "site.yml", "--name", "packages", "--without-ansible")
    assert "site.yml:3: by hand: Packages: " in told.err
    waits = runbook("run", "packages", "--yes")
    assert waits.status == 4
    assert runbook("answer", "last", "packages", "pass", "--as", "dana", "--note", "done").status == 0
    assert runbook("resume", "--yes").status == 0


def test_broken_files_are_refused_in_words(runbook):
    runbook.write("broken.yml", "- hosts: [\n")
    runbook.write("inventory.yml", "all: {hosts: {a: {}}}\n")
    for name, words in (
        ("broken.yml", "broken.yml:2:1"),
        ("inventory.yml", "neither of plays"),
        ("none.yml", "none.yml"),
    ):
        done = runbook("import-playbook", name)
        assert (done.status, words in done.err) == (3, True), done.err
    both = runbook("import-playbook", "tasks.yml", "--stdout", "--output", "json")
    assert (both.status, "can't both" in both.err, both.out) == (2, True, "")
    assert json.loads(runbook("runs", "--output", "json").out) == []


@pytest.mark.skipif(not (ANSIBLE / "ansible-playbook").exists(), reason="RUNBOOK_ANSIBLE_PYTHON has no Ansible")
def test_what_only_ansible_does_is_done_as_the_playbook_did_it(runbook, tmp_path):
    folder, path = tmp_path / "made", f"{ANSIBLE}{os.pathsep}{os.environ['PATH']}"
    host = f"{{ansible_connection: local, ansible_python_interpreter: {PYTHON}}}"
    runbook.write("inventories/local/hosts.yml", f"all: {{hosts: {{here: {host}}}}}\n")
    play = runbook.write("plays/site.yml", BY_ANSIBLE % folder)
    runbook.write("plays/files/motd", "from beside the playbook\n")
    done = runbook("import-playbook", "plays/site.yml")
    assert (done.status, "2 steps, 0 left to people" in done.err) == (0, True), done.err
    assert "needs an Ansible where the engine runs" in done.err
    valid = runbook("validate", "site", "--strict")
    assert valid.status == 0, valid.out
    tried = runbook("run", "site", "--dry-run", PATH=path)
    assert (tried.status, folder.exists()) == (0, False), tried.err
    peer = [ANSIBLE / "ansible-playbook", "-i", runbook.root / "inventories/local", play]
    subprocess.run(peer, check=True, capture_output=True, env={**os.environ, "PATH": path}, timeout=180)
    made = state(folder)
    assert len(made) == 2
    (folder / "motd").unlink()
    folder.rmdir()
    for outcomes in (["changed", "changed"], ["unchanged", "unchanged"]):
        ran = runbook("run", "site", "--yes", "--output", "json", PATH=path)
        assert ran.status == 0, ran.err
        assert [step["outcome"] for step in ran.json["steps"]] == outcomes
        assert state(folder) == made


def state(folder):
    """Give the modes and texts of a folder and the files in it."""
    return {
        each.name: (oct(each.stat().st_mode), each.read_text() if each.is_file() else "")
        for each in (folder, *folder.iterdir())
    }
