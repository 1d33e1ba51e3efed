"""`on_failure: revert`: when such a step fails, the run ends, and what it changed is taken back at the targets."""

import json

import pytest

BOOK = """\
runbook: shift
steps:
  - id: first
    command.run: {shell: "echo first >> %(root)s/done"}
    revert:
      command.run: {shell: "%(before)secho first >> %(root)s/undone"}
  - id: second
    needs: [first]
    command.run: {shell: "echo second >> %(root)s/done"}
    revert:
      command.run: {shell: "echo second >> %(root)s/undone"}
  - id: told
    needs: [second]
    command.run: {shell: "echo told >> %(root)s/done"}
  - id: deploy
    needs: [told]
    on_failure: revert
    command.run: {argv: [test, -e, "%(root)s/ready"]}
  - id: aside
    needs: [told]
    command.run: {shell: "sleep 1; echo aside >> %(root)s/done"}
  - id: later
    needs: [aside]
    command.run: {shell: "echo later >> %(root)s/done"}
  - id: clean
    needs: [deploy]
    always: true
    command.run: {shell: "echo clean >> %(root)s/done"}
"""


@pytest.fixture
def shift(runbook):
    runbook.write("runbooks/shift.yml", BOOK % {"root": runbook.root, "before": ""})
    return runbook


def lines(runbook, name):
    path = runbook.root / name
    return path.read_text().splitlines() if path.exists() else []


def test_validate_names_what_would_stay(shift):
    done = shift("validate", "shift")
    assert done.status == 0, done.err
    assert "RB217" in done.out + done.err
    assert "can't be taken back: told" in done.out + done.err


def test_the_run_ends_and_is_taken_back_newest_first(shift):
    done = shift("run", "shift", "--yes", "--output", "json")
    assert done.status == 1, done.err
    assert lines(shift, "done") == ["first", "second", "told", "aside", "clean"]
    assert lines(shift, "undone") == ["second", "first"]
    assert "stays as it is: told (1 task)" in done.err
    assert done.err.index("stays as it is: told") < done.err.index("second@localhost", done.err.index("stays as it is"))
    assert "failed and was taken back, by run" in done.err
    assert done.json["status"] == "failed"
    assert ("revert", "deploy@localhost: what the run changed is taken back") in [
        (one["kind"], one["what"]) for one in done.json["deviations"]
    ]
    runs = json.loads(shift("runs", "--output", "json").out)
    assert [run["status"] for run in runs] == ["succeeded", "failed"]
    undo = shift("audit", "log", "last", "--output", "json").json[0]["event"]
    assert (undo["reverts"], undo["note"]) == (runs[1]["id"], f"step deploy of run {runs[1]['id']} failed")
    again = shift("resume", runs[1]["id"], "--yes")
    assert (again.status, "was taken back by run" in again.err) == (2, True)
    newest = shift("resume", "--yes")
    assert (newest.status, "no run can be resumed" in newest.err) == (2, True)
    watched = shift("watch", runs[1]["id"])
    assert (watched.status, "failed and was taken back, by run" in watched.err) == (1, True), watched.err
    assert watched.err.index("later@localhost") < watched.err.index("second@localhost", watched.err.index("later@"))
    assert shift("audit", "verify").status == 0


def test_what_goes_well_is_not_taken_back(shift):
    shift.write("ready", "")
    assert shift("run", "shift", "--yes").status == 0
    assert lines(shift, "undone") == []


def test_a_dry_run_and_the_plan_say_what_would_be_taken_back(shift):
    done = shift("run", "shift", "--dry-run")
    assert done.status == 0, done.err
    assert lines(shift, "undone") == lines(shift, "done") == []
    assert "if deploy fails, what changed is undone: second, first; what told," in done.err
    assert not any(run["status"] == "failed" for run in json.loads(shift("runs", "--output", "json").out))


def test_killed_while_it_takes_back_it_goes_on_and_undoes_nothing_twice(shift):
    kill = "test -e %(root)s/once || { touch %(root)s/once; kill -9 $(cat %(root)s/engine.pid); }; "
    shift.write("runbooks/shift.yml", BOOK % {"root": shift.root, "before": kill % {"root": shift.root}})
    process = shift.start("run", "shift", "--yes")
    (shift.root / "engine.pid").write_text(str(process.pid))
    process.communicate(timeout=120)
    assert process.returncode == -9
    runs = json.loads(shift("runs", "--output", "json").out)
    assert [run["status"] for run in runs] == ["open", "failed"]
    done = shift("resume", "--yes")
    assert done.status == 0, done.err
    assert lines(shift, "undone") == ["second", "first"]
    assert lines(shift, "done").count("first") == 1


def test_who_watches_the_run_sees_it_taken_back(shift):
    begun = shift("run", "shift", "--yes", "--detach", "--output", "json")
    assert begun.status == 0, begun.err
    watched = shift("watch", begun.json["id"])
    assert watched.status == 1
    assert f"run {begun.json['id']} failed and was taken back, by run" in watched.err
    assert lines(shift, "undone") == ["second", "first"]
