"""A role's tasks become steps where they do the same; else Ansible runs the role, and else a person does."""

import pytest
import yaml

from runbook_engine.loading.playbook.by_ansible import Ansible
from runbook_engine.loading.playbook.convert import convert_playbook
from runbook_engine.loading.playbook.source import read_playbook
from runbook_engine.model.config import Limits

WEB = {
    "tasks/main.yml": "- {name: Show, command: 'show {{ size }} {{ kept }}'}\n",
    "defaults/main.yml": "{size: 80, unused: 1, deep: {a: '{{ size }}'}, ports: [1, 2]}\n",
    "vars/main.yml": "kept: of the role\n",
}


@pytest.fixture
def convert(tmp_path):
    """Convert a playbook in `plays/` of a project with files beside it."""

    def of(play, roles=None, ansible=True, paths=(), **more):
        folder = tmp_path / "plays"
        files = {f"roles/{name}/{file}": text for name, role in (roles or {}).items() for file, text in role.items()}
        plays = [{"hosts": "web", **play}] if isinstance(play, dict) else play
        text = plays if isinstance(plays, str) else yaml.safe_dump(plays, sort_keys=False)
        for name, content in {**files, **more, "site.yml": text}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        read = read_playbook(
            folder / "site.yml", shown_as="site.yml", limits=Limits(), root=tmp_path, roles_path=tuple(paths)
        )
        assert not read.diagnostics, read.diagnostics
        asked = Ansible(["../hosts.yml"], "plays", folder, tmp_path, writes=True) if ansible else None
        return convert_playbook(read, "site", asked)

    return of


def action(step):
    return next(word for word in step if "." in word)


def told(made):
    return " | ".join(remark.text for remark in made.remarks)


def test_roles_stand_between_pre_tasks_and_tasks_with_what_their_entries_say(convert):
    entry = {"role": "web", "when": "on", "tags": ["t"], "become": True, "size": 81, "vars": {"kept": "of the entry"}}
    task = {"command": "a"}
    made = convert({"pre_tasks": [task], "tasks": [task], "roles": [entry], "post_tasks": [task]}, {"web": WEB})
    assert [one["id"] for one in made.steps] == ["command", "show", "command-2", "command-3"]
    show = made.steps[1]
    assert (show["when"], show["tags"], show["become"]) == ("on", ["t"], True)
    assert show["vars"] == {"size": 81, "kept": "of the entry"}
    assert not made.plays


@pytest.mark.parametrize(
    ("play", "size"),
    [
        ({}, "{{ hostvars[inventory_hostname].size | default(80) }}"),
        ({"vars": {"size": 1}}, None),
    ],
)
def test_a_default_is_weaker_than_an_inventory_and_a_play(convert, play, size):
    made = convert({"roles": ["web"], **play}, {"web": WEB})
    assert made.steps[0]["vars"].get("size") == size
    assert "unused" not in str(made.runbook)


def test_a_default_that_is_a_template_is_filled_in_only_where_it_is_needed(convert):
    tasks = "- {command: 'x {{ deep.a }}'}\n"
    made = convert({"roles": ["web"]}, {"web": {**WEB, "tasks/main.yml": tasks}})
    assert made.steps[0]["vars"] == {
        "default_of_deep": {"a": "{{ size }}"},
        "deep": "{{ hostvars[inventory_hostname].deep if hostvars[inventory_hostname].deep is defined else default_of_deep }}",
        "size": "{{ hostvars[inventory_hostname].size | default(80) }}",
    }


def test_all_of_a_play_know_the_variables_of_its_roles_but_not_those_of_an_include(convert):
    tasks = [{"import_role": {"name": "web"}}, {"command": "x {{ kept }} {{ size }}"}]
    made = convert({"tasks": tasks}, {"web": WEB})
    assert made.steps[1]["vars"].keys() == {"kept", "size"}
    include = {"include_role": {"name": "web"}, "tags": "t"}
    other = convert({"tasks": [include, tasks[1]]}, {"web": WEB})
    assert ("vars" in other.steps[1], "tags" in other.steps[0]) == (False, False)
    assert other.steps[0]["vars"]["kept"] == "of the role"


@pytest.mark.parametrize(("word", "inner"), [("import_role", "of the task"), ("include_role", "of the include")])
def test_the_variables_of_an_include_are_stronger_than_its_tasks(convert, word, inner):
    role = {"tasks/more.yml": "- {command: 'x {{ kept }}', vars: {kept: of the task}}\n"}
    task = {word: {"name": "web", "tasks_from": "more"}, "vars": {"kept": "of the include"}}
    made = convert({"tasks": [task]}, {"web": role})
    assert made.steps[0]["vars"] == {"kept": inner}


