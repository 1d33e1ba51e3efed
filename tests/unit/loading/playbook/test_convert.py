"""Tasks become steps that do the same, or a person's work; nothing is left out without a word."""

import pytest
import yaml

from runbook_engine.loading.playbook.by_ansible import Ansible
from runbook_engine.loading.playbook.convert import convert_playbook
from runbook_engine.loading.playbook.source import read_playbook
from runbook_engine.model.config import Limits
from runbook_engine.model.errors import InvalidInputError


@pytest.fixture
def convert(tmp_path):
    """Convert a playbook that is given as text."""

    def from_text(text, ansible=None, **files):
        for name, content in files.items():
            (tmp_path / f"{name}.yml").write_text(content)
        path = tmp_path / "site.yml"
        path.write_text(text)
        read = read_playbook(path, shown_as="site.yml", limits=Limits())
        assert not read.diagnostics, read.diagnostics
        return convert_playbook(read, "site", ansible)

    return from_text


@pytest.fixture
def step(convert):
    """Convert one task, and give its step without what every step has."""

    def from_task(task, **play):
        text = yaml.safe_dump([{"hosts": "web", "tasks": [task], **play}], sort_keys=False)
        (made,) = convert(text).steps
        return {key: value for key, value in made.items() if key not in {"id", "name", "targets"}}

    return from_task


