"""Whatever lies in the place of a file that somebody else wrote, the command line says so, and ends as documented.

Each call is a process of its own with bounded memory and a minute of a core: a bomb that went off would be a defect
(exit code 70), a signal, or an end that never comes. By default each place meets a part of what is hostile, together all of
it; RUNBOOK_FAULTS=all puts everything everywhere.
"""

import os
import re
import shutil
from collections import Counter
from dataclasses import dataclass

import pytest
from support.forks import helper
from support.hostile_files import KINDS, NO_FILES, TEXTS, lay, take_away

from runbook_engine.app.init import init_project

BOOK = "restore-settings"
MEGABYTES = 512
KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
READER = """\
runbook: reader
steps:
  - {id: template, targets: app, file.template: {src: files/x.j2, dest: "{{ app_folder }}/x", parents: true}}
  - {id: secret, targets: app, file.copy: {content: "{{ secret('file:secrets/plain') }}", dest: "{{ app_folder }}/plain", parents: true}}
"""
BACKUP = """\
runbook: backup
steps:
  - {id: backup, targets: app, backup.verify: {folder: "@ROOT@/backup", max_age: 1h}}
"""
SITE = """\
- hosts: all
  tasks:
    - include_tasks: tasks.yml
    - command: /bin/true
"""
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]")
# What is named in place of the file: where a link leads to, and what is missed when an inventory is empty.
ELSEWHERE = ("/dev/", "nowhere", "neither a host nor a group")


@dataclass(frozen=True)
class Place:
    """Where something hostile lies, and the calls that meet it.

    Attributes:
        may_be_well: some of what lies there is as good as anything else, so that a call may end with 0.
    """

    path: str
    calls: tuple[str, ...]
    may_be_well: bool = False
    codes: tuple[int, ...] = (3,)


