"""runbook import-playbook: a playbook becomes a runbook that validates and runs; an existing one is never replaced."""

import json
import os
import shutil
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


ROLES = """---
- name: Web
  hosts: all
  gather_facts: false
  vars: {out: "%s/{{ inventory_hostname }}", size: of the play}
  pre_tasks:
    - {name: Folder, command: "mkdir -p {{ out }} creates={{ out }}"}
    - {name: Before, shell: "echo before {{ kept }} >> {{ out }}/log"}
  roles:
    - {role: plain, given: by the entry, when: "wanted | bool", tags: [web]}
    - plain
    - plain
    - {role: full, vars: {who: of the entry}}
  tasks:
    - {name: After, shell: "echo after {{ kept }} {{ color }} >> {{ out }}/log"}
    - {import_role: {name: plain, tasks_from: more}, vars: {inner: of the import}}
    - {include_role: {name: plain, tasks_from: more}, vars: {inner: of the include}}
    - {include_tasks: {file: roles/plain/tasks/more.yml}, vars: {inner: of the file}, no_log: true}
  post_tasks:
    - {name: End, shell: "echo end >> {{ out }}/log"}
"""
LOG = "{{ inner }}, {{ given | default('-') }}, {{ color }}, {{ size }}, {{ kept }}, {{ deep.a }}, {{ where }}"
IN_ROLES = {
    "plain/tasks/main.yml": """---
- {name: Words, template: {src: words.j2, dest: "{{ out }}/words", mode: "0640"}}
- {name: File, copy: {src: motd, dest: "{{ out }}/motd", mode: "0644"}}
- {import_tasks: more.yml, vars: {inner: of main}}
""",
    "plain/tasks/more.yml": f'- {{name: Log, shell: "echo {LOG} >> {{{{ out }}}}/log", vars: {{inner: of the task}}}}\n',
    "plain/defaults/main.yml": """---
color: of the role
size: of the role
wanted: yes
deep: {a: [1, "{{ color }}"]}
where: "{{ out }}/x"
""",
    "plain/vars/main.yml": "kept: of role vars\n",
    "plain/files/motd": "hello\n",
    "plain/templates/words.j2": "{{ color }} {{ size }} {{ kept }}\n",
    "full/tasks/main.yml": """---
- {name: Own, file: {path: "{{ out }}/{{ who }}", state: directory, mode: "0700"}, notify: again}
- set_fact: {name_of_it: "{{ inventory_hostname }}"}
- {name: Trimmed, template: {src: t.j2, dest: "{{ out }}/t", mode: "0600"}}
""",
    "full/handlers/main.yml": '- {name: again, shell: "echo handler {{ who }} >> {{ out }}/handled"}\n',
    "full/templates/t.j2": "{% for each in [1, 2] %}\nx {{ each }} {{ name_of_it }}\n{% endfor %}\n",
}


@pytest.mark.skipif(not (ANSIBLE / "ansible-playbook").exists(), reason="RUNBOOK_ANSIBLE_PYTHON has no Ansible")
def test_what_roles_do_is_done_as_the_playbook_did_it(runbook, tmp_path):
    out, path = tmp_path / "made", f"{ANSIBLE}{os.pathsep}{os.environ['PATH']}"
    local = f"ansible_connection: local, ansible_python_interpreter: {PYTHON}"
    hosts = f"all: {{hosts: {{here: {{{local}, color: of the inventory}}, there: {{{local}}}}}}}\n"
    runbook.write("inventories/local/hosts.yml", hosts)
    play = runbook.write("plays/site.yml", ROLES % out)
    for name, text in IN_ROLES.items():
        runbook.write(f"plays/roles/{name}", text)
    done = runbook("import-playbook", "plays/site.yml")
    assert (done.status, "0 left to people" in done.err) == (0, True), done.err
    assert "wrote plays/site-role-full-3.yml\nwrote runbooks/site.yml\n" in done.out
    assert "once in a play" in done.err
    valid = runbook("validate", "site", "--strict")
    assert valid.status == 0, valid.out
    peer = [ANSIBLE / "ansible-playbook", "-i", runbook.root / "inventories/local", play]
    subprocess.run(peer, check=True, capture_output=True, env={**os.environ, "PATH": path}, timeout=180)
    wanted = {host: state(out / host) for host in ("here", "there")}
    assert wanted["here"]["log"] != wanted["there"]["log"]
    shutil.rmtree(out)
    ran = runbook("run", "site", "--yes", PATH=path)
    assert ran.status == 0, ran.err
    assert {host: state(out / host) for host in ("here", "there")} == wanted
    (runbook.root / "runbooks/site.yml").unlink()
    again = runbook("import-playbook", "plays/site.yml")
    assert (again.status, "site-role-full-3.yml is there already" in again.err) == (2, True)
    assert not (runbook.root / "runbooks/site.yml").exists()


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