@pytest.mark.parametrize(
    ("task", "action"),
    [
        ({"command": "/opt/x --a 'b c'"}, {"command.run": {"argv": ["/opt/x", "--a", "b c"]}}),
        ({"ansible.builtin.command": {"cmd": "ls -l"}}, {"command.run": {"argv": ["ls", "-l"]}}),
        ({"command": {"argv": ["a", "b c"]}}, {"command.run": {"argv": ["a", "b c"]}}),
        ({"command": "touch {{ a ~ b }} creates={{ dir }}/x chdir=/tmp"},
         {"command.run": {"argv": ["touch", "{{ a ~ b }}"], "creates": "{{ dir }}/x", "cwd": "/tmp"}}),
        ({"command": "make", "args": {"chdir": "/src"}}, {"command.run": {"argv": ["make"], "cwd": "/src"}}),
        ({"shell": "a | b"}, {"command.run": {"shell": "a | b"}}),
        ({"shell": "a", "args": {"executable": "/bin/bash"}}, {"command.run": {"argv": ["/bin/bash", "-c", "a"]}}),
        ({"copy": {"content": "x", "dest": "/a", "mode": 0o640}}, {"file.copy": {"dest": "/a", "mode": "0640", "content": "x"}}),
        ({"copy": {"content": "x", "dest": "/a", "mode": "640"}}, {"file.copy": {"dest": "/a", "mode": "640", "content": "x"}}),
        ({"copy": "src=a dest=/b mode=640"}, {"file.copy": {"dest": "/b", "mode": "640", "src": "a"}}),
        ({"copy": "src=a dest=/b mode=0600"}, {"file.copy": {"dest": "/b", "mode": "0600", "src": "a"}}),
        ({"template": {"src": "a.j2", "dest": "/b"}}, {"file.template": {"dest": "/b", "src": "a.j2"}}),
        ({"service": "name=nginx state=started enabled=yes"},
         {"service.state": {"name": "nginx", "state": "started", "enabled": True}}),
        ({"systemd": {"name": "x", "state": "restarted"}}, {"command.run": {"argv": ["systemctl", "restart", "x"]}}),
        ({"uri": {"url": "http://x", "status_code": [200, 302]}},
         {"http.check": {"url": "http://x", "method": "GET", "status": [200, 302]}}),
        ({"assert": {"that": ["a == 1"], "fail_msg": "no"}}, {"assert.that": {"that": ["a == 1"], "msg": "no"}}),
        ({"pause": {"minutes": 2}}, {"wait.for": {"duration": "2m"}}),
        ({"pause": {"prompt": "Look"}}, {"manual.task": {"instructions": "Look", "roles": ["engineering"]}}),
        ({"wait_for": {"port": 80, "timeout": 9}}, {"timeout": "9s", "wait.for": {"port": 80}}),
    ],
)  # fmt: skip
def test_a_module_becomes_the_action_that_does_the_same(step, task, action):
    assert step(task) == action


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ({"apt": {"name": "x"}}, "no action for the module apt"),
        ({"copy": {"content": "a", "dest": "/b", "force": False}}, "leaves a file alone"),
        ({"copy": {"content": "a", "dest": "/b", "mode": "u=rw,g=r"}}, "not octal"),
        ({"command": "ls $HOME/x"}, "fills '$HOME' in"),
        ({"command": "ls ~/x"}, "fills '~' in"),
        ({"command": "x", "loop": "{{ ['a'] | product([1]) | list }}"}, "no filter 'product'"),
        ({"command": "x", "when": "a is version('1', '<')"}, "no test 'version'"),
        ({"command": "x", "with_items": ["{{ names }}", "x{{ y }}"]}, "mixes lists"),
        ({"command": "x", "environment": "{{ proxy }}"}, "no mapping of names"),
        ({"command": "x", "check_mode": True}, "would"),
        ({"command": "x {{ inventory_hostname }}", "delegate_to": "localhost"}, "for each host of web"),
        ({"command": "x", "failed_when": "r.rc > 1", "register": "r"}, "failed_when"),
        ({"command": "x '"}, "can't be told apart"),
        ({"copy": {"src": "a", "dest": "/b", "owner": "root"}}, "nothing like `owner`"),
        ({"copy": {"src": "a/", "dest": "/b"}}, "copies a folder"),
        ({"copy": {"src": "a", "dest": "/b", "remote_src": True}}, "remote_src"),
        ({"uri": {"url": "http://x", "method": "POST"}}, "sends POST"),
        ({"command": "x", "when": "ansible_distribution == 'Debian'"}, "a fact that Ansible gathers"),
        ({"command": "x {{ lookup('file', 'a') }}"}, "uses a lookup"),
        ({"command": "x", "run_once": True}, "run_once"),
        ({"command": "x", "delegate_to": "{{ groups.db[0] }}"}, "a host that a template names"),
        ({"command": "x", "with_fileglob": ["*"]}, "repeats by `with_fileglob`"),
        ({"command": "x", "loop": [1], "loop_control": {"loop_var": "one"}}, "another name"),
        ({"include_role": {"name": "x"}}, "not found where Ansible looks"),
        ({"local_action": "command x"}, "`action` or `local_action`"),
        ({"service": {"name": "x", "state": "started", "daemon_reload": True}}, "daemon_reload"),
        ({"service": {"name": "x", "enabled": "{{ wanted }}"}}, "`enabled` depends on"),
        ({"uri": {"url": "http://x", "status_code": "{{ good }}"}}, "`status_code` depends on"),
        ({"uri": {"url": "http://x", "headers": "{{ all }}"}}, "`headers` depends on"),
        ({"command": "x", "retries": "{{ often }}"}, "`retries` depends on"),
        ({"command": "x", "become": "{{ root }}"}, "`become` depends on"),
    ],
)  # fmt: skip
def test_what_no_action_does_is_a_persons_work_at_its_place(convert, task, why):
    made = convert(yaml.safe_dump([{"hosts": "web", "tasks": [{"command": "a"}, task, {"command": "b"}]}]))
    before, by_hand, after = made.steps
    assert why in by_hand["manual.task"]["instructions"]
    assert "On web: " in by_hand["manual.task"]["instructions"]
    assert (by_hand["needs"], after["needs"]) == ([before["id"]], [by_hand["id"]])
    assert made.by_hand == 1
    assert [remark.line for remark in made.remarks if remark.by_hand]


