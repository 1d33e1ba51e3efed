"""The project as the monitor sees it: looks that hang or break, files that change, whom a drill tells."""

import pytest

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.monitor_world import ProjectWorld
from runbook_engine.app.project import open_project
from runbook_engine.execution.alarm_board import Owed
from runbook_engine.execution.alarm_rules import Look, alarm_of
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.event_monitor import Telling
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.testing import MemoryJournal

PLUGIN = '''
"""Checks that hang while a file is there, fail, or tell."""
import pathlib, time
from runbook_engine.sdk import Action, Applied, Params, satisfied, unknown

class One(Params):
    file: str = ""

class Hang(Action[One]):
    name = "odd.hang"
    Params = One
    def check(self, params, context):
        while pathlib.Path(params.file).exists():
            time.sleep(0.02)
        return satisfied("it is gone", outputs={"events": [{"id": "inc1"}]})

class Break(Action[One]):
    name = "odd.break"
    Params = One
    def check(self, params, context):
        raise SystemExit("by the plugin")

class Write(Action[One]):
    name = "odd.write"
    Params = One
    def check(self, params, context):
        context.http.request("POST", "http://127.0.0.1:9/")

class Tell(Action[One]):
    name = "odd.tell"
    Params = One
    def check(self, params, context):
        return unknown("would tell")
    def apply(self, params, context):
        to = context.recipients("email", audience=None, literal=["ops@example.com"])
        with pathlib.Path(params.file).open("a") as file:
            file.write(f"{context.run.mode} {context.run.token} {to}\\n")
        return Applied()
'''


@pytest.fixture
def make(tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "odd.py").write_text(PLUGIN)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbook.toml").write_text("")

    def made(*conditions, config="", hosts="", **more):
        for number, condition in enumerate(conditions):
            name = f"book-{number}"
            text = f"runbook: {name}\nsteps: [{{id: a, assert.that: {{that: [true]}}}}]\n"
            text += f"triggers: [{{when: {{{condition}}}, for: 0s}}]\n"
            (tmp_path / "runbooks" / f"{name}.yml").write_text(text)
        if hosts:
            (tmp_path / "hosts.yml").write_text(hosts)
        (tmp_path / "runbook.toml").write_text(("inventory = 'hosts.yml'\n" if hosts else "") + config)
        stop = CancelSignal()
        return ProjectWorld(open_project(tmp_path), MemoryJournal(), SystemClock(), stop, **more)

    return made


def looks(world, *names):
    return dict(world.look(names or tuple(world.watches), CancelSignal()))


def test_a_look_that_hangs_holds_nobody_up(make, tmp_path):
    file = tmp_path / "there"
    file.touch()
    world = make(f"odd.hang: {{file: {file}}}", "odd.hang: {file: /nowhere}")
    name, found = next(iter(world.look(tuple(world.watches), CancelSignal())))
    assert (name, found.verdict) == ("book-1/1", "holds")
    file.unlink()


def test_a_look_that_hangs_is_unknown_and_is_not_begun_twice(make, tmp_path):
    file = tmp_path / "there"
    file.touch()
    world = make(f"odd.hang: {{file: {file}}}", patience=0.3)
    found = looks(world)["book-0/1"]
    assert (found.verdict, found.why) == ("unknown", "no answer within 0.3 s")
    assert looks(world, "book-0/1")["book-0/1"].why == "the look before this one still goes on"
    file.unlink()
    while (found := looks(world, "book-0/1")["book-0/1"]).verdict == "unknown":
        assert "goes on" in found.why
    assert (found.verdict, found.incidents) == ("holds", ("inc1",))


@pytest.mark.parametrize(("condition", "why"), [("odd.break: {}", "by the plugin"), ("odd.write: {}", "not a read")])
def test_whatever_a_plugin_does_in_its_check_means_that_nobody_can_tell(make, condition, why):
    (found,) = looks(make(condition)).values()
    assert found.verdict == "unknown"
    assert why in found.why


@pytest.mark.parametrize(
    ("drill", "expected"), [("", "live TOKEN ('ops@example.com',)"), ("true", "drill TOKEN ('drill@example.com',)")]
)
def test_a_drills_inventory_tells_sandboxes_only_and_the_token_stays_the_same(make, tmp_path, drill, expected):
    told = tmp_path / "told"
    config = f"sandbox = ['drill@example.com']\n[[monitor.tell]]\n'odd.tell' = {{file = '{told}'}}\n"
    hosts = f"all: {{vars: {{runbook_drill: {drill}}}}}\n" if drill else "all: {}\n"
    world = make("odd.hang: {file: /nowhere}", config=config, hosts=hosts)
    assert not told.exists(), "a rehearsal of the message sends nothing"
    (watch,) = world.watches.values()
    alarm = alarm_of("propose", watch, Look("holds", SystemClock().now()), SystemClock().now())
    for _ in range(2):
        assert world.tell(Owed(alarm, "raised", world.channels[0], Telling())).outcome == "changed"
    first, second = told.read_text().splitlines()
    assert first == second
    mode, token, rest = first.split(" ", 2)
    assert f"{mode} TOKEN {rest}" == expected
    world.tell(Owed(alarm, "over", world.channels[0], Telling()))
    assert token not in told.read_text().splitlines()[-1]


def test_files_that_changed_are_read_and_what_is_wrong_is_told_once(make, tmp_path):
    world = make("odd.hang: {}")
    assert world.refresh() == ""
    other = tmp_path / "runbooks" / "book-1.yml"
    other.write_text("runbook: book-1\ntriggers: [{when: {odd.hang: {fil: x}}, for: 0s}]\n")
    said = world.refresh()
    assert "what they said before is watched on" in said
    assert "fil" in said
    assert world.refresh() == ""
    assert list(world.watches) == ["book-0/1"]
    other.write_text((tmp_path / "runbooks" / "book-0.yml").read_text().replace("book-0", "book-1"))
    assert world.refresh() == "the files changed: 2 triggers are watched now"
    assert list(world.watches) == ["book-0/1", "book-1/1"]


def test_runbooks_without_triggers_may_be_wrong_and_those_that_can_not_be_read_may_not(make, tmp_path):
    (tmp_path / "runbooks" / "other.yml").write_text("runbook: other\nsteps: [{id: a, no.such: {}}]\n")
    assert len(make("odd.hang: {}").watches) == 1
    (tmp_path / "runbooks" / "other.yml").write_text("runbook: [\n")
    with pytest.raises(InvalidInputError, match="nothing is watched"):
        make("odd.hang: {}")
