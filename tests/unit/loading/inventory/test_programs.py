"""Inventory programs: run without a shell, bounded, and only when nobody else could have written them."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from runbook_engine.loading.inventory import program_source
from runbook_engine.loading.inventory.programs import ProgramError, refuse_unsafe, run_program
from runbook_engine.model.config import Limits

LISTED = {
    "web": {"hosts": ["web1", "web[1:2]"], "vars": {"port": 80}, "children": ["edge"]},
    "edge": ["edge1"],
    "alone": {"x": 1},
    "_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.1"}, "unknown": {"x": 1}}},
}


def program(path, body, mode=0o700):
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def source(project):
    def make(body, mode=0o700):
        program(project.root / "hosts", body, mode)
        return project.load()

    return make


def test_what_a_program_lists_is_read(source):
    loaded = source(f"print({json.dumps(LISTED)!r} if sys.argv[1:] == ['--list'] else 'not json')")
    inventory = loaded.inventory
    assert inventory is not None, loaded.diagnostics
    assert list(inventory.targets) == ["web1", "web[1:2]", "edge1", "alone"]
    assert inventory.targets["web1"].variables == {"port": 80, "ansible_host": "192.0.2.1"}
    assert inventory.targets["edge1"].groups == ("edge", "web")
    assert inventory.groups["alone"].variables == {"x": 1}
    assert list(inventory.files) == ["hosts"]


def test_hosts_are_asked_for_one_by_one_without_meta(source):
    loaded = source(
        "print(json.dumps({'web': {'hosts': ['a', 'b']}}) if sys.argv[1] == '--list'"
        " else json.dumps({'me': sys.argv[2]}) if sys.argv[2] == 'a' else '')"
    )
    assert {name: dict(one.variables) for name, one in loaded.inventory.targets.items()} == {"a": {"me": "a"}, "b": {}}


def test_a_program_runs_in_the_project_without_input(source, project):
    loaded = source(
        "print(json.dumps({'all': {'vars': {'here': os.getcwd(), 'said': sys.stdin.read()}}, '_meta': {'hostvars': {}}}))"
    )
    assert loaded.inventory.groups["all"].variables == {"here": str(project.root.resolve()), "said": ""}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.stderr.write('one\\nno such \\x1b[31mregion\\n'); sys.exit(3)", "ended with status 3: no such \\x1b[31mregion"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9 and said nothing"),
        ("print('{')", "is not JSON"),
        ("print('[]')", "is not a JSON object"),
        ("print('{\"a\": 1, \"a\": 2}')", "a key comes twice"),
        ("print(json.dumps({'web': {'hosts': 'web1'}, '_meta': {'hostvars': {}}}))", 'hosts of group "web" is not a list'),
        ("print(json.dumps({'web': {'hosts': [1]}, '_meta': {'hostvars': {}}}))", 'hosts of group "web" is not a list'),
        ("print(json.dumps({'web': {'vars': []}, '_meta': {'hostvars': {}}}))", 'vars of group "web" is not a mapping'),
        ("print(json.dumps({'_meta': {}}))", "_meta has no mapping named hostvars"),
        ("print(json.dumps({'web': ['a']}) if sys.argv[1] == '--list' else sys.exit(1))", "(--host a): it ended"),
    ],
)  # fmt: skip
def test_a_program_that_fails_gives_a_finding_and_no_inventory(source, body, words):
    loaded = source(body)
    assert loaded.inventory is None
    assert [one.rule for one in loaded.diagnostics] == ["RB325"]
    assert words in loaded.diagnostics[0].message


def test_hostile_names_from_a_program_are_refused(source):
    loaded = source("print(json.dumps({'web': {'hosts': ['-oProxyCommand=x']}, '_meta': {'hostvars': {}}}))")
    assert [one.rule for one in loaded.diagnostics] == ["RB309"]


@pytest.mark.parametrize("mode", [0o777, 0o702])
def test_a_program_that_everybody_may_write_is_not_run(source, project, mode):
    loaded = source(f"open({str(project.root / 'ran')!r}, 'w')", mode | 0o100)
    assert [one.rule for one in loaded.diagnostics] == ["RB303"]
    assert not (project.root / "ran").exists()


def test_a_program_in_a_folder_that_everybody_may_write_is_not_run(tmp_path):
    path = program(tmp_path / "hosts", "")
    tmp_path.chmod(0o777)
    with pytest.raises(ProgramError, match="folder may be written by everybody"):
        refuse_unsafe(path)
    tmp_path.chmod(0o1777)
    refuse_unsafe(path)


def test_a_program_of_another_user_is_not_run(tmp_path):
    path = program(tmp_path / "hosts", "")
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        pytest.skip("only root can give files away")
    with pytest.raises(ProgramError, match="belongs to another user"):
        refuse_unsafe(path)


def test_a_link_out_of_the_project_is_not_run(project, tmp_path_factory):
    elsewhere = program(tmp_path_factory.mktemp("else") / "hosts", f"open({str(project.root / 'ran')!r}, 'w')")
    (project.root / "inv").mkdir()
    (project.root / "inv" / "hosts").symlink_to(elsewhere)
    assert [one.rule for one in project.load("inv").diagnostics] == ["RB302"]
    assert not (project.root / "ran").exists()


def test_data_that_is_executable_by_mistake_is_explained(project):
    path = project.write("hosts", "[web]\nweb1\n")
    path.chmod(0o755)
    found = project.load().diagnostics
    assert [one.rule for one in found] == ["RB325"]
    assert "chmod -x" in found[0].hint


def test_a_program_is_ended_with_all_its_children(tmp_path):
    body = f"os.fork(); open({str(tmp_path / 'pids')!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(600)"
    path = program(tmp_path / "slow", body)
    with pytest.raises(ProgramError, match="within 1 seconds"):
        run_program(path, [], cwd=tmp_path, seconds=1)
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    assert all(_is_gone(pid) for pid in pids)


def _is_gone(pid):
    """A killed grandchild may stay a zombie until init looks; it runs no more."""
    status = Path(f"/proc/{pid}/stat")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if status.read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
    return False


def test_a_program_that_prints_without_end_is_stopped(tmp_path):
    path = program(tmp_path / "loud", "while True: sys.stdout.write('x' * 65536)")
    with pytest.raises(ProgramError, match="prints more than 1,000,000 bytes"):
        run_program(path, [], cwd=tmp_path, largest=1_000_000)


def test_a_program_that_talks_without_end_is_stopped(tmp_path):
    path = program(tmp_path / "talker", "while True: sys.stderr.write('x' * 65536)")
    with pytest.raises(ProgramError, match="did not end"):
        run_program(path, [], cwd=tmp_path, seconds=1)


def test_a_program_with_too_many_hosts_is_not_asked_for_each(project):
    project.write("asked", "")
    program(
        project.root / "hosts",
        "print(json.dumps({'web': {'hosts': [f'h{n}' for n in range(50)]}}) if sys.argv[1] == '--list'"
        " else open('asked', 'a').write(sys.argv[2]) and '{}')",
    )
    loaded = project.load(limits=Limits(nodes=400))
    assert [one.rule for one in loaded.diagnostics] == ["RB319"]
    assert (project.root / "asked").read_text() == ""


def test_hosts_already_known_need_no_room(project):
    project.write("a", "".join(f"h{n}\n" for n in range(30)))
    listed = json.dumps({"web": {"hosts": [f"h{n}" for n in range(30)]}, "_meta": {"hostvars": {}}})
    program(project.root / "b", f"print({listed!r})")
    assert len(project.load("a", "b", limits=Limits(nodes=400)).inventory.groups["web"].hosts) == 30


def test_asking_for_each_host_ends_some_time(source, monkeypatch):
    monkeypatch.setattr(program_source, "ALL_HOSTS_SECONDS", -1.0)
    loaded = source("print(json.dumps({'web': {'hosts': ['a', 'b']}}) if sys.argv[1] == '--list' else '{}')")
    assert [one.rule for one in loaded.diagnostics] == ["RB325"]
    assert "together" in loaded.diagnostics[0].message
