"""command.run, script.run, file.* and wait.for on this machine."""

import pytest

from runbook_engine.actions.command import CommandRun
from runbook_engine.actions.files import FileCopy, FileTemplate
from runbook_engine.actions.script import ScriptRun
from runbook_engine.actions.wait_for import WaitFor
from runbook_engine.sdk import ActionFailedError, ReadOnlyError


def test_command_runs_once_for_one_token_and_then_is_unchanged(real, step, tmp_path):
    params = {"shell": f"echo ran >> {tmp_path}/log; echo hello", "creates": f"{tmp_path}/log"}
    outcome, _, outputs = step(CommandRun(), params, real())
    assert outcome == "changed"
    assert outputs["stdout"] == "hello"
    outcome, *_ = step(CommandRun(), params, real())
    assert outcome == "unchanged"
    assert (tmp_path / "log").read_text() == "ran\n"


def test_the_same_attempt_again_reads_how_the_command_ended(real, tmp_path):
    action, context = CommandRun(), real()
    params = {"shell": f"echo ran >> {tmp_path}/log; exit 3", "ok_exit_statuses": [3]}
    first = action.apply(action.Params(**params), context)
    again = action.apply(action.Params(**params), real())
    assert again.outputs == first.outputs
    assert "earlier start" in again.summary
    assert (tmp_path / "log").read_text() == "ran\n"


def test_command_gets_stdin_environment_and_folder(real, step, tmp_path):
    params = {
        "shell": 'cat; echo "$COLOUR"; pwd',
        "stdin": "in\n",
        "environment": {"COLOUR": "red"},
        "cwd": str(tmp_path),
    }
    _, _, outputs = step(CommandRun(), params, real())
    assert outputs["stdout"] == f"in\nred\n{tmp_path}"


def test_a_check_runs_only_the_probes_that_are_declared(real, tmp_path):
    action, context = CommandRun(), real()
    params = action.Params(argv=["true"], unless=["test", "-e", str(tmp_path)])
    assert action.check(params, context.reading(action, params)).satisfied
    other = action.Params(argv=["true"], unless=["touch", str(tmp_path / "x")])
    with pytest.raises(ReadOnlyError):
        action.check(other, context.reading(action, params))
    assert not (tmp_path / "x").exists()


def test_script_runs_by_its_own_interpreter_and_is_removed(real, step, tmp_path):
    script = b"#!/usr/bin/env python3\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"
    params = {"script": "x.py", "args": ["a b", "$HOME"], "directory": str(tmp_path), "parse": "json"}
    _, _, outputs = step(ScriptRun(), params, real(project={"x.py": script}))
    assert outputs["json"] == ["a b", "$HOME"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_failing_script_is_removed_as_well(real, step, tmp_path):
    with pytest.raises(ActionFailedError, match="exit status 9 on localhost:\nbad news"):
        step(
            ScriptRun(),
            {"script": "x", "directory": str(tmp_path)},
            real(project={"x": b"echo bad news >&2; exit 9"}),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_file_is_copied_with_its_mode_and_then_unchanged(real, step, tmp_path):
    params = {"src": "app.conf", "dest": f"{tmp_path}/etc/app.conf", "mode": "0640", "parents": True}
    context = real(project={"app.conf": b"role=standby\n"})
    outcome, _, outputs = step(FileCopy(), params, context)
    file = tmp_path / "etc" / "app.conf"
    assert (outcome, outputs["size"]) == ("changed", 13)
    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (b"role=standby\n", 0o640)
    assert step(FileCopy(), params, context)[0] == "unchanged"


def test_a_file_keeps_its_mode_when_none_is_wanted(real, step, tmp_path):
    file = tmp_path / "app.conf"
    file.write_text("old")
    file.chmod(0o600)
    step(FileCopy(), {"content": "new", "dest": str(file)}, real())
    assert (file.read_text(), file.stat().st_mode & 0o7777) == ("new", 0o600)


def test_a_link_is_replaced_and_what_it_points_to_is_left(real, step, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    step(FileCopy(), {"content": "new", "dest": f"{tmp_path}/link"}, real())
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "link").read_text() == "new"


def test_a_link_to_the_same_content_is_not_the_file(real, step, tmp_path):
    (tmp_path / "other").write_text("same")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    assert step(FileCopy(), {"content": "same", "dest": f"{tmp_path}/link"}, real())[0] == "changed"
    assert not (tmp_path / "link").is_symlink()


def test_template_shows_its_diff(real, tmp_path):
    file = tmp_path / "app.conf"
    file.write_text("role=primary\nport=80\n")
    context = real(project={"t": b"role={{ role }}\nport=80\n"}, renderer=lambda t: t.replace("{{ role }}", "standby"))
    action = FileTemplate()
    params = action.Params(src="t", dest=str(file))
    finding = action.check(params, context.reading(action, params))
    assert finding.changes[0].after.splitlines()[2:] == [
        "@@ -1,2 +1,2 @@",
        "-role=primary",
        "+role=standby",
        " port=80",
    ]


def test_wait_for_a_path_that_comes(real, step, tmp_path):
    context = real(on_pause=(tmp_path / "ready").touch)
    assert step(WaitFor(), {"path": f"{tmp_path}/ready", "poll": "1s"}, context)[0] == "changed"
    assert context.progress_texts == [f"{tmp_path}/ready is not there"]
