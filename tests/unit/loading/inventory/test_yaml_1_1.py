"""YAML as Ansible reads it: keys that are values, merge keys, tags that say what is so anyway."""

import pytest


def variables(project, text, host="h"):
    return dict(project.good(text, "hosts.yml").targets[host].variables)


def test_keys_that_are_numbers_or_booleans_are_named_as_json_names_them(project):
    text = "all: {hosts: {h: {n: {on: 1, 017: 2, 1.50: 3, 1_000: 4, 'off': 5, \"1\": 6, 0o17: 7}}}}\n"
    assert variables(project, text)["n"] == {"true": 1, "15": 2, "1.5": 3, "1000": 4, "off": 5, "1": 6, "0o17": 7}


@pytest.mark.parametrize("key", ["on", "yes", "5", "017", "1.5", "1:30", "true"])
@pytest.mark.parametrize("text", ["{}: {{vars: {{x: 1}}}}", "all: {{children: {{{}: }}}}", "all: {{hosts: {{{}: }}}}"])
def test_groups_and_hosts_need_names_that_are_text(project, text, key):
    assert project.findings(text.format(key), "hosts.yml") == [("RB311", 1)]
    assert project.findings(text.format(f"'{key}'"), "hosts.yml") == []


@pytest.mark.parametrize("keys", ["on: 1, yes: 2", "on: 1, 'true': 2", "'true': 1, on: 2", "x: {15: 1, 017: 2}"])
def test_two_keys_of_one_meaning_are_one_too_many(project, keys):
    assert project.findings(f"all: {{vars: {{{keys}}}}}", "hosts.yml") == [("RB010", 1)]


def test_a_merge_key_gives_what_the_mapping_itself_does_not_say(project):
    text = "all:\n  hosts:\n    g: &a {x: 1, y: 2}\n    h:\n      y: 3\n      <<: *a\n      z: 4\n"
    assert variables(project, text) == {"x": 1, "y": 3, "z": 4}
    assert variables(project, text, "g") == {"x": 1, "y": 2}


def test_of_several_merged_mappings_the_first_is_the_strongest(project):
    assert variables(project, "all: {hosts: {h: {<<: [{x: 1, y: 2}, {y: 3, z: 4}]}}}") == {"x": 1, "y": 2, "z": 4}


def test_merged_hosts_come_first_and_keep_their_places(project):
    text = "a:\n  hosts: &more\n    h1:\n    h2: {x: 1}\nb:\n  hosts:\n    h3:\n    <<: *more\n"
    assert project.good(text, "hosts.yml").groups["b"].hosts == ("h1", "h2", "h3")
    bad = "a:\n  hosts: &more\n    h1:\n    -h2:\nb:\n  hosts:\n    <<: *more\n"
    assert project.findings(bad, "hosts.yml") == [("RB309", 4)]


@pytest.mark.parametrize("value", ["1", "~", "[1]", "[{x: 1}, 2]", "x"])
def test_only_mappings_can_be_merged(project, value):
    assert project.findings(f"all:\n  vars:\n    <<: {value}\n", "hosts.yml") == [("RB012", 3)]


def test_a_quoted_merge_sign_is_a_key(project):
    assert variables(project, "all: {hosts: {h: {n: {'<<': 1}}}}")["n"] == {"<<": 1}


def test_one_mapping_merges_once(project):
    assert ("RB010", 3) in project.findings("all: {vars: {\n<<: {x: 1},\n<<: {y: 1}}}", "hosts.yml")


def test_merges_of_merges_stop_growing(project):
    chain = "".join(f"    a{i}: &a{i} {{<<: *a{i - 1}, x{i}: 1}}\n" for i in range(1, 3000))
    assert project.findings(f"all:\n  vars:\n    a0: &a0 {{x0: 1}}\n{chain}", "hosts.yml")[0][0] == "RB013"


def test_tags_that_say_what_is_so_anyway_are_read(project):
    text = "all: {hosts: {h: {a: !!str 5, b: !unsafe [x, {y: z}], c: !unsafe {k: v}, !!str 6: !!map {}, !unsafe d: 1}}}"
    assert variables(project, text) == {"a": "5", "b": ["x", {"y": "z"}], "c": {"k": "v"}, "6": {}, "d": 1}


@pytest.mark.parametrize("value", ["!!binary aGk=", "!!set {a, b}", "!!python/name:os.system x", "!mine x"])
def test_other_tags_are_refused(project, value):
    assert project.findings(f"all: {{vars: {{x: {value}}}}}", "hosts.yml")[0] == ("RB011", 1)
