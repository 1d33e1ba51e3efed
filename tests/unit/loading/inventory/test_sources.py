import hashlib
import os

import pytest

from runbook_engine.model.config import Limits


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("hosts.yml", "plugin: my.own.cmdb\nregions: [eu-west-1]\n", "RB304"),
        ("hosts", "plugin: cmdb\n", "RB304"),
        ("hosts.yml", "plugin: {hosts: {h: }}\n", "RB304"),
        ("hosts", "$ANSIBLE_VAULT;1.1;AES256\n3031\n", "RB305"),
        ("hosts.toml", "[web.hosts]\nweb1 = {}\n", "RB320"),
        ("hosts.yml", "- web1\n", "RB311"),
        ("hosts.yml", "web1\n", "RB311"),
        ("hosts.yml", "web: [web1]\n", "RB311"),
        ("hosts.yml", "web: {hosts: [web1]}\n", "RB311"),
        ("hosts.yml", "web: {hosts: {web1: 5}}\n", "RB311"),
        ("hosts.yml", "web: {hosts: {'web[1:x]': }}\n", "RB310"),
        ("hosts.yml", "web: {hosts: {-x: }}\n", "RB309"),
        ("hosts.yml", '"a b": {hosts: {x: }}\n', "RB309"),
        ("hosts.yml", "web: {vars: {ansible_group_priority: [1]}}\n", "RB318"),
        ("hosts.yml", "web: {children: {web: }}\n", "RB308"),
    ],
)
def test_what_is_not_read_is_refused(project, name, text, rule):
    assert [found for found, _ in project.findings(text, name)] == [rule]


def test_an_encrypted_value_is_placed_at_its_line(project):
    text = "all:\n  vars:\n    note: a !vaulted b\n    x: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      3031\n"
    assert project.findings(text, "hosts.yml") == [("RB305", 4)]


def test_a_misspelled_key_is_a_warning_with_a_suggestion(project):
    project.write("hosts.yml", "web: {host: {web1: }}\n")
    loaded = project.load("hosts.yml")
    assert loaded.inventory is not None
    assert [(one.rule, one.hint) for one in loaded.diagnostics] == [("RB312", 'did you mean "hosts"?')]


def test_a_missing_source_and_an_empty_folder_are_told_apart(project):
    (project.root / "empty").mkdir()
    assert [one.rule for one in project.load("missing").diagnostics] == ["RB301"]
    loaded = project.load("empty")
    assert [one.rule for one in loaded.diagnostics] == ["RB324"]
    assert loaded.inventory is not None


def test_a_pipe_is_refused_without_waiting_for_a_writer(project):
    os.mkfifo(project.root / "hosts")
    assert [one.rule for one in project.load().diagnostics] == ["RB301"]


def test_a_file_over_the_limit_is_refused(project):
    assert [rule for rule, _ in project.findings("web1\n" * 100, limits=Limits(file_bytes=100))] == ["RB301"]


@pytest.mark.parametrize("place", ["inv/hosts", "inv/group_vars/all.yml", "host_vars/web1.yml"])
def test_a_link_out_of_the_project_is_refused_and_its_content_not_shown(project, tmp_path_factory, place):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("password: tr0ub4dor\n")
    project.write("inv/base", "web1\n")
    link = project.root / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(secret)
    loaded = project.load("inv")
    assert loaded.inventory is None
    assert [one.rule for one in loaded.diagnostics] == ["RB302"]
    assert "tr0ub4dor" not in repr(loaded.diagnostics)


def test_a_link_inside_the_project_is_followed(project):
    project.write("shared/all.yml", "a: 1\n")
    project.write("inv/hosts", "web1\n")
    (project.root / "inv/group_vars").mkdir()
    (project.root / "inv/group_vars/all.yml").symlink_to("../../shared/all.yml")
    assert project.load("inv").inventory.targets["web1"].variables == {"a": 1}


@pytest.mark.parametrize("place", ["inv/loop", "inv/group_vars/all/loop"])
def test_a_folder_that_contains_itself_ends(project, place):
    project.write("inv/hosts", "web1\n")
    project.write("inv/group_vars/all/a.yml", "a: 1\n")
    (project.root / place).symlink_to(project.root / "inv")
    assert project.load("inv").diagnostics or project.load("inv").inventory.targets["web1"].variables == {"a": 1}