def test_an_include_applies_to_its_tasks_what_it_says_so_of(convert):
    task = {"include_tasks": {"file": "more.yml", "apply": {"become": True, "tags": "in"}}, "no_log": True, "tags": "a"}
    made = convert({"tasks": [task]}, **{"more.yml": "- {command: x}\n"})
    step = made.steps[0]
    assert (step["become"], step["tags"], "sensitive" in step) == (True, ["in"], False)


def test_an_include_that_its_own_tasks_would_stop_is_not_taken_apart(convert):
    more = "- {command: x, register: r}\n- {command: y}\n"
    made = convert({"tasks": [{"include_tasks": "more.yml", "when": "r is not defined"}]}, **{"more.yml": more})
    assert made.by_hand == 1


def test_a_file_of_a_role_is_named_from_the_project_on(convert):
    tasks = "- copy: {src: a, dest: /a}\n- template: {src: b.j2, dest: /b}\n- script: c.sh 1\n"
    files = {"files/a": "a", "files/c.sh": "true", "templates/b.j2": "{{ size }}\n{% if size %}x{% endif %}\n"}
    made = convert({"roles": ["web"]}, {"web": {**WEB, "tasks/main.yml": tasks, **files}})
    assert [made.steps[0]["file.copy"]["src"], made.steps[1]["file.template"]["src"]] == [
        "plays/roles/web/files/a", "plays/roles/web/templates/b.j2",
    ]  # fmt: skip
    assert made.steps[2]["script.run"]["script"] == "plays/roles/web/files/c.sh"
    assert "size" in made.steps[1]["vars"]
    assert "{% … %}" in told(made)


def test_a_file_beside_the_playbook_is_named_from_the_project_on_too(convert):
    made = convert({"tasks": [{"copy": {"src": "a", "dest": "/a"}}]}, **{"files/a": "a"})
    assert made.steps[0]["file.copy"]["src"] == "plays/files/a"
    assert "put the file" not in told(made)


FULL = "- {name: Made, file: {path: '/x/{{ size }}', state: directory}}\n"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"tasks/main.yml": FULL}, "a part of it"),
        ({"tasks/main.yml": "- {command: x, notify: again}\n"}, "a part of it"),
        ({"tasks/main.yml": "- {block: [{command: x}], rescue: [{command: y}]}\n"}, "a part of it"),
        ({"tasks/main.yml": "- {command: 'x {{ role_path }}'}\n"}, "a part of it"),
        ({"tasks/main.yml": "- {command: 'x {{ item }}', loop: '{{ ports }}'}\n"}, "a part of it"),
        ({"tasks/main.yml": "- {command: 'x {{ size }}', delegate_to: db}\n"}, "a part of it"),
        ({"tasks/main.yml": "- {copy: {src: nowhere, dest: /x}}\n"}, "a part of it"),
        ({"tasks/main.yml": "- {copy: {src: a, dest: /x, force: false}}\n", "files/a": "a"}, "a part of it"),
        ({"tasks/main.yml": "- {copy: {src: a, dest: /x}}\n", "files/a": "$ANSIBLE_VAULT;1.1"}, "a part of it"),
        ({"tasks/main.yml": "- {template: {src: a, dest: /x}}\n", "templates/a": "{{ a | to_nice_yaml }}{{"}, "a part"),
        ({"tasks/main.yml": "- {template: {src: a, dest: /x}}\n", "templates/a": "#jinja2: trim_blocks: x"}, "a part"),
        ({"tasks/main.yml": "- {import_role: {name: web}}\n"}, "a part of it"),
        ({"meta/main.yml": "dependencies: [other]\n"}, "depends on other roles"),
        ({"meta/argument_specs.yml": "argument_specs: {}\n"}, "checks its arguments"),
        ({"library/x.py": ""}, "modules or plugins of its own"),
        ({"vars/main/a.yml": "a: 1\n"}, "in several files"),
        ({"vars/main.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}, "vars/main.yml can't be read"),
    ],
)
def test_a_role_of_which_a_part_can_t_be_taken_over_is_run_by_ansible_alone(convert, files, why):
    play = {"vars": {"a": 1}, "handlers": [{"name": "again", "command": "z"}], "roles": [{"role": "web", "x": 2}]}
    role = {**WEB, **files}
    made = convert({**play, "pre_tasks": [{"command": "b"}], "tasks": [{"command": "c"}]}, {"web": role})
    assert [action(step) for step in made.steps] == ["command.run", "ansible.playbook", "command.run"]
    assert made.steps[1]["ansible.playbook"] == {
        "playbook": "site-role-web-1.yml", "inventory": ["../hosts.yml"], "cwd": "plays",
    }  # fmt: skip
    (written,) = yaml.safe_load(made.plays["site-role-web-1.yml"])
    assert written == {"name": "Role web", "hosts": "web", **play}
    assert why in told(made)
    assert made.by_hand == 0
    by_people = convert(play, {"web": role}, ansible=False)
    assert not by_people.plays
    assert by_people.by_hand or "`notify`" in told(by_people) or "`rescue`" in told(by_people)


