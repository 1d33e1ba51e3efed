"""Hands: who gets a message in which mode, and which files are the project's."""

import os

import pytest

from runbook_engine.app.hands import EngineHands
from runbook_engine.app.project_file import read_project_file
from runbook_engine.connections.factory import HostConnections
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.outcome import Mode
from runbook_engine.model.team import Audience, Person, Sandbox, Team
from runbook_engine.ports.action import ActionFailedError
from runbook_engine.ports.secrets import SecretError

TEAM = Team(
    audiences={
        "customers": Audience(
            email=("all@example.com",),
            slack=("env:SLACK",),
            sandbox=Sandbox(email=("drill@example.com",), slack=("env:SLACK_DRILL",)),
        ),
        "bare": Audience(email=("bare@example.com",)),
    }
)


def to(tmp_path, mode, audience=None, literal=(), sandbox=("sand@example.com",), channel="email", team=TEAM):
    known = Sandbox(email=sandbox)
    hands = EngineHands(tmp_path, team, HostConnections(), sandbox=known, resolve=lambda reference: f"<{reference}>")
    return hands.recipients(channel, mode=mode, audience=audience, literal=list(literal))


def test_a_live_run_writes_to_the_audience_and_to_those_named(tmp_path):
    assert to(tmp_path, Mode.LIVE, "customers", ["x@example.com"]) == ("all@example.com", "x@example.com")
    assert to(tmp_path, Mode.LIVE, None, ["x@example.com"]) == ("x@example.com",)


def test_a_drill_writes_to_sandboxes_only(tmp_path):
    assert to(tmp_path, Mode.DRILL, "customers") == ("drill@example.com",)
    assert to(tmp_path, Mode.DRILL, None, ["x@example.com"]) == ("sand@example.com",)
    assert "x@example.com" not in to(tmp_path, Mode.DRILL, "customers", ["x@example.com"])


def test_a_drill_without_a_sandbox_refuses_rather_than_tell_customers(tmp_path):
    with pytest.raises(ActionFailedError, match="bare has no sandbox"):
        to(tmp_path, Mode.DRILL, "bare")
    with pytest.raises(ActionFailedError, match="names no sandbox"):
        to(tmp_path, Mode.DRILL, None, ["x@example.com"], sandbox=())


def test_other_channels_are_reached_by_their_secrets(tmp_path):
    assert to(tmp_path, Mode.LIVE, "customers", channel="slack") == ("<env:SLACK>",)
    assert to(tmp_path, Mode.DRILL, "customers", channel="slack") == ("<env:SLACK_DRILL>",)
    assert to(tmp_path, Mode.LIVE, "customers", channel="teams") == ()
    with pytest.raises(ActionFailedError, match="no sandbox for teams"):
        to(tmp_path, Mode.DRILL, "customers", channel="teams")
    with pytest.raises(ActionFailedError, match="names no sandbox for slack"):
        to(tmp_path, Mode.DRILL, None, ["https://x"], channel="slack")


def test_a_drill_refuses_a_sandbox_whose_secret_is_a_real_address_under_another_name(tmp_path):
    held = {"env:SLACK": "https://chat/real", "env:SLACK_DRILL": "https://chat/real"}  # copied by mistake

    def resolve(reference):
        if reference not in held:
            raise SecretError("there is none")
        return held[reference]

    hands = EngineHands(tmp_path, TEAM, HostConnections(), sandbox=Sandbox(), resolve=resolve)
    with pytest.raises(ActionFailedError, match="one of customers") as failed:
        hands.recipients("slack", mode=Mode.DRILL, audience="customers", literal=[])
    assert "https://chat/real" not in failed.value.message
    del held["env:SLACK"]  # a machine for drills has no real ones
    assert hands.recipients("slack", mode=Mode.DRILL, audience="customers", literal=[]) == ("https://chat/real",)


def test_a_drill_refuses_a_sandbox_that_is_a_real_address(tmp_path):
    with pytest.raises(ActionFailedError, match=r"the sandbox's ALL@example\.com is one of customers"):
        to(tmp_path, Mode.DRILL, None, ["x@example.com"], sandbox=("ALL@example.com",))
    known = TEAM.audiences["customers"].model_copy(
        update={"sandbox": Sandbox(email=("all@example.com",), slack=("env:SLACK",))}
    )
    team = TEAM.model_copy(update={"audiences": {"customers": known}})
    for channel in ("email", "slack"):
        with pytest.raises(ActionFailedError, match="a drill sends nothing to real addresses"):
            to(tmp_path, Mode.DRILL, "customers", channel=channel, team=team)
    ours = team.model_copy(update={"people": {"dana": Person(name="Dana", email="all@example.com")}})
    assert to(tmp_path, Mode.DRILL, "customers", team=ours) == ("all@example.com",)


def test_an_unknown_audience_names_those_there_are(tmp_path):
    with pytest.raises(ActionFailedError) as raised:
        to(tmp_path, Mode.LIVE, "custmers")
    assert "customers" in raised.value.hint


def test_files_of_the_project_are_read(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"x")
    assert read_project_file(tmp_path, "a/b.txt") == b"x"
    assert read_project_file(tmp_path, "a/../a/b.txt") == b"x"


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "link", "folder", "pipe", "a/../../secret"])
def test_everything_else_is_refused(tmp_path, path):
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "secret").write_text("s")
    (project / "link").symlink_to(tmp_path / "secret")
    (project / "folder").mkdir()
    os.mkfifo(project / "pipe")
    with pytest.raises(RunbookError):
        read_project_file(project, path)