def test_a_source_outside_of_the_project_brings_its_own_variables(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "hosts").write_text("web1\n")
    (outside / "group_vars").mkdir()
    (outside / "group_vars/all").write_text("a: 1\nb: 1\n")
    project.write("group_vars/all.yml", "b: project\n")
    inventory = project.load(outside / "hosts").inventory
    assert inventory.targets["web1"].variables == {"a": 1, "b": "project"}
    assert str(outside / "hosts") in inventory.files


def test_a_host_name_does_not_lead_out_of_host_vars(project):
    project.write("secret.yml", "stolen: 1\n")
    project.write("host_vars/web1.yml", "a: 1\n")
    inventory = project.good("../secret\n/secret\n")
    assert inventory.targets["../secret"].variables == {}


def test_every_file_that_was_read_is_in_the_list_with_its_hash(project):
    project.write("inv/hosts", "[web]\nweb1\n")
    project.write("inv/group_vars/web/a.yml", "a: 1\n")
    project.write("inv/group_vars/unused.yml", "a: 1\n")
    project.write("host_vars/web1.json", "{}")
    files = project.load("inv").inventory.files
    assert list(files) == ["host_vars/web1.json", "inv/group_vars/web/a.yml", "inv/hosts"]
    assert files["inv/hosts"] == hashlib.sha256(b"[web]\nweb1\n").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "web:\n  hosts:\n    web1:\n",
        "---\nweb: {hosts: {web1: }}\n",
        '{"web": {"hosts": {"web1": null}}}',
        "[web]\nweb1\n",
    ],
)
def test_a_source_without_extension_is_read_by_its_content(project, text):
    assert project.good(text).targets["web1"].groups == ("web",)


def test_ini_that_also_looks_like_yaml_is_ini(project):
    assert project.good('web1 note="a: b"\n').targets["web1"].variables == {"note": "a: b"}


def test_broken_yaml_without_extension_is_told_as_yaml(project):
    [(rule, line)] = project.findings("web:\n  hosts:\n    a: [\n")
    assert rule.startswith("RB0")
    assert line >= 3


@pytest.mark.parametrize(
    "text",
    [
        '{"web": {"vars": {"a": 1, "a": 2}}}',
        '{"web": {"vars": {"a": "\\ud800"}}}',
        '{"web": {"vars": ' + "[" * 100_000 + "}}",
        '{"web": {"vars": {"a": ' + "[" * 70 + "]" * 70 + "}}}",
    ],
)
def test_json_is_read_as_strictly_as_yaml(project, text):
    [(rule, line), *_] = project.findings(text, "hosts.json")
    assert rule.startswith("RB0")
    assert line == 1


@pytest.mark.parametrize("number", ["1e999", "NaN", "Infinity"])
def test_numbers_that_json_cannot_hold_do_not_get_in(project, number):
    inventory = project.good(f'{{"web": {{"hosts": {{"web1": {{"a": {number}}}}}}}}}', "hosts.json")
    assert inventory.targets["web1"].variables == {"a": number}


def test_variables_that_are_no_mapping_are_refused(project):
    project.write("hosts", "web1\n")
    project.write("group_vars/all.yml", "- a\n")
    assert [(one.rule, one.location.file) for one in project.load().diagnostics] == [("RB314", "group_vars/all.yml")]


@pytest.mark.parametrize("link", ["inventory/more", "inventory/group_vars/web", "inventory/host_vars"])
def test_a_link_to_a_foreign_folder_is_one_finding(project, tmp_path_factory, link):
    foreign = tmp_path_factory.mktemp("foreign")
    for number in range(20):
        (foreign / f"{number}.yml").write_text("x: 1\n")
    project.write("inventory/hosts", "[web]\nh\n")
    path = project.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(foreign)
    loaded = project.load("inventory")
    assert [(one.rule, one.location.file) for one in loaded.diagnostics] == [("RB302", link)]
