"""Constructed groups and variables; that they mean what they mean to Ansible is proven by the parity test."""

import json

import pytest

HOSTS = "web: {hosts: {web1: {region: eu-west-1, size: 3}, web2: {size: null}}}\n"


@pytest.fixture
def build(project):
    def load(source):
        project.write("inv/01.yml", HOSTS)
        project.write(
            "inv/02.yml", source if isinstance(source, str) else json.dumps({"plugin": "constructed", **source})
        )
        return project.load("inv")

    return load


def test_variables_and_groups_are_made(build):
    inventory = build(
        {
            "compose": {"place": "region ~ '!'"},
            "groups": {"big": "size > 2"},
            "keyed_groups": [{"key": "region", "prefix": "in", "parent_group": "regions"}],
        }
    ).inventory
    assert inventory.targets["web1"].variables["place"] == "eu-west-1!"
    assert inventory.targets["web1"].groups == ("big", "in_eu_west_1", "regions", "web")
    assert inventory.targets["web2"].groups == ("web",)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"compose": {"x": "region.split('-')"}}, "can't be evaluated"),
        ({"compose": {"x": "lookup('pipe', 'id')"}}, "can't be evaluated"),
        ({"compose": {"x": "region | no_such_filter"}}, "can't be evaluated"),
        ({"compose": {"x": "(region"}}, "can't be evaluated"),
        ({"compose": {"x": 5}}, "is no expression"),
        ({"compose": ["x"]}, "compose is not a mapping"),
        ({"groups": {"x": ["size > 2"]}}, "is no expression"),
        ({"keyed_groups": {"key": "region"}}, "keyed_groups is not a list"),
        ({"keyed_groups": ["region"]}, "is not a mapping"),
        ({"keyed_groups": [{"prefix": "x"}]}, "is no expression"),
        ({"keyed_groups": [{"key": "region", "prefx": "x"}]}, "means nothing here"),
        (
            {"keyed_groups": [{"key": "region", "default_value": "x", "trailing_separator": False}]},
            "exclude each other",
        ),
        ({"keyed_groups": [{"key": "size"}]}, "gives int for host"),
        ({"strict": "maybe"}, "must be true or false"),
        ({"strict": True, "compose": {"x": "missing"}}, 'for host "web1"'),
        ({"strict": True, "keyed_groups": [{"key": "size | default('', true)"}]}, "gives int"),
        ({"use_vars_plugins": "maybe"}, "must be true or false"),
        ({"use_extra_vars": True}, "is not supported"),
        ({"cache": True}, "is not supported"),
        ({"komposed": {}}, "is not supported"),
    ],
)
def test_settings_that_make_no_sense_are_refused(build, source, words):
    loaded = build(source)
    assert loaded.inventory is None
    assert {one.rule for one in loaded.diagnostics} == {"RB326"}
    assert words in loaded.diagnostics[0].message


@pytest.mark.parametrize("parent", ["eu_west_1", "{{ region | default('web') | replace('-', '_') }}"])
def test_a_group_that_would_be_its_own_parent_refuses_the_source(build, parent):
    """Ansible warns, and goes on without what the source made after that."""
    keyed = {"key": "region", "prefix": "", "separator": "", "parent_group": parent}
    loaded = build({"keyed_groups": [keyed]})
    assert loaded.inventory is None
    assert [(one.rule, "eu_west_1 > eu_west_1" in one.message) for one in loaded.diagnostics] == [("RB308", True)]


def test_a_finding_leads_to_the_line(build):
    loaded = build("plugin: constructed\ncompose:\n  fine: size\n  wrong: size +\n")
    assert [(one.rule, one.location.line) for one in loaded.diagnostics] == [("RB326", 4)]


def test_an_expression_without_a_value_is_left_out_for_that_host(build):
    inventory = build({"compose": {"x": "missing", "y": "region ~ ''"}}).inventory
    assert [sorted(one.variables) for one in inventory.targets.values()] == [["region", "size", "y"], ["size"]]


def test_an_expression_may_not_hang_the_engine(build):
    loaded = build({"strict": True, "compose": {"x": "'x' * 999999999"}})
    assert {one.rule for one in loaded.diagnostics} == {"RB326"}


def test_what_is_made_of_a_secret_is_one(project, monkeypatch):
    from tests.unit.loading.inventory.test_vault import SECRET, VALUES

    monkeypatch.setenv("RUNBOOK_VAULT_PASSWORD", "correct horse")
    lines = VALUES.split("labelled")[0].replace("\n", "\n        ")
    project.write("inv/01.yml", f"web:\n  hosts:\n    web1:\n        {lines}")
    made = {"plugin": "constructed", "compose": {"url": "'db://' ~ inline"}}
    project.write("inv/02.yml", json.dumps(made))
    assert f"db://{SECRET}" in project.load("inv").inventory.secrets
    project.write("inv/03.yml", json.dumps({"plugin": "constructed", "keyed_groups": [{"key": "inline"}]}))
    assert [one.rule for one in project.load("inv").diagnostics] == ["RB326"]


@pytest.mark.parametrize(
    ("word", "found"), [("yes", True), ("On", True), (1, True), ("no", False), (0, False), (None, False)]
)
def test_strict_may_be_said_in_ansibles_words(build, word, found):
    loaded = build({"strict": word, "compose": {"x": "missing"}})
    assert (loaded.inventory is None) is found
    assert {one.rule for one in loaded.diagnostics} == ({"RB326"} if found else set())


@pytest.mark.parametrize("word", ["maybe", 2, [], ""])
def test_other_words_are_neither_true_nor_false(build, word):
    assert [one.rule for one in build({"strict": word}).diagnostics] == ["RB326"]


def test_variables_of_files_are_seen_if_wanted(project, build):
    # Those of `all` are not, as nothing has put `web` below it when the source is read; Ansible's order, too.
    project.write("inv/group_vars/all.yml", "x: all\ny: all\n")
    project.write("inv/group_vars/web", "y: web\n")
    project.write("inv/host_vars/web1.yml", "size: 9\n")
    project.write("group_vars/all.yml", "z: project\n")
    seen = "[x | default('-'), y | default('-'), size | default('-'), z | default('-')]"
    without = build({"compose": {"seen": seen}}).inventory
    assert without.targets["web1"].variables["seen"] == ["-", "-", 3, "-"]
    inventory = build({"use_vars_plugins": True, "compose": {"seen": seen}}).inventory
    assert inventory.targets["web1"].variables["seen"] == ["-", "web", 9, "-"]
    assert inventory.targets["web2"].variables["seen"] == ["-", "web", None, "-"]


def test_a_file_that_is_wrong_is_told_once(project, build):
    project.write("inv/group_vars/web", "- 1\n")
    assert [one.rule for one in build({"use_vars_plugins": True}).diagnostics] == ["RB314"]
