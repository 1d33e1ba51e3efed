"""journal-failover from end to end: a run is cut off with the journal's primary, and goes on with the promoted standby."""

import json
import os
import stat
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from support.postgres_pair import Pair

REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(240)
WORK = """\
runbook: work
steps:
  - id: one
    command.run: {shell: 'echo one >> ledger; echo > begun; read word < go', cwd: ROOT}
  - id: two
    needs: [one]
    command.run: {shell: 'echo two >> ledger', cwd: ROOT}
"""


@pytest.fixture
def pair():
    spec = spec_from_file_location("journals_conftest", REPOSITORY / "tests/contract/journals/conftest.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    first = module.start_postgres()
    first.stop()  # (it only told whether there is a server here, and as whom it runs)
    pair = Pair(type(first), first.user)
    yield pair
    pair.stop()


@pytest.fixture
def stage(runbook, pair):
    """A project with the real runbook, an inventory of both servers, and `runbook` on the PATH."""
    runbook.write("runbooks/journal-failover.yml", (REPOSITORY / "runbooks/journal-failover.yml").read_text())
    runbook.write("runbooks/work.yml", WORK.replace("ROOT", str(runbook.root)))
    for pipe in ("begun", "go"):
        os.mkfifo(runbook.root / pipe)
    local = {"ansible_connection": "local"}
    psql = f"{pair.binaries}/psql --no-psqlrc --tuples-only --no-align --set ON_ERROR_STOP=1 -U runbook"
    variables = {
        "journal_psql": f"{psql} -h {pair.standby_folder}",
        "journal_stop": f"touch {runbook.root}/stopped",
        "journal_stopped": f"! {pair.binaries}/pg_isready -q -h {pair.folder}",
        "journal_url": pair.url("journal_reader"),
    }
    groups = {name: {"hosts": {f"{name}-db": local}} for name in ("journal_primary", "journal_standby")}
    runbook.write("journal.yml", json.dumps({"all": {"vars": variables, "children": groups}}))
    command = runbook.write("bin/runbook", f'#!/bin/sh\nexec {sys.executable} -m runbook_engine.cli.main "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return runbook


def test_a_run_goes_on_with_the_promoted_standby(stage, pair):
    journal = {"RUNBOOK_JOURNAL": pair.url()}
    work = stage.start("run", "work", "--yes", **journal)
    with (stage.root / "begun").open() as pipe:
        pipe.read()
    work.kill()
    work.communicate()
    pair.lose_the_primary()
    assert stage("runs", **journal).status == 6

    path = f"{stage.root}/bin:{os.environ['PATH']}"
    words = ("run", "journal-failover", "-i", "journal.yml", "--yes", "--as", "dana")
    asked = stage(*words, PATH=path)
    assert asked.status == 4, asked.err
    assert "decide" in asked.err
    assert not (stage.root / "stopped").exists(), "it was down already"
    approved = stage("approve", "last", "decide", "--as", "robin")
    assert approved.status != 0, "robin is nobody"
    people = (stage.root / "team.yml").read_text()
    stage.write("team.yml", people.replace("people:\n", "people:\n  robin: {name: Robin, roles: [director]}\n", 1))
    approved = stage("approve", "last", "decide", "--as", "robin")
    assert approved.status == 0, approved.err
    done = stage("resume", "--yes", PATH=path)
    assert done.status == 0, done.err

    with (stage.root / "go").open("w") as pipe:
        pipe.write("go\n")
    resumed = stage("resume", "--yes", "--take-over", **journal)
    assert resumed.status == 0, resumed.err
    assert (stage.root / "ledger").read_text().split() == ["one", "two"]
    assert stage("audit", "verify", **journal).status == 0


def test_a_primary_that_answers_is_stopped_first_and_one_that_can_not_be_is_a_persons(stage, pair):
    path = f"{stage.root}/bin:{os.environ['PATH']}"
    words = ("run", "journal-failover", "-i", "journal.yml", "--yes", "--as", "dana")
    held = stage(*words, PATH=path)
    assert held.status == 4, held.err
    assert "fence" in held.err
    assert (stage.root / "stopped").exists(), "it was told to stop, and did not"
    events = stage("audit", "log", "last", "--output", "json").json
    assert stage("run", "work", "--dry-run", RUNBOOK_JOURNAL=pair.url()).status == 0
    standby = f"postgresql://journal_reader@/{pair.database}?host={pair.standby_folder}"
    copied = stage("journal", "copy", "sqlite:///backup/copy.db", "--from", standby)
    assert copied.status == 0, copied.err
    assert stage("audit", "verify", RUNBOOK_JOURNAL="sqlite:///backup/copy.db").status == 0
    assert "gate.opened" not in {event["event"]["kind"] for event in events}, (
        "nothing is promoted beside a live primary"
    )