@pytest.mark.parametrize("text", ["{{a}}" * 60_000, "{{" * 150_000, "}} " + "{{ " * 100_000])
def test_a_very_long_command_takes_time_that_grows_with_it_alone(convert, text):
    """No template may be that long; what counts is that it is told soon, by a task that looks at a result, too."""
    tasks = [{"command": "a", "register": "r"}, {"shell": f"{text} {{{{ r.stdout }}}}"}]
    made = convert(yaml.safe_dump([{"hosts": "web", "tasks": tasks}], width=10**9))
    assert any("a template of a runbook can't say that" in remark.text for remark in made.remarks)


@pytest.mark.parametrize(
    ("given", "loop"),
    [
        ({"with_items": [[1, 2], 3, [[4]]]}, [1, 2, 3, [4]]),
        ({"with_list": [[1, 2], 3]}, [[1, 2], 3]),
        ({"with_items": "{{ a }}"}, "(a) | flatten(1)"),
        ({"with_items": ["{{ a }}", "b"]}, '[a, "b"] | flatten(1)'),
        ({"loop": "{{ a }}"}, "a"),
    ],
)
def test_with_items_takes_lists_apart_and_loop_does_not(step, given, loop):
    assert step({"command": "x {{ item }}", **given})["loop"] == loop


def test_what_follows_a_block_that_ends_in_any_case_waits_for_the_block_itself(convert):
    block = {"block": [{"command": "b"}], "always": [{"command": "c"}, {"command": "d"}]}
    made = convert(yaml.safe_dump([{"hosts": "web", "tasks": [{"command": "a"}, block, {"command": "e"}]}]))
    needs = {step["command.run"]["argv"][0]: step.get("needs") for step in made.steps}
    ids = {step["command.run"]["argv"][0]: step["id"] for step in made.steps}
    assert needs["c"] == [ids["b"]]
    assert needs["d"] == [ids["b"], ids["c"]]
    assert needs["e"] == [ids["b"], ids["d"]]


def test_environments_add_up_from_the_play_to_the_task(convert):
    block = {"block": [{"command": "b", "environment": {"C": "3", "A": "9"}}], "environment": {"B": "2"}}
    made = convert(yaml.safe_dump([{"hosts": "web", "environment": {"A": "1", "C": "0"}, "tasks": [block]}]))
    assert made.steps[0]["environment"] == {"A": "9", "B": "2", "C": "3"}


def test_what_only_a_tag_would_run_is_left_out(convert):
    tasks = [{"command": "a"}, {"command": "b", "tags": ["never", "reset"]}]
    made = convert(yaml.safe_dump([{"hosts": "web", "tasks": tasks}]))
    assert len(made.steps) == 1
    assert "tagged `never`" in made.remarks[-1].text


def test_words_that_decide_who_logs_in_and_how_are_told(convert):
    play = {"hosts": "web", "remote_user": "deploy", "connection": "local", "module_defaults": {"copy": {}}}
    made = convert(yaml.safe_dump([{**play, "tasks": [{"command": "a", "port": 22}]}]))
    told = " ".join(remark.text for remark in made.remarks)
    for word in ("`remote_user`", "`connection`", "`module_defaults`", "`port`"):
        assert word in told


@pytest.mark.parametrize(
    ("later", "by_hand"),
    [
        ({"command": "echo {{ r.stdout }} {{ r.stderr }}"}, ""),
        ({"command": "echo r stdout r.x"}, ""),
        ({"command": "echo {{ r.stdout_lines }}"}, "r.stdout_lines"),
        ({"command": "b", "when": "r.changed"}, "r.changed"),
        ({"copy": {"content": "{% if r.failed %}x{% endif %}", "dest": "/x"}}, "r.failed"),
        ({"assert": {"that": ["r['stat'].exists"]}}, "r['stat'].exists"),
        ({"command": "b", "when": "r is defined"}, ""),
    ],
)
def test_a_result_is_asked_only_for_what_the_step_leaves_behind(convert, later, by_hand):
    made = convert(yaml.safe_dump([{"hosts": "web", "tasks": [{"command": "a", "register": "r"}, later]}]))
    assert not by_hand or any(by_hand in remark.text for remark in made.remarks if remark.by_hand)
    assert ("manual.task" in made.steps[1]) == bool(by_hand)


