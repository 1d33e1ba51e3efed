"""What `validate` looks at, by what it is given."""

import pytest

from runbook_engine.app.init import init_project
from runbook_engine.app.project import open_project
from runbook_engine.app.validate import broken_config, validate
from runbook_engine.app.validate_kind import is_inventory
from runbook_engine.model.errors import InvalidInputError


@pytest.fixture
def root(tmp_path):
    init_project(tmp_path / "p", person="dana")
    return tmp_path / "p"


def looked_at(root, *names):
    return validate(open_project(root), names).files


def test_without_names_it_looks_at_the_whole_project(root):
    files = ["runbook.toml", "team.yml", "inventories/local", "runbooks/restore-settings.yml"]
    assert looked_at(root) == files


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("restore-settings", "runbooks/restore-settings.yml"),
        ("runbooks/restore-settings.yml", "runbooks/restore-settings.yml"),
        ("local", "inventories/local"),
        ("inventories/local/hosts.yml", "inventories/local/hosts.yml"),
        ("team.yml", "team.yml"),
        ("runbook.toml", "runbook.toml"),
    ],
)
def test_a_name_is_taken_for_what_it_is(root, name, file):
    assert looked_at(root, name) == [file]


def test_a_runbook_is_checked_against_the_projects_inventories_and_team(root):
    path = root / "runbooks/restore-settings.yml"
    path.write_text(path.read_text().replace("targets: app", "targets: ap").replace("[director]", "[directer]"))
    rules = {found.rule for found in validate(open_project(root), ("restore-settings",)).diagnostics}
    assert {"RB208", "RB209"} <= rules


def test_warnings_count_when_strict(root):
    path = root / "runbooks/restore-settings.yml"
    path.write_text(path.read_text().replace("    when: ask\n", ""))
    found = validate(open_project(root))
    assert [item.rule for item in found.diagnostics] == ["RB215"]
    assert not found.refused(strict=False)
    assert found.refused(strict=True)


def test_a_default_inventory_that_is_not_there_is_told(root):
    (root / "runbook.toml").write_text('inventory = "locl"\n')
    with pytest.raises(InvalidInputError, match="locl"):
        validate(open_project(root))


def test_a_broken_configuration_gives_its_findings(root):
    assert broken_config(root) is None
    (root / "runbook.toml").write_text("fork = 3\n")
    found = broken_config(root / "runbooks")
    assert found.refused(strict=False)
    assert found.diagnostics[0].location.line == 1


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("x.yml", "# c\nrunbook: x\nsteps: []\n", "runbook"),
        ("x.yml", "all:\n  hosts:\n    a:\n", "inventory"),
        ("x.yml", 'web:\n  "hosts": {a: }\n', "inventory"),
        ("x.yml", "- 1\n", None),
        ("x.yml", "", None),
        ("x", "[web]\na\n", "inventory"),
        ("x", "#!/bin/sh\necho {}\n", None),
        ("x", "root:x:0:0\n", None),
        ("x.json", '{"_meta": {}}', "inventory"),
        ("x.json", '{"name": 1}', None),
    ],
)
def test_outside_its_folders_a_file_is_known_by_what_it_says(root, tmp_path, name, text, kind):
    path = tmp_path / name
    path.write_text(text)
    if kind is None:
        with pytest.raises(InvalidInputError, match="neither a runbook nor an inventory"):
            is_inventory(open_project(root), str(path))
    else:
        assert is_inventory(open_project(root), str(path)) == (kind == "inventory")


def test_a_folder_elsewhere_is_an_inventory_when_it_has_what_one_has(root, tmp_path):
    with pytest.raises(InvalidInputError, match="neither"):
        is_inventory(open_project(root), str(tmp_path))
    (tmp_path / "hosts").write_text("[web]\na\n")
    assert is_inventory(open_project(root), str(tmp_path))
    assert looked_at(root, str(root / "runbooks")) == ["runbooks/restore-settings.yml"]
    assert looked_at(root, str(root / "inventories")) == ["inventories/local"]


FAILOVER = """\
runbook: leave
vars: {escaped_region: us-east-1}
steps:
  # runbook: ignore RB231 there is no other place
  - {id: dns, aws.route53_records: {zone: z.example, records: [{name: a.z.example, type: A, ttl: 60, values: [192.0.2.1]}]}}
  - {id: look, aws.identity: {account: "123456789012", region: us-east-1}}
"""


def test_what_the_lost_region_is_needed_for_is_told_unless_it_is_accepted(root):
    (root / "runbooks/leave.yml").write_text(FAILOVER)
    found = validate(open_project(root), ("leave",))
    assert [(item.rule, item.location.line) for item in found.diagnostics] == [("RB230", 6)]
    assert not found.refused(strict=False)
    assert found.refused(strict=True)


def test_the_journal_is_told_in_the_configuration(root):
    (root / "runbooks/leave.yml").write_text(FAILOVER)
    config = root / "runbook.toml"
    journal = 'journal = "postgresql://dr@j.us-east-1.rds.amazonaws.com/runbook"'
    config.write_text(f'inventory = "inventories/local"\n{journal}\n')
    [found] = [item for item in validate(open_project(root), ("leave",)).diagnostics if item.rule == "RB234"]
    assert (found.location.file, found.location.line) == ("runbook.toml", 2)
    config.write_text(f"# runbook: ignore RB234 the standby's replica is used by hand\n{journal}\n")
    assert [item.rule for item in validate(open_project(root), ("leave",)).diagnostics] == ["RB230"]


NAMES_FILES = """
runbook: 1
id: named
communications:
  - audience: customers
    from: a
    until: b
    every: 30m
    first: [{notify.email: {subject: S, body_template: messages/frist.txt.j2}}]
    update: [{notify.email: {subject: S, body: B, html_template: messages/update.html.j2}}]
    resolved: [{notify.email: {subject: S, body: B}}]
steps:
  - {id: a, script.run: {script: files/not-there.sh}}
  - {id: b, file.template: {src: files/conf.j2, dest: /etc/conf}, revert: {file.copy: {src: files/old, dest: /etc/conf}}}
  - {id: c, needs: [b], file.copy: {src: "files/{{ b }}", dest: /etc/x}}
  - {id: d, notify.email: {to: [a@x.test], subject: S, body_template: ../other/body.txt}}
"""


def test_files_that_are_named_and_are_not_there_or_are_no_templates_are_told(root):
    (root / "runbooks/named.yml").write_text(NAMES_FILES)
    (root / "messages").mkdir()
    (root / "messages/update.html.j2").write_text("<p>{{ message.text }}</p>")
    (root / "files").mkdir(exist_ok=True)
    (root / "files/conf.j2").write_text("port={{ 80 | intt }}\n")
    wanted = {"RB204", "RB221"}
    found = [one for one in validate(open_project(root), ("named",)).diagnostics if one.rule in wanted]
    told = {(one.rule, one.location.line, next(word for word in one.message.split() if "/" in word)) for one in found}
    assert told == {
        ("RB221", 9, "messages/frist.txt.j2"),
        ("RB221", 13, "files/not-there.sh"),
        ("RB204", 14, "files/conf.j2:"),
        ("RB221", 14, "files/old"),
        ("RB221", 16, "../other/body.txt"),
    }, found
    assert any("intt" in one.message for one in found)
