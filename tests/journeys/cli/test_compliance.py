"""`runbook compliance`: what is due, by the runbooks and what the journal has of them."""

import json
import re
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

BOOK = """\
runbook: recover
title: Recover the app
owner: engineering
policy: [BCDR-7]
drill: {every: 365d}
review: {every: 365d, last: %(reviewed)s}
inputs:
  good: {type: boolean, default: true}
steps:
  - id: check
    assert.that: {that: ["good"]}
"""
EXPORT = """\
runbook: export
objectives: {rpo: 24h}
steps:
  - id: mirror
    copying.copy: {folder: %(root)s/copy}
"""
PLUGIN = '''\
"""Makes a copy."""
from pathlib import Path
from runbook_engine.sdk import Action, Applied, Params, satisfied, unsatisfied

class CopyParams(Params):
    """Where to."""
    folder: str

class Copy(Action[CopyParams]):
    """Make a copy."""
    name = "copying.copy"
    makes_copy = True
    Params = CopyParams

    def check(self, params, context):
        return satisfied("there") if Path(params.folder).exists() else unsatisfied("not there")

    def apply(self, params, context):
        Path(params.folder).mkdir()
        return Applied(summary="made")
'''


def today(shift=0):
    return (datetime.now(UTC) + timedelta(days=shift)).date().isoformat()


@pytest.fixture
def project(runbook):
    for path in (runbook.root / "runbooks").glob("*.yml"):
        path.unlink()
    runbook.write("runbooks/recover.yml", BOOK % {"reviewed": today()})
    runbook.write("inventories/drill/hosts.yml", "all:\n  vars: {runbook_drill: true}\n")
    return runbook


def states(done):
    return {(one["runbook"], one["kind"]): one["state"] for one in done.json}


def compliance(project, *words):
    return project("compliance", "--output", "json", *words)


def drill(project, *words):
    return project("run", "recover", "--drill", "-i", "drill", "--yes", *words)


def test_a_drill_pays_for_a_year_and_a_dry_run_for_nothing(project):
    done = compliance(project)
    assert (done.status, states(done)) == (1, {("recover", "drill"): "never", ("recover", "review"): "ok"})
    assert project("run", "recover", "--dry-run").status == 0
    done = compliance(project)
    assert (done.status, states(done)[("recover", "drill")]) == (1, "never")
    assert re.search(r"dry run \S+-recover-\S+ is no drill", project("compliance").out)
    assert drill(project).status == 0
    done = compliance(project)
    assert (done.status, states(done)) == (0, {("recover", "drill"): "ok", ("recover", "review"): "ok"})
    paid = next(one for one in done.json if one["kind"] == "drill")
    assert (paid["owner"], paid["policy"], paid["last_run"]) == (
        "engineering",
        ["BCDR-7"],
        project("runs", "--output", "json").json[0]["id"],
    )
    for day, expected in [(340, "due-soon"), (364, "due-soon"), (366, "overdue")]:
        then = compliance(project, "--on", today(day))
        assert states(then)[("recover", "drill")] == expected, day
        assert then.status == int(expected == "overdue")
    before = compliance(project, "--on", today(-1))
    assert states(before)[("recover", "drill")] == "never"


def test_a_failed_drill_counts_until_one_succeeds(project):
    assert drill(project).status == 0
    assert drill(project, "-e", "good=false").status == 1
    done = compliance(project)
    assert (done.status, states(done)[("recover", "drill")]) == (1, "failed")
    assert drill(project).status == 0
    assert compliance(project).status == 0


def test_what_was_changed_since_the_drill_is_told(project):
    assert drill(project).status == 0
    project.write("inventories/drill/hosts.yml", "all:\n  vars: {runbook_drill: true, more: 1}\n")
    done = compliance(project)
    assert (done.status, states(done)[("recover", "drill")]) == (0, "changed")
    assert next(one for one in done.json if one["kind"] == "drill")["changed"] == ["inventories/drill/hosts.yml"]
    assert compliance(project, "--strict").status == 1
    assert "changed since: inventories/drill/hosts.yml" in project("compliance").out
    assert states(compliance(project, "--on", today(400)))[("recover", "drill")] == "overdue"


def test_a_drill_that_went_on_with_a_changed_runbook_is_a_drill_of_that_one(project):
    book = BOOK % {"reviewed": today()}
    project.write("runbooks/recover.yml", book.replace('["good"]', '["1 == 2"]'))
    assert drill(project).status == 1
    project.write("runbooks/recover.yml", book)
    assert project("resume", "--yes", "--accept-changes").status == 0
    assert states(compliance(project))[("recover", "drill")] == "ok"
    project.write("runbooks/recover.yml", book + "# more\n")
    assert states(compliance(project))[("recover", "drill")] == "changed"