def test_what_a_person_does_by_hand_fills_in_no_template(convert):
    task = {"name": "On {{ ansible_fqdn }}", "service": {"name": "x", "daemon_reload": "{{ lookup('file', 'a') }}"}}
    (by_hand,) = convert(yaml.safe_dump([{"hosts": "web", "tasks": [task]}])).steps
    assert "{{" not in by_hand["name"] + by_hand["manual.task"]["instructions"]


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        ({"when": "a"}, "when", "a"),
        ({"when": ["a", "b or c"]}, "when", "(a) and (b or c)"),
        ({"when": False}, "when", "false"),
        ({"loop": ["a", "b"]}, "loop", ["a", "b"]),
        ({"with_items": "{{ hosts_left }}"}, "loop", "(hosts_left) | flatten(1)"),
        ({"loop": ["a", "b"], "throttle": 3}, "parallel", 1),
        ({"retries": 5, "delay": 3, "until": "r.rc == 0", "register": "r"}, "retry",
         {"attempts": 6, "delay": "3s", "until": "result.exit_status == 0"}),
        ({"until": "r.rc == 0", "register": "r"}, "retry",
         {"attempts": 4, "delay": "5s", "until": "result.exit_status == 0"}),
        ({"retries": -1}, "retry", {"attempts": 1, "delay": "5s"}),
        ({"no_log": "{{ quiet }}"}, "sensitive", True),
        ({"become": True, "become_user": "app"}, "become_user", "app"),
        ({"environment": {"A": 1}}, "environment", {"A": "1"}),
        ({"tags": "a,b"}, "tags", ["a", "b"]),
        ({"no_log": True}, "sensitive", True),
        ({"ignore_errors": True}, "on_failure", "continue"),
        ({"throttle": 2}, "parallel", 2),
        ({"async": 90, "poll": 0}, "timeout", "90s"),
        ({"vars": {"x": 1}}, "vars", {"x": 1}),
    ],
)  # fmt: skip
def test_a_keyword_is_what_it_is_here(step, words, key, value):
    assert step({"command": "x", **words})[key] == value


def test_plays_and_blocks_speak_for_their_tasks(convert):
    made = convert(
        """
- hosts: [web, db]
  become: true
  tags: [all]
  serial: [1, "50%"]
  max_fail_percentage: 10
  vars: {a: 1}
  tasks:
    - when: one
      block:
        - {command: x, when: two, become: false}
      always:
        - {command: y}
- hosts: localhost
  vars: {a: 2, b: 3}
  tasks:
    - {command: z}
"""
    )
    first, last, other = made.steps
    assert (first["when"], first.get("become"), first["tags"]) == ("(one) and (two)", None, ["all"])
    assert (first["targets"], first["batch"], first["max_failures"]) == ("web:db", [1, "50%"], "10%")
    assert (last["always"], last["become"], last["when"]) == (True, True, "one")
    assert made.runbook["vars"] == {"b": 3}
    assert (first["vars"], other["vars"]) == ({"a": 1}, {"a": 2})


def test_what_a_task_registered_is_read_from_its_step(convert):
    made = convert(
        """
- hosts: web
  tasks:
    - {name: Ask it, command: hostname, register: found}
    - {command: "echo {{ found.stdout }}"}
    - {command: x, when: found.rc == 0}
    - {command: y, when: found is changed}
"""
    )
    assert made.steps[1]["vars"] == {"found": "{{ steps['ask-it'].targets[inventory_hostname] }}"}
    assert ["manual.task" in made.steps[number] for number in (2, 3)] == [True, True]


