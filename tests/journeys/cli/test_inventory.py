"""Inventories on the command line: what is shown, and what must never be."""

from pathlib import Path

import pytest

HOSTS = "[web]\nweb1 ansible_connection=local port=8080\nweb2 ansible_connection=local\n\n[prod:children]\nweb\n"
VALUES = Path(__file__).parents[2] / "unit/loading/inventory/vault_files/values.yml"
SECRET = "s3cr3t-pässword"
BOOK = """
runbook: vaulted
vars:
  url: "db://app:{{ inline }}@db/"
steps:
  - id: say
    targets: web1
    command.run: {argv: [sh, -c, "echo $WORD; echo \\"$1\\" >&2; exit 0", sh, "{{ url }}"], creates: never}
    environment: {WORD: "{{ hostvars['web1'].inline }}"}
  - id: fail
    needs: [say]
    targets: web1
    command.run: {argv: ["/no/such/{{ target.inline }}"]}
"""
HALF = """
runbook: half
steps:
  - {id: look, targets: web, max_failures: "100%", assert.that: {that: ["target.name == 'web1'"]}}
"""
LOOP = """
runbook: loop
steps:
  - id: a
    targets: web1
    loop: ["{{ hostvars['web1'].inline }}"]
    assert.that: {that: [true]}
"""


@pytest.fixture
def shown(runbook):
    runbook.write("inventories/small/hosts", HOSTS)
    return runbook


def test_the_list_is_json_and_can_be_limited(shown):
    listed = shown("inventory", "list", "-i", "small", "--limit", "web1").json
    assert listed["web"] == {"hosts": ["web1"]}
    assert listed["_meta"]["hostvars"] == {"web1": {"ansible_connection": "local", "port": 8080}}
    assert shown("inventory", "list", "-i", "small", "--output", "text").out.split() == [
        "host", "groups", "web1", "prod,", "web", "web2", "prod,", "web",
    ]  # fmt: skip


def test_a_host_is_shown_and_a_misspelt_one_suggested(shown):
    assert shown("inventory", "host", "web1", "-i", "small").json == {"ansible_connection": "local", "port": 8080}
    missing = shown("inventory", "host", "wbe1", "-i", "small")
    assert (missing.status, missing.out) == (3, "")
    assert 'did you mean "web1"?' in missing.err


def test_the_graph_begins_at_any_group(shown):
    drawn = shown("inventory", "graph", "prod", "-i", "small")
    assert drawn.out == "@prod:\n  |--@web:\n  |  |--web1\n  |  |--web2\n"
    assert 'did you mean "prod"?' in shown("inventory", "graph", "prd", "-i", "small").err


def test_the_hosts_that_failed_can_be_listed(shown):
    shown.write("runbooks/half.yml", HALF)
    none = shown("inventory", "list", "-i", "small", "--limit", "@failed")
    assert (none.status, none.out) == (2, "")
    assert shown("run", "half", "-i", "small", "--yes").status == 0, "the failure is tolerated"
    listed = shown("inventory", "list", "-i", "small", "--limit", "@failed")
    assert listed.json["web"] == {"hosts": ["web2"]}
    assert "1 hosts of run" in listed.err
    rest = shown("inventory", "list", "-i", "small", "--limit", "web:!@failed", "--output", "text")
    assert rest.out.split()[2] == "web1"
    assert "web2" not in rest.out


def test_a_limit_that_names_nothing_and_a_broken_inventory_are_told(shown):
    assert shown("inventory", "list", "-i", "small", "--limit", "nobody").status == 3
    shown.write("inventories/broken", "[web\n")
    broken = shown("inventory", "list", "-i", "broken")
    assert (broken.status, broken.out) == (3, "")
    assert "RB310" in broken.err


@pytest.fixture
def vaulted(shown):
    shown.write("inventories/small/group_vars/web.yml", VALUES.read_text())
    shown.write("runbooks/vaulted.yml", BOOK)
    return lambda *words: shown(*words, RUNBOOK_VAULT_PASSWORD="correct horse")


def test_decrypted_values_are_used_and_never_recorded(vaulted, runbook):
    ran = vaulted("run", "vaulted", "-i", "small", "--yes")
    assert ran.status == 1, ran.err
    logged = vaulted("audit", "log", "last", "--output", "json")
    assert "[redacted]" in logged.out
    told = [
        ran, logged,
        vaulted("plan", "vaulted", "-i", "small", "--output", "json"),
        vaulted("report", "last", "--format", "json"),
        vaulted("inventory", "list", "-i", "small"),
        vaulted("inventory", "graph", "-i", "small", "--vars"),
    ]  # fmt: skip
    files = [path.read_bytes() for path in (runbook.root / ".runbook").rglob("*") if path.is_file()]
    for form in (SECRET, ascii(SECRET)[1:-1]):
        assert not [one for one in told if form in one.out + one.err]
        assert not [one for one in files if form.encode() in one]


def test_a_loop_cannot_carry_a_decrypted_value_into_the_plan(vaulted, runbook):
    runbook.write("runbooks/loop.yml", LOOP)
    planned = vaulted("plan", "loop", "-i", "small")
    assert planned.status == 3
    assert SECRET not in planned.out + planned.err
    assert "secret" in planned.err
