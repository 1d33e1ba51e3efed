"""What goes wrong between us and an instance behind Systems Manager, and what its history must not tell."""

import os
import threading
import time
from pathlib import Path

import pytest
from support.processes import unique
from support.ssm import INSTANCE, SsmPeer

from runbook_engine.connections.factory import HostConnections
from runbook_engine.connections.ssm_calls import SsmCalls
from runbook_engine.sdk import (
    Command,
    CommandTimeoutError,
    DetachedState,
    DetachedStatus,
    NoConnectionError,
    RunbookError,
    Target,
    TargetUnreachableError,
)

TRUE = Command(("true",))


@pytest.fixture
def peer(tmp_path, monkeypatch):
    made = SsmPeer(tmp_path / "ssm")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


def target(**variables):
    return Target(
        name="box",
        variables={
            "ansible_connection": "amazon.aws.aws_ssm",
            "ansible_aws_ssm_region": "eu-central-1",
            "ansible_host": INSTANCE,
            **variables,
        },
    )


@pytest.fixture
def hosts():
    made = HostConnections()
    yield made
    made.close()


@pytest.fixture
def box(peer, hosts):
    return hosts.open(target())


@pytest.mark.parametrize("details", ["Undeliverable", "DeliveryTimedOut", "Delivery Timed Out"])
def test_an_instance_that_takes_no_command_was_not_reached(peer, box, details):
    peer.offline[INSTANCE] = details
    with pytest.raises(NoConnectionError, match=details) as caught:
        box.run(TRUE, timeout=20)
    assert "describe-instance-information" in caught.value.hint
    peer.offline.clear()
    assert box.run(TRUE, timeout=20).exit_status == 0


def test_an_instance_that_nobody_knows_was_not_reached(peer, hosts):
    with pytest.raises(NoConnectionError, match="InvalidInstanceId"):
        hosts.open(target(ansible_host="i-00000000000000000")).run(TRUE, timeout=20)


def test_a_command_that_can_not_be_looked_at_yet_is_no_error(peer, box):
    peer.appears = 0.8
    assert box.run(Command(("echo", "in")), timeout=60).stdout == b"in\n"


def test_throttling_is_waited_out(peer, box):
    peer.throttle = 2
    assert box.run(Command(("echo", "in")), timeout=60).stdout == b"in\n"


def test_a_start_whose_answer_was_lost_is_sent_again_and_runs_once(peer, box, tmp_path):
    box.run(TRUE, timeout=30)
    peer.lose = 1
    before = peer.sends
    script = f"echo x >>{tmp_path / 'ran'}; echo out"
    result = box.run_detached(Command(("sh", "-c", script)), token=unique("lost"), timeout=60)
    assert (result.exit_status, result.stdout) == (0, b"out\n")
    assert (tmp_path / "ran").read_text() == "x\n"
    assert peer.sends > before + 1


def test_a_start_that_is_sent_twice_at_once_gives_one_answer(peer, box, tmp_path, monkeypatch):
    """The first start has not even opened its input when the second one looks for what became of it."""
    box.run(TRUE, timeout=30)
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "setsid").write_text('#!/bin/sh\nsleep 1.5\nexec /usr/bin/setsid "$@"\n')
    (slow / "setsid").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}{os.pathsep}{os.environ['PATH']}")
    peer.lose = 1
    result = box.run_detached(Command(("sh", "-c", "echo out; exit 3")), token=unique("twice"), timeout=60)
    assert (result.exit_status, result.stdout) == (3, b"out\n")


def test_without_credentials_it_is_told_what_to_set(peer, hosts, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(NoConnectionError, match="credentials") as caught:
        hosts.open(target()).run(TRUE, timeout=20)
    assert "AWS_PROFILE" in caught.value.hint
    with pytest.raises(NoConnectionError, match="nobodys"):
        hosts.open(target(ansible_aws_ssm_profile="nobodys")).run(TRUE, timeout=20)


def test_a_service_that_is_away_is_unreachable(hosts, tmp_path, monkeypatch):
    gone = SsmPeer(tmp_path / "gone")
    gone.close()
    for name, value in gone.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TargetUnreachableError, match="no answer"):
        hosts.open(target()).run(TRUE, timeout=20)


def test_a_command_that_no_agent_begins_is_cancelled(peer):
    from runbook_engine.connections.aws import AwsSession

    peer.hold = 60
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds

    session = AwsSession()
    calls = SsmCalls(
        "box", INSTANCE, lambda: session.client("ssm", region="eu-central-1", read_only=False), 45,
        sleep=sleep, now=lambda: clock[0],
    )  # fmt: skip
    with pytest.raises(TargetUnreachableError, match="did not end within 80 s"):
        calls.run("true", 5)
    assert peer.cancelled == 1