def test_files_of_tasks_are_read_where_they_are_included(convert):
    made = convert(
        "- hosts: web\n  tasks:\n    - {import_tasks: more.yml, when: a}\n    - {include_tasks: '{{ x }}.yml'}\n",
        more="- {command: x}\n- {command: y, when: b}\n",
    )
    assert [one.get("when") for one in made.steps[:2]] == ["a", "(a) and (b)"]
    assert "manual.task" in made.steps[2]


def test_files_that_include_each_other_end(convert):
    with pytest.raises(InvalidInputError, match=r"include each other: more\.yml → more\.yml"):
        convert("- hosts: web\n  tasks: [{import_tasks: more.yml}]\n", more="- {import_tasks: more.yml}\n")


def test_a_file_that_lies_elsewhere_is_a_persons_work_and_is_not_read(convert, tmp_path):
    inside = tmp_path / "play"
    inside.mkdir()
    (tmp_path / "secret.yml").write_text("- {command: hunter2}\n")
    (inside / "link.yml").symlink_to("../secret.yml")
    (inside / "kept.yml").write_text("- {command: kept}\n")
    for name in ("../secret.yml", str(tmp_path / "secret.yml"), "link.yml", "x/../../secret.yml"):
        (inside / "site.yml").write_text(f"- hosts: web\n  tasks:\n    - include_tasks: {name}\n")
        made = convert_playbook(read_playbook(inside / "site.yml", shown_as="site.yml", limits=Limits()), "site")
        assert "hunter2" not in str(made), name
        assert made.by_hand == 1, name
        assert [one.text for one in made.remarks if "outside of the playbook's folder" in one.text], name
    (inside / "site.yml").write_text("- hosts: web\n  tasks:\n    - include_tasks: x/../kept.yml\n")
    made = convert_playbook(read_playbook(inside / "site.yml", shown_as="site.yml", limits=Limits()), "site")
    assert made.by_hand == 0


def test_more_tasks_than_anybody_has_are_refused(convert):
    with pytest.raises(InvalidInputError, match="more than 20,000 tasks"):
        convert("- hosts: web\n  tasks:\n" + "  - {command: x}\n" * 20_001)


def test_roles_stand_between_what_comes_before_and_after_them(convert):
    made = convert("- hosts: web\n  pre_tasks: [{command: a}]\n  roles: [r, {role: s}]\n  tasks: [{command: b}]\n")
    assert ["manual.task" in one for one in made.steps] == [False, True, True, False]
    assert [one["id"] for one in made.steps[1:3]] == ["role-r", "role-s"]


def test_names_become_ids_of_which_each_is_there_once(convert):
    tasks = [{"name": name, "command": "x"} for name in ("Ünï code", "Do it!", "do it", "42", "…")]
    made = convert(yaml.safe_dump([{"hosts": "web", "tasks": tasks}], allow_unicode=True))
    assert [one["id"] for one in made.steps] == ["n-code", "do-it", "do-it-2", "step-42", "step"]


def test_what_is_left_out_is_told_with_its_line(convert):
    made = convert(
        """- hosts: web
  vars_files: [x.yml]
  handlers:
    - {name: again, command: x}
  tasks:
    - {debug: {msg: a}}
    - block: [{command: y, changed_when: false, notify: again}]
      rescue: [{command: z}]
"""
    )
    told = {(remark.line, remark.text.split(" ")[0].rstrip(":,")) for remark in made.remarks}
    assert {
        (2, "vars_files"),
        (4, "handlers"),
        (6, "left"),
        (7, "`changed_when`"),
        (7, "`notify`"),
        (8, "`rescue`"),
    } <= told


def test_an_encrypted_value_is_asked_for_as_a_secret(convert):
    made = convert("- hosts: web\n  tasks:\n    - {command: x, environment: {P: !vault 'abc'}}\n")
    assert made.steps[0]["environment"] == {"P": "{{ secret('env:FROM_VAULT') }}"}
    assert any("ansible-vault" in remark.text for remark in made.remarks)


