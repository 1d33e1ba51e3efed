"""From an empty folder to a report: what the starter project promises."""

import json
from xml.etree import ElementTree as ET

from jsonschema import Draft202012Validator


def test_init_makes_a_project_that_validates_and_runs(runbook, tmp_path):
    made = runbook("init", "new", cwd=tmp_path)
    assert made.status == 0
    root = tmp_path / "new"
    assert runbook("validate", "--strict", cwd=root).status == 0
    assert runbook("run", "restore-settings", "--dry-run", cwd=root).status == 0
    assert not (root / ".runbook/example-app").exists()
    assert runbook("run", "restore-settings", "--yes", cwd=root).status == 0
    restored = root / ".runbook/example-app/active.json"
    assert json.loads(restored.read_text()) == json.loads((root / "files/settings.json").read_text())


def test_init_overwrites_nothing(runbook):
    (runbook.root / "team.yml").write_text("mine")
    again = runbook("init", ".")
    assert again.status == 2
    assert "team.yml" in again.err
    assert (runbook.root / "team.yml").read_text() == "mine"


def test_a_second_run_changes_nothing(runbook):
    first = runbook("run", "restore-settings", "--yes", "--output", "json")
    second = runbook("run", "restore-settings", "--yes", "--output", "json")
    assert first.json["counts"] == {"skipped": 1, "changed": 2, "unchanged": 1}
    assert second.json["counts"] == {"skipped": 1, "unchanged": 3}


def test_the_dry_run_says_how_much_it_proved(runbook):
    dry = runbook("run", "restore-settings", "--dry-run")
    assert "% of the plan proven" in dry.out
    assert "would-change" in dry.err


def test_the_plan_is_shown_before_the_run_and_the_result_is_alone_on_stdout(runbook):
    ran = runbook("run", "restore-settings", "--yes", "--output", "json", "--note", "Tuesday's drill")
    assert ran.err.index("critical path: declare → restore → activate → verify") < ran.err.index("changed")
    assert ran.json["note"] == "Tuesday's drill"
    assert ran.json["status"] == "succeeded"


def test_ndjson_gives_each_event_of_the_journal(runbook):
    ran = runbook("run", "restore-settings", "--yes", "--output", "ndjson")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    logged = runbook("audit", "log", "last", "--output", "json").json
    assert lines == logged
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["event"]["kind"] == "run.closed"


def test_every_report_format_tells_of_the_run(runbook, tmp_path):
    runbook("run", "restore-settings", "--yes")
    assert runbook("report", "last", "--format", "json").json["status"] == "succeeded"
    assert "succeeded" in runbook("report", "last").out
    assert ET.fromstring(runbook("report", "last", "--format", "junit").out).tag == "testsuites"
    page = tmp_path / "report.html"
    written = runbook("report", "last", "--format", "html", "-o", str(page))
    assert written.out == ""
    assert "Restore the application" in page.read_text(encoding="utf-8")


def test_runs_and_status_tell_what_the_journal_has(runbook):
    runbook("run", "restore-settings", "--dry-run")
    runbook("run", "restore-settings", "--yes")
    runs = runbook("runs", "--output", "json").json
    assert [(run["mode"], run["status"]) for run in runs] == [("live", "succeeded"), ("dry-run", "succeeded")]
    status = runbook("status", runs[1]["id"][:-1], "--output", "json").json
    assert (status["id"], status["status"], status["ended"]) == (runs[1]["id"], "succeeded", 4)


def test_the_graph_is_coloured_by_a_run(runbook):
    runbook("run", "restore-settings", "--yes")
    graph = json.loads(runbook("graph", "restore-settings", "--format", "json", "--run", "last").out)
    assert {node["id"]: node["outcome"] for node in graph["nodes"]} == {
        "declare": "skipped",
        "restore": "changed",
        "activate": "changed",
        "verify": "unchanged",
    }
    drawn = ET.fromstring(runbook("graph", "restore-settings", "--format", "svg", "--run", "last").out)
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_schema_accepts_the_starters_runbook(runbook):
    import yaml

    schema = runbook("schema").json
    Draft202012Validator.check_schema(schema)
    document = yaml.safe_load((runbook.root / "runbooks/restore-settings.yml").read_text())
    Draft202012Validator(schema).validate(document)


def test_actions_are_listed_with_plugins_of_the_project(runbook):
    runbook.write(
        "plugins/siren.py",
        "from runbook_engine.sdk import Action, Params, satisfied\n"
        "class Nothing(Params):\n    '''No parameters.'''\n"
        "class Siren(Action[Nothing]):\n"
        "    '''Verify that the siren is silent.'''\n"
        "    name = 'siren.silent'\n    Params = Nothing\n"
        "    def check(self, params, context):\n        return satisfied('silent')\n",
    )
    listed = {action["name"]: action for action in runbook("actions", "--output", "json").json}
    assert listed["siren.silent"]["kind"] == "verify"
    assert listed["command.run"]["kind"] == "change"
    assert listed["gate.approval"]["kind"] == "gate"
    described = runbook("actions", "command.run").out
    assert "argv" in described
    assert "Example:" in described
    unknown = runbook("actions", "comand.run")
    assert unknown.status == 2
    assert 'did you mean "command.run"' in unknown.err


def test_doctor_is_content_with_a_good_project_and_not_with_a_damaged_one(runbook):
    assert runbook("doctor").status == 0
    runbook.write("team.yml", "people: 7\n")
    ill = runbook("doctor", "--output", "json")
    assert ill.status == 1
    assert [check["name"] for check in ill.json if check["level"] == "wrong"] == ["team"]
