import pytest


def rules(project, text, name="hosts"):
    project.write(name, text)
    return [one.rule for one in project.load(name).diagnostics]


@pytest.mark.parametrize(
    "name",
    [
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "ansible_ssh_private_key_file",
        "ansible_become_password",
        "jump_host",
    ],
)
def test_a_template_in_a_connection_variable_is_an_error(project, name):
    assert rules(project, f"web1 {name}='{{{{ x }}}}'\n") == ["RB315"]


def test_a_template_elsewhere_is_a_warning_and_stays_text(project):
    text = "web1 url='{{ lookup(\"pipe\", \"id\") }}' deep=\"[{'a': '{% x %}'}]\"\n"
    assert rules(project, text) == ["RB316", "RB316"]
    assert project.load().inventory.targets["web1"].variables["url"] == '{{ lookup("pipe", "id") }}'


def test_templates_in_files_are_found_with_their_line(project):
    project.write("hosts", "web1\n")
    project.write("group_vars/all.yml", "a: 1\nansible_user: '{{ x }}'\n")
    [finding] = project.load().diagnostics
    assert (finding.rule, str(finding.location)) == ("RB315", "group_vars/all.yml:2:1")


@pytest.mark.parametrize(
    "name",
    [
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_ssh_args",
        "ansible_ssh_executable",
        "ansible_sftp_extra_args",
    ],
)
@pytest.mark.parametrize(
    "option", ["-o ProxyCommand=x", "-oproxycommand x", "-o LocalCommand=x", "-o KnownHostsCommand=x"]
)
def test_ssh_options_that_run_programs_are_refused(project, name, option):
    assert rules(project, f"[all:vars]\n{name}={option}\n") == ["RB317"]


def test_harmless_ssh_options_are_kept(project):
    assert rules(project, "[all:vars]\nansible_ssh_common_args=-o ConnectTimeout=5 -J bastion\n") == []


def test_a_name_that_templates_cannot_say_is_told_once(project):
    assert rules(project, "web[1:9] db-name=x\n") == ["RB321"]


def test_a_name_of_a_host_and_a_group_is_a_warning(project):
    assert rules(project, "[web]\nweb\n") == ["RB313"]


@pytest.mark.parametrize(
    ("value", "drill"), [("true", True), ("True", True), ("yes", True), ("1", True), ("false", False), ("no", False)]
)
def test_the_drill_mark_of_group_all(project, value, drill):
    assert project.good(f"[all:vars]\nrunbook_drill={value}\n").drill is drill


def test_no_mark_is_no_drill(project):
    assert project.good("web1\n").drill is False


def test_an_unclear_drill_mark_is_an_error(project):
    assert rules(project, "[all:vars]\nrunbook_drill=maybe\n") == ["RB323"]


def test_a_drill_mark_elsewhere_is_a_warning_and_means_nothing(project):
    project.write("hosts", "[web]\nweb1\n[web:vars]\nrunbook_drill=true\n")
    loaded = project.load()
    assert [one.rule for one in loaded.diagnostics] == ["RB322"]
    assert loaded.inventory.drill is False


def test_localhost_is_local_whatever_group_all_says_but_host_vars_overrule_it(project):
    project.write("hosts", "web1\n[all:vars]\nansible_connection=ssh\na=1\n")
    assert project.load().inventory.target("localhost").variables == {"ansible_connection": "local", "a": 1}
    project.write("host_vars/localhost.yml", "ansible_connection: ssh\nb: 2\n")
    assert project.load().inventory.target("localhost").variables == {"ansible_connection": "ssh", "a": 1, "b": 2}


def test_a_localhost_that_a_source_names_is_an_ordinary_host(project):
    assert project.good("localhost a=1\n").target("localhost").variables == {"a": 1}


def test_groups_of_a_target_are_all_above_it_without_the_built_in_ones(project):
    inventory = project.good("[z]\nweb1\n[b:children]\nz\n[a:children]\nb\n")
    assert inventory.targets["web1"].groups == ("a", "b", "z")
    assert inventory.members["a"] == ("web1",)


def test_a_group_shows_its_own_variables_and_those_of_its_files(project):
    project.write("group_vars/web.yml", "b: file\n")
    inventory = project.good("[web]\nweb1\n[web:vars]\na=1\nb=inline\n[all:vars]\nc=3\n")
    assert inventory.groups["web"].variables == {"a": 1, "b": "file"}
    assert inventory.groups["all"].variables == {"c": 3}