@pytest.mark.parametrize(
    "text", ["a: 1\n", "- 1\n", "- {tasks: []}\n", "- {hosts: a, tasks: {x: 1}}\n", "- {hosts: a, tasks: [1]}\n"]
)
def test_what_is_no_playbook_is_refused_with_its_line(convert, text):
    with pytest.raises(InvalidInputError, match=r"^site\.yml:1: "):
        convert(text)


@pytest.mark.parametrize("serial", ["{{ size }}", "many", "", "²", "9" * 5000])
def test_batches_of_a_size_that_is_not_told_are_left_out_and_said(convert, serial):
    made = convert(yaml.safe_dump([{"hosts": "web", "serial": serial, "tasks": [{"command": "a"}]}]))
    assert "batch" not in made.steps[0]
    assert any("write batch with" in remark.text for remark in made.remarks), made.remarks


def test_files_of_variables_are_read_where_they_can_be_told(convert, tmp_path):
    (tmp_path.parent / "outside.yml").write_text("stolen: 1\n")
    files = ["main.yml", "{{ tier }}.yml", "missing.yml", "../outside.yml", "list.yml", "vault.yml"]
    plays = [{"hosts": "web", "vars": {"a": 1, "c": 3}, "vars_files": files, "tasks": [{"command": "x"}]}]
    vault = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
    made = convert(yaml.safe_dump(plays), main="a: yes\nb: 2\n", list="- 1\n", vault=vault)
    assert made.runbook["vars"] == {"a": True, "b": 2, "c": 3}
    told = [remark.text for remark in made.remarks]
    assert [text.split()[1] for text in told if text.startswith("vars_files")] == [
        *["{{", "missing.yml", "../outside.yml", "list.yml", "vault.yml"]
    ]


def test_a_file_of_tasks_is_looked_for_beside_the_one_that_includes_it(convert, tmp_path):
    (tmp_path / "tasks/sub").mkdir(parents=True)
    (tmp_path / "tasks/x.yml").write_text("- import_tasks: sub/z.yml\n")
    (tmp_path / "tasks/sub/z.yml").write_text("- command: found\n")
    made = convert("- hosts: web\n  tasks: [{import_tasks: tasks/x.yml}]\n")
    assert [step["command.run"]["argv"] for step in made.steps] == [["found"]]


@pytest.mark.parametrize(("hosts", "tasks", "told"), [("web", 2, True), ("web", 1, False), ("localhost", 2, False)])
def test_that_other_hosts_wait_for_one_that_failed_is_told(convert, hosts, tasks, told):
    made = convert(yaml.safe_dump([{"hosts": hosts, "tasks": [{"command": "a"}] * tasks}]))
    assert any("goes on with the others" in remark.text for remark in made.remarks) == told


PLAY = {"vars": {"folder": "/srv/a", "deep": "{{ group_names }}", "inside": "{{ folder }}/b"}}
FILE = {"path": "/a", "state": "touch"}


def left_to_ansible(convert, task, **play):
    """Convert one task that may be left to Ansible; gives its step and why a person has to do it, if one has to."""
    text = yaml.safe_dump([{"hosts": "web", "tasks": [task], **PLAY, **play}], sort_keys=False)
    made = convert(text, Ansible(["../inventories/local"], "plays"))
    return made.steps[0], " ".join(remark.text for remark in made.remarks if remark.by_hand)