USES = """\
runbook: recover
drill: {every: 365d}
inputs:
  name: {default: app}
steps:
  - id: script
    script.run: {script: files/reindex.sh}
  - id: copy
    needs: [script]
    file.copy: {src: "files/{{ name }}.conf", dest: "%(root)s/app.conf"}
  - id: render
    loop: [one, two]
    file.template: {src: "./templates/{{ item }}.j2", dest: "%(root)s/{{ item }}"}
"""
USED = ["files/app.conf", "files/reindex.sh", "templates/one.j2", "templates/two.j2"]


def test_scripts_and_files_that_the_steps_read_are_what_was_drilled(project):
    project.write("runbooks/recover.yml", USES % {"root": project.root})
    for name in USED:
        project.write(name, "#!/bin/sh\ntrue\n")
    assert drill(project).status == 0
    before = project("plan", "recover", "-i", "drill", "--output", "json").json["fingerprint"]
    assert states(compliance(project))[("recover", "drill")] == "ok"
    for number, name in enumerate(USED, 1):
        project.write(name, "#!/bin/sh\nfalse\n")
        told = compliance(project).json
        assert next(one for one in told if one["kind"] == "drill")["changed"] == USED[:number]
    assert compliance(project, "--strict").status == 1
    assert project("plan", "recover", "-i", "drill", "--output", "json").json["fingerprint"] == before
    assert project("audit", "export", "last", "-o", "all.tar.gz").status == 0
    with tarfile.open(project.root / "all.tar.gz") as bundle:
        manifest = next(name for name in bundle.getnames() if name.endswith("manifest.json"))
        inputs = json.load(bundle.extractfile(manifest))["inputs"]
        assert not any("files/" in name or "templates/" in name for name in bundle.getnames())
    assert {one["name"] for one in inputs if not one["kept"]} >= set(USED)


@pytest.mark.parametrize(("reviewed", "expected"), [(today(-400), "overdue"), (today(-350), "due-soon")])
def test_a_review_goes_by_the_date_in_the_file(project, reviewed, expected):
    project.write("runbooks/recover.yml", BOOK % {"reviewed": reviewed})
    assert states(compliance(project))[("recover", "review")] == expected


def test_a_copy_may_be_no_older_than_the_recovery_point_objective(project):
    project.write("plugins/copying.py", PLUGIN)
    project.write("runbooks/export.yml", EXPORT % {"root": project.root})
    assert states(compliance(project))[("export", "copy")] == "never"
    assert project("run", "export", "--yes").status == 0
    assert states(compliance(project))[("export", "copy")] == "ok"
    assert states(compliance(project, "--on", today(2)))[("export", "copy")] == "overdue"


def test_a_runbook_that_cannot_be_read_is_no_compliance(project):
    project.write("runbooks/broken.yml", "runbook: broken\nsteps: 5\n")
    done = compliance(project)
    assert (done.status, states(done)[("broken", "file")]) == (1, "invalid")
    assert project("compliance", "--ics", "due.ics").status == 1
    events = Calendar.from_ical((project.root / "due.ics").read_bytes()).walk("VEVENT")
    due = {str(event["summary"]): event["dtstart"].dt for event in events}
    assert due["Mend broken"] == datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (("--dry-run",), "UPDATE runs SET mode = 'live'"),
        (("--drill", "-i", "drill", "--yes", "-e", "good=false"), "UPDATE runs SET status = 'succeeded'"),
        (("--drill", "-i", "drill", "--yes"), "UPDATE runs SET closed_at = replace(closed_at, '20', '21')"),
        (("--drill", "-i", "drill", "--yes", "-e", "good=false"), "UPDATE runs SET mode = 'dry-run'"),
        (("--drill", "-i", "drill", "--yes"), "UPDATE events SET body = replace(body, 'fence', 'fance') WHERE seq = 2"),
    ],
)
def test_a_record_that_was_changed_pays_for_nothing(project, words, change):
    assert project("run", "recover", *words).status in {0, 1}
    run = project("runs", "--output", "json").json[0]["id"]
    with closing(sqlite3.connect(project.root / ".runbook/journal.db")) as connection, connection:
        connection.execute(change)
    done = project("compliance")
    assert (done.status, run in done.err, done.out) == (6, True, "")


def test_the_calendar_is_one_that_others_read(project):
    assert drill(project).status == 0
    assert project("compliance", "--ics", "due.ics").status == 0
    events = Calendar.from_ical((project.root / "due.ics").read_bytes()).walk("VEVENT")
    due = {str(event["summary"]): event["dtstart"].dt for event in events}
    year = (datetime.now(UTC) + timedelta(days=365)).date()
    assert due["Drill recover"] == year
    assert set(due) == {"Drill recover", "Review recover"}
    assert {str(event["uid"]) for event in events} == {"drill.recover@runbook-engine", "review.recover@runbook-engine"}


def test_mistakes_are_told(project):
    assert project("compliance", "--on", "someday").status == 2
    assert project("compliance", "--within", "soon").status == 2
    assert project("compliance", "--ics", "no/such/folder/x").status == 2
    for path in (project.root / "runbooks").glob("*.yml"):
        path.unlink()
    none = project("compliance")
    assert (none.status, none.out) == (0, "")