PLACES = (
    Place("runbooks/odd.yml", ("validate odd", "plan odd", "validate", "graph odd", "guide odd", "run odd --dry-run")),
    Place("runbooks/odd.yml", ("fmt --check runbooks/odd.yml", "fmt runbooks/odd.yml"), may_be_well=True, codes=(1, 3)),
    Place("team.yml", ("validate", f"plan {BOOK}", "fmt --check team.yml", "doctor"), may_be_well=True, codes=(1, 3)),
    Place(
        "runbook.toml", ("validate", "status last", "runs", f"plan {BOOK}", "doctor"), may_be_well=True, codes=(1, 2, 3)
    ),
    Place("inventories/odd/hosts.yml", ("inventory list -i odd", f"plan {BOOK} -i odd", "validate"), may_be_well=True),
    Place("inventories/odd/hosts", ("inventory list -i odd", f"plan {BOOK} -i odd", "validate"), may_be_well=True),
    Place("inventories/odd/hosts.json", ("inventory list -i inventories/odd/hosts.json",), may_be_well=True),
    Place(
        "inventories/local/group_vars/app.yml", ("inventory host localhost", f"run {BOOK} --dry-run"), may_be_well=True
    ),
    Place("inventories/local/host_vars/localhost/x.yml", ("inventory host localhost", "validate"), may_be_well=True),
    Place("inventories/local/group_vars/all", ("inventory host localhost", "validate"), may_be_well=True),
    Place("given.yml", (f"plan {BOOK} -e @given.yml",), may_be_well=True),
    Place("given.json", (f"plan {BOOK} -e @given.json",), may_be_well=True),
    Place("given", (f"plan {BOOK} -e @given",), may_be_well=True),
    Place("hosts.txt", (f"plan {BOOK} -l @hosts.txt",), codes=(2, 3)),
    Place(
        f"runbooks/tests/{BOOK}.yml",
        ("test", f"test {BOOK} --format junit", "validate"),
        codes=(1, 2, 3),
        may_be_well=True,
    ),
    Place("site.yml", ("import-playbook site.yml --stdout",)),
    Place("play/tasks.yml", ("import-playbook play/site.yml --stdout",), may_be_well=True),
    Place("bundle.tar.gz", ("audit check bundle.tar.gz",), codes=(2, 6)),
    Place("signers", ("audit check good.tar.gz --signer signers",), codes=(2, 6)),
    Place("export.key", ("audit export last -o out.tar.gz --key export.key",), codes=(2, 3)),
    Place(
        "secrets/x.yml.age",
        (f"secrets edit secrets/x.yml.age -r {KEY}", f"secrets rekey secrets/x.yml.age -r {KEY}", "doctor"),
        codes=(1, 2, 3),
        may_be_well=True,
    ),
    Place(
        "age.key",
        (f"secrets rekey secrets/good.age -r {KEY}", "secrets edit secrets/good.age", "doctor"),
        codes=(0, 1, 2, 3),
    ),
    Place("plain.yml", (f"secrets encrypt plain.yml -o sealed.age --force -r {KEY}",), may_be_well=True, codes=(2, 3)),
    Place("secrets/plain", ("run reader --dry-run",), may_be_well=True, codes=(1, 3)),
    Place("files/x.j2", ("run reader --dry-run", "validate reader"), may_be_well=True, codes=(1, 3)),
    Place("backup/manifest.json", ("run backup --dry-run",), codes=(1, 3)),
    Place("files/settings.json", (f"run {BOOK} --dry-run",), may_be_well=True, codes=(1, 3)),
    Place("runbooks/scripts/activate.sh", (f"run {BOOK} --dry-run",), may_be_well=True, codes=(1, 3)),
    Place("plugins/odd.py", ("validate", "actions", f"plan {BOOK}"), may_be_well=True),
    Place(
        ".runbook/journal.db",
        ("status last", "runs", "audit verify", f"run {BOOK} --dry-run", "journal check", "compliance"),
        may_be_well=True,
        codes=(1, 2, 6),
    ),
    Place(
        "anchors.jsonl",
        ("audit verify --anchor anchors.jsonl", "audit anchor --to anchors.jsonl"),
        may_be_well=True,
        codes=(1, 2, 3, 6),
    ),
    Place(
        ".runbook/dashboard-tokens.json",
        ("serve --new-token dana", "serve --revoke-token dana"),
        may_be_well=True,
        codes=(2, 3),
    ),
    Place("home/.ssh/config", ("readiness far", "run far --dry-run"), may_be_well=True, codes=(1, 3)),
    Place("home/.ssh/known_hosts", ("run far --dry-run",), may_be_well=True, codes=(1, 3)),
    Place("home/.ssh/id_ed25519", ("run far --dry-run",), may_be_well=True, codes=(1, 3)),
)
CALLS = [(place, call) for place in PLACES for call in place.calls]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with what places need, a run, its evidence, and a sealed secret."""
    root = tmp_path_factory.mktemp("made") / "project"
    init_project(root, person="dana")
    texts = {
        "runbooks/reader.yml": READER,
        "runbooks/backup.yml": BACKUP.replace("@ROOT@", str(root)),
        "runbooks/far.yml": "runbook: far\nsteps:\n  - {id: a, targets: app, command.run: {argv: [id]}}\n",
        "files/x.j2": "{{ app_folder }}",
        "secrets/plain": "x",
        "play/site.yml": SITE,
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "secrets/plain").chmod(0o600)
    (root / "home").mkdir()
    for call in (
        f"run {BOOK} --dry-run",
        "audit export last -o good.tar.gz",
        f"secrets encrypt secrets/plain -o secrets/good.age -r {KEY}",
    ):
        done = helper().run(call.split(), cwd=root, env=os.environ, timeout=150)
        assert not done.returncode, done
    with (root / "runbook.toml").open("a") as config:
        config.write(f'[secrets]\nidentities = ["{root}/age.key"]\n')
    return root


@pytest.fixture
def project(runbook, made):
    shutil.rmtree(runbook.root)
    shutil.copytree(made, runbook.root)
    config = runbook.root / "runbook.toml"
    config.write_text(config.read_text().replace(str(made), str(runbook.root)))
    return runbook


def chosen(number):
    """Give what a call meets: two texts of 31, and one of what is no file, others at each call."""
    if os.environ.get("RUNBOOK_FAULTS") == "all":
        return KINDS
    texts, nothings = list(TEXTS), list(NO_FILES)
    return (texts[number % 16], texts[-1 - number % 15], nothings[number * 3 % len(nothings)])


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{place.path}: {call}" for place, call in CALLS])
def test_it_ends_as_documented_and_says_what_and_where(project, number):
    place, call = CALLS[number]
    path = project.root / place.path
    environment = project.environment(HOME=str(project.root / "home"), EDITOR="true")
    for kind in chosen(number):
        lay(kind, path)
        done = helper().run(call.split(), cwd=project.root, env=environment, timeout=150, megabytes=MEGABYTES)
        told = done.stdout + done.stderr
        assert done.returncode in ({*place.codes, 0} if place.may_be_well else place.codes), (kind, done)
        assert "Traceback" not in told, (kind, done)
        assert not UNSEEN.search(told), (kind, done)
        assert not done.returncode or any(name in told for name in (path.stem, *ELSEWHERE)), (kind, done)
        take_away(path)


def test_everything_hostile_is_met_by_several_calls():
    met = Counter(kind for number in range(len(CALLS)) for kind in chosen(number))
    assert met.keys() == set(KINDS)
    assert min(met.values()) >= 3


def test_the_bound_on_memory_holds(project):
    """A file that is larger than the bound, and that somebody allowed: the test sees that the bound is one."""
    config = project.root / "runbook.toml"
    config.write_text(config.read_text() + "[limits]\nfile_bytes = 4294967296\n")
    with (project.root / "runbooks/odd.yml").open("wb") as file:
        file.truncate(MEGABYTES << 20)
    call = {"cwd": project.root, "env": project.environment(), "timeout": 150, "megabytes": MEGABYTES}
    done = helper().run(["validate", "odd"], **call)
    assert done.returncode == 70