@pytest.mark.parametrize(
    ("task", "play", "params", "step"),
    [
        ({"file": "path=/a state=touch"}, {}, {"args": FILE}, {}),
        ({"ansible.builtin.file": FILE, "become_user": "app"}, {"become": True}, {"become": True, "become_user": "app"}, {}),
        ({"file": {"path": "{{ inside }}/{{ item }}"}, "loop": ["x"], "when": "folder != ''"}, {},
         {"args": {"path": "{{ inside }}/{{ item }}"}}, {"loop": ["x"], "when": "folder != ''", "parallel": 1}),
        ({"file": FILE, "environment": {"B": 2}, "no_log": True}, {"environment": {"A": "1"}},
         {"module_environment": {"A": "1", "B": "2"}, "no_log": True}, {"sensitive": True}),
        ({"copy": {"content": "x", "dest": "/b", "force": False}, "run_once": False}, {},
         {"module": "ansible.builtin.copy", "args": {"content": "x", "dest": "/b", "force": False}}, {}),
        ({"acme.cloud.box": {"size": 2}, "ignore_errors": True}, {},
         {"module": "acme.cloud.box", "args": {"size": 2}}, {"on_failure": "continue"}),
    ],
)  # fmt: skip
def test_what_no_action_does_is_left_to_ansible_on_the_same_hosts(convert, task, play, params, step):
    made, by_hand = left_to_ansible(convert, task, **play)
    assert not by_hand
    rest = {"module": "ansible.builtin.file", "args": FILE, "hosts": "web", "inventory": ["../inventories/local"]}
    assert made.pop("ansible.module") == {**rest, "cwd": "plays", **params}
    assert {key: made[key] for key in made.keys() - {"id", "vars"}} == step


@pytest.mark.parametrize(
    ("task", "play", "why"),
    [
        ({"file": {"path": "/{{ inventory_hostname }}"}}, {}, "depends on inventory_hostname"),
        ({"file": {"path": "{{ deep }}"}}, {}, "depends on group_names"),
        ({"file": FILE, "when": "of_the_inventory"}, {}, "depends on of_the_inventory"),
        ({"file": FILE, "loop": "{{ of_the_inventory }}"}, {}, "depends on of_the_inventory"),
        ({"file": {"path": "{{ lookup('env', 'HOME') }}"}}, {}, "lookup"),
        ({"file": FILE}, {"hosts": "{{ somebody }}"}, "depends on somebody"),
        ({"file": FILE}, {"serial": 1}, "in batches"),
        ({"file": FILE}, {"max_fail_percentage": 10}, "in batches"),
        ({"file": FILE}, {"connection": "local"}, "says where it is done"),
        ({"file": FILE, "delegate_to": "db1"}, {}, "on another host"),
        ({"file": FILE, "run_once": True}, {}, "one host of many"),
        ({"file": FILE, "changed_when": False}, {}, "changed something"),
        ({"file": FILE, "failed_when": False}, {}, "whether it failed"),
        ({"file": FILE, "check_mode": False}, {}, "what a dry run does"),
        ({"file": FILE}, {"module_defaults": {"file": {"mode": "0600"}}}, "module_defaults"),
        ({"file": FILE, "becom": True}, {}, "a word that no task has (becom)"),
        ({"set_fact": {"a": 1}}, {}, "no action for the module set_fact"),
        ({"template": {"src": "a", "dest": "/b", "force": False}}, {}, "leaves a file alone"),
        ({"command": "ls ~/x"}, {}, "fills '~' in"),
    ],
)
def test_what_ansible_would_do_otherwise_by_itself_is_a_persons_work(convert, task, play, why):
    made, by_hand = left_to_ansible(convert, task, **play)
    assert "manual.task" in made
    assert why in by_hand


def test_a_result_that_no_step_leaves_behind_is_asked_for_by_nobody(convert):
    asks = {"command": "x", "when": "found.stat.exists"}
    tasks = [{"ping": {}}, {"stat": {"path": "/a"}, "register": "found"}, asks, {"command": "y", "register": "found"}]
    later = {"command": "x", "when": "found.stdout == 'y'"}
    text = yaml.safe_dump([{"hosts": "web", "tasks": [*tasks, later]}])
    made = convert(text, Ansible())
    assert [next(word for word in step if "." in word) for step in made.steps] == [
        "ansible.module", "ansible.module", "manual.task", "command.run", "command.run",
    ]  # fmt: skip
    (told,) = (remark.text for remark in made.remarks if "where the engine runs" in remark.text)
    assert "its own configuration" in told
