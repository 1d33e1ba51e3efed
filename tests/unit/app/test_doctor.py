"""Doctor's lines: each trouble is seen, and says what to do."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.app.doctor import examine
from runbook_engine.app.init import init_project


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SSH_AUTH_SOCK", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "RUNBOOK_JOURNAL"):
        monkeypatch.delenv(name, raising=False)
    init_project(tmp_path / "p", person="dana")
    return tmp_path / "p"


def levels(root):
    return {check.name: check.level for check in examine(root)}


def add_ssh_host(root):
    path = root / "inventories/local/hosts.yml"
    path.write_text(path.read_text() + "        db1: {}\n")


def test_a_good_project_has_nothing_wrong(root):
    assert "wrong" not in levels(root).values()


def test_outside_a_project(tmp_path):
    found = levels(tmp_path)
    assert found["project"] == "wrong"


def test_missing_known_hosts_matter_when_targets_are_reached_over_ssh(root):
    add_ssh_host(root)
    assert levels(root)["ssh"] == "wrong"


def test_targets_by_systems_manager_are_counted_and_looked_at(root, monkeypatch):
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    path = root / "inventories/local/hosts.yml"
    host = "        i-0123456789abcdef%d: {ansible_connection: aws_ssm%s}\n"
    path.write_text(path.read_text() + host % (0, ", ansible_aws_ssm_region: eu-west-1"))
    (found,) = [check for check in examine(root) if check.name == "ssm"]
    assert (found.level, found.text) == ("ok", "1 targets by AWS Systems Manager")
    assert "no target" in next(check.text for check in examine(root) if check.name == "ssh")
    path.write_text(path.read_text() + host % (1, ""))
    (found,) = [check for check in examine(root) if check.name == "ssm"]
    assert found.level == "wrong"
    assert "1 of 2" in found.text


def test_an_agent_that_does_not_answer(root, monkeypatch):
    add_ssh_host(root)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(root / "nothing"))
    assert levels(root)["ssh agent"] == "wrong"


def test_a_broken_plugin_and_a_broken_inventory_are_both_told(root):
    (root / "plugins/bad.py").write_text("import no_such_library\n")
    (root / "inventories/local/hosts.yml").write_text("all: 7\n")
    found = levels(root)
    assert (found["plugins"], found["inventory"]) == ("wrong", "wrong")


def test_whatever_is_not_well_says_what_to_do(root):
    add_ssh_host(root)
    (root / "team.yml").write_text("people: 7\n")
    assert [check for check in examine(root) if check.level == "wrong" and not check.hint] == []


def test_secrets_that_end_are_told_before_their_day_and_after_it(root):
    path = root / "runbooks/tell.yml"
    steps = "".join(
        f"  - {{id: s{number}, command.run: {{argv: [echo]}}, environment: {{A: \"{{{{ secret('env:T{number}') }}}}\"}}}}\n"
        for number in range(4)
    )
    path.write_text(f"runbook: tell\nsteps:\n{steps}")
    today = datetime.now(UTC).date()
    days = {"env:T0": -1, "env:T1": 0, "env:T2": 10, "env:T3": 400, "env:TYPO": 400}
    lines = "".join(f'"{name}" = {today + timedelta(days=left)}\n' for name, left in days.items())
    config = root / "runbook.toml"
    before = config.read_text()
    config.write_text(f"{before}\n[secrets.expires]\n{lines}")
    told = {check.text: check.level for check in examine(root) if " end" in check.text or "TYPO" in check.text}
    levels_of = {name: level for name in days for text, level in told.items() if f"{name} end" in text}
    assert levels_of == {"env:T0": "wrong", "env:T1": "wrong", "env:T2": "note"}
    assert told["nothing is known to ask for env:TYPO"] == "note"
    config.write_text(f'{before}\n[secrets]\nwarn_before = "5d"\n[secrets.expires]\n"env:T3" = 2999-01-01\n')
    assert "none of 1 with a day in runbook.toml ends within 5 days" in [check.text for check in examine(root)]