def test_a_timeout_ends_the_command_on_the_instance(peer, box, tmp_path):
    pid = tmp_path / "pid"
    with pytest.raises(CommandTimeoutError) as caught:
        box.run(Command(("sh", "-c", f"echo $$ >{pid}; exec sleep 300")), timeout=1)
    assert caught.value.killed
    assert not Path(f"/proc/{pid.read_text().strip()}/fd/0").exists()


def test_a_detached_command_outlives_the_engine_and_is_found_by_another(peer, hosts, tmp_path):
    go, ran = tmp_path / "go", tmp_path / "ran"
    command = Command(("sh", "-c", f"echo x >>{ran}; while [ ! -e {go} ]; do sleep 0.05; done; echo end; exit 6"))
    ends = []

    def first():
        try:
            ends.append(hosts.open(target()).run_detached(command, token=unique("outlives"), timeout=60))
        except RunbookError as error:
            ends.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    until = time.monotonic() + 20
    while not ran.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    other = HostConnections()  # another engine, with a session and a key of its own
    there = other.open(target())
    assert there.probe_detached(unique("outlives")) == DetachedState(DetachedStatus.RUNNING)
    go.touch()
    result = there.run_detached(command, token=unique("outlives"), timeout=60)
    thread.join()
    assert (result.exit_status, result.stdout, result.reattached) == (6, b"end\n", True)
    assert ran.read_text() == "x\n"
    assert other.close() == []


def test_the_history_tells_no_secret_and_nothing_stays_on_the_instance(peer, box, hosts, tmp_path):
    words = [f"s3cr3t-{name}" for name in ("argument", "input", "variable", "output", "file", "sudo")]
    argument, given, variable, said, content, _ = words
    box.run(
        Command(("sh", "-c", f"cat >/dev/null; echo s3cr3t-out''put; : {argument}"), given.encode(), None,
                {"TOKEN": variable}),
        timeout=60,
    )  # fmt: skip
    box.write(str(tmp_path / "file"), content.encode() * 10)
    assert box.read(str(tmp_path / "file"), limit=1000) == content.encode() * 10
    assert box.run(Command(("echo", said)), timeout=60).stdout == said.encode() + b"\n"
    history = peer.history
    assert len(peer.commands) > 3
    for word in words:
        assert word not in history
    assert hosts.close() == []
    left = [path for path in peer.home().rglob("*") if path.is_file()]
    assert left == []


def test_what_is_longer_than_one_call_can_carry_comes_whole(peer, box, tmp_path):
    content = os.urandom(100_000)
    box.write(str(tmp_path / "big"), content)
    assert box.read(str(tmp_path / "big"), limit=len(content)) == content
    both = box.run(Command(("sh", "-c", "tee /dev/stderr"), content[:40_000]), timeout=60)
    assert both.stdout == both.stderr == content[:40_000]
    assert max(len(one.stdout) for one in peer.commands.values()) <= 24_000


def test_a_session_that_somebody_removed_is_made_anew(peer, box):
    assert box.run(TRUE, timeout=30).exit_status == 0
    for folder in (peer.home() / ".runbook" / "ssm").iterdir():
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
    with pytest.raises(TargetUnreachableError, match="folder"):
        box.run(TRUE, timeout=30)
    assert box.run(Command(("echo", "again")), timeout=30).stdout == b"again\n"


def test_an_instance_without_a_tool_says_which(peer, box, monkeypatch, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "mkdir", "id", "cut", "find", "rm", "gzip", "base64", "setsid"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}" if Path(f"/usr/bin/{tool}").exists() else f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(TargetUnreachableError, match="openssl is not installed"):
        box.run(TRUE, timeout=20)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ansible_host": "10.0.0.1"}, "the id of its instance is not known"),
        ({"ansible_aws_ssm_instance_id": "web1"}, "is no instance's id"),
        ({"ansible_aws_ssm_region": ""}, "its AWS region is not known"),
        ({"ansible_aws_ssm_timeout": "soon"}, "no number of seconds"),
    ],
)
def test_what_lacks_is_told_with_the_target(peer, hosts, variables, words):
    with pytest.raises(RunbookError, match=words) as caught:
        hosts.open(target(**variables))
    assert caught.value.message.startswith("box: ")


def test_the_inventory_of_ec2_tells_instance_and_region(peer, hosts):
    found = Target(
        name="web",
        variables={
            "ansible_connection": "ssm",
            "ansible_host": "10.0.0.1",
            "instance_id": INSTANCE,
            "placement": {"region": "eu-west-1"},
        },
    )
    assert hosts.open(found).run(TRUE, timeout=30).exit_status == 0
