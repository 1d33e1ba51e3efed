"""The fakes behave as the real hands do, where an action could tell."""

import threading

import pytest

from runbook_engine.sdk import Command, CommandResult, DeadlineError, FileAccessError, MailServer, Mode, ReadOnlyError
from runbook_engine.testing import (
    FakeAws,
    FakeConnection,
    FakeHttp,
    FakeSql,
    ManualClock,
    MemoryMailer,
    http_answer,
    make_context,
)


def test_read_only_hands_refuse_every_change():
    connection = FakeConnection({"/a": "x"}, {("ls",): CommandResult(0)}).read_only([("ls",)])
    assert connection.run(Command(("ls",)), timeout=1).exit_status == 0
    for change in (
        lambda: connection.run(Command(("rm",)), timeout=1),
        lambda: connection.run_detached(Command(("ls",)), token="t", timeout=1),
        lambda: connection.write("/a", b""),
        lambda: connection.remove("/a"),
        lambda: connection.make_directory("/d"),
        lambda: connection.set_mode("/a", 0o600),
        lambda: FakeAws({"s3:put_object": {}}).client("s3", region="eu-west-1", read_only=True).call("put_object"),
        lambda: FakeHttp({"POST http://a": http_answer()}).read_only().request("POST", "http://a"),
        lambda: FakeSql({"DELETE": []}).read_only().query("DELETE"),
        lambda: MemoryMailer().read_only().send(MailServer("smtp"), None, ["a@example.com"], timeout=1),
    ):
        with pytest.raises(ReadOnlyError):
            change()
    assert connection.files["/a"].content == b"x"


def test_detached_command_runs_once_for_a_token():
    connection = FakeConnection(commands={("go",): [CommandResult(3), CommandResult(4)]})
    first = connection.run_detached(Command(("go",)), token="t", timeout=1)
    again = connection.run_detached(Command(("go",)), token="t", timeout=1)
    other = connection.run_detached(Command(("go",)), token="u", timeout=1)
    assert (first.exit_status, again.exit_status, again.reattached, other.exit_status) == (3, 3, True, 4)
    assert connection.calls == ["start go", "start go"]


def test_folder_of_a_new_file_must_be_there():
    connection = FakeConnection({"/etc/app/a": "x"})
    connection.write("/etc/app/b", b"y")
    assert connection.listdir("/etc/app") == ("a", "b")
    assert connection.stat("/etc").kind == "directory"
    with pytest.raises(FileAccessError, match="the folder of /srv/c is not there"):
        connection.write("/srv/c", b"")


def test_pause_never_passes_the_timeout():
    context = make_context(timeout=10.0)
    context.pause(6)
    with pytest.raises(DeadlineError):
        context.pause(6)
    assert (context.clock.monotonic(), context.remaining()) == (10.0, 0.0)


def test_drill_sends_to_the_sandbox_whoever_is_named():
    context = make_context(sandbox=["sink@example.com"], audiences={"customers": ["a@example.com"]})
    context.run = context.run.model_copy(update={"mode": Mode.DRILL})
    assert context.recipients("email", audience="customers", literal=()) == ("sink@example.com",)
    assert context.recipients("email", audience=None, literal=["b@example.com"]) == ("sink@example.com",)


def test_manual_clock_jumps_without_time_passing():
    clock = ManualClock()
    before = clock.now()
    clock.jump(-3600)
    assert clock.monotonic() == 0.0
    clock.sleep(60)
    assert (before - clock.now()).total_seconds() == 3540
    event = threading.Event()
    assert not clock.wait(event, 5)
    event.set()
    assert clock.wait(event, 5)
    assert clock.monotonic() == 65.0