@pytest.mark.parametrize(
    ("play", "role", "why"),
    [
        ({"roles": ["nowhere"]}, {}, "not found"),
        ({"tasks": [{"block": [{"import_role": {"name": "web"}}]}]}, {"tasks/main.yml": FULL}, "in a block"),
        ({"roles": ["web"], "vars_prompt": [{"name": "a"}]}, {"tasks/main.yml": FULL}, "asks a person"),
        ({"roles": ["web"], "pre_tasks": [{"command": "x", "register": "size"}]}, {"tasks/main.yml": FULL}, "ask for size"),
        ({"roles": ["web"], "pre_tasks": [{"set_fact": {"size": 1}}]}, {"tasks/main.yml": FULL}, "ask for size"),
    ],
)  # fmt: skip
def test_what_a_play_of_its_own_would_do_otherwise_is_a_persons_work(convert, play, role, why):
    made = convert(play, {"web": {**WEB, **role}})
    assert not made.plays
    assert made.by_hand
    assert why in told(made)


def test_values_that_can_t_be_written_anew_leave_the_role_to_a_person(convert):
    play = "- {hosts: web, vars: {a: !unsafe '{{ b }}'}, roles: [web]}\n"
    made = convert(play, {"web": {**WEB, "tasks/main.yml": FULL}})
    assert (made.plays, made.by_hand, "not written anew" in told(made)) == ({}, 1, True)


def test_what_a_role_left_behind_that_ansible_ran_is_asked_for_by_a_person(convert):
    role = {**WEB, "tasks/main.yml": FULL + "- {command: x, register: found}\n"}
    made = convert({"roles": ["web"], "tasks": [{"command": "x {{ found.stdout }}"}]}, {"web": role})
    assert [action(step) for step in made.steps] == ["ansible.playbook", "manual.task"]


def test_a_role_is_run_once_unless_it_is_another_one(convert):
    roles = ["web", {"role": "web"}, {"role": "web", "size": 1}]
    made = convert({"roles": roles}, {"web": WEB})
    assert [step["id"] for step in made.steps] == ["show", "show-2"]
    assert "once in a play" in told(made)
    again = {**WEB, "meta/main.yml": "allow_duplicates: true\n"}
    assert len(convert({"roles": roles}, {"web": again}).steps) == 3


def test_what_roles_say_of_one_name_each_otherwise_is_used_by_none_of_the_others(convert):
    other = {"vars/main.yml": "kept: another\n", "tasks/main.yml": "- {command: 'y {{ kept }}'}\n"}
    made = convert({"roles": ["web", "other"], "tasks": [{"command": "z {{ kept }}"}]}, {"web": WEB, "other": other})
    assert [step.get("vars", {}).get("kept") for step in made.steps[:2]] == ["of the role", "another"]
    assert "several roles say what kept is" in made.steps[2]["manual.task"]["instructions"]


def test_roles_lie_where_ansible_was_told_and_are_read_from_nowhere_else(convert, tmp_path):
    for folder in ("shared/web", "elsewhere/web"):
        for name, text in WEB.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_text(text)
    made = convert({"roles": ["web"]}, paths=[tmp_path / "shared"])
    assert [step["id"] for step in made.steps] == ["show"]
    (tmp_path / "shared/web/tasks/main.yml").write_text(FULL)
    made = convert({"roles": ["web"]}, paths=[tmp_path / "shared"])
    assert made.steps[0]["ansible.playbook"]["environment"] == {"ANSIBLE_ROLES_PATH": "../shared"}
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (outside / "tasks").mkdir(parents=True)
    (outside / "tasks/main.yml").write_text("- {command: hunter2}\n")
    (tmp_path / "plays/roles").mkdir()
    (tmp_path / "plays/roles/linked").symlink_to(outside)
    made = convert({"roles": ["linked", f"../../{outside.name}", str(outside)]}, ansible=False)
    assert "hunter2" not in str(made.runbook)
    assert made.by_hand == 3


def test_a_role_of_a_collection_is_ansibles(convert):
    made = convert({"roles": ["acme.cloud.web"]})
    assert action(made.steps[0]) == "ansible.playbook"
    assert "knows nothing of what earlier steps" in told(made)
