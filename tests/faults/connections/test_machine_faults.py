"""A machine whose packets are dropped without a word, and one that reboots in mid-command. In namespaces, as root."""

import pytest
from support.in_background import in_background, wait_for
from support.machine import Machine, why_not
from support.processes import unique

from runbook_engine.connections.ssh import SshConnection
from runbook_engine.connections.ssh_pool import SshPool
from runbook_engine.connections.ssh_settings import SshSettings
from runbook_engine.sdk import Command, DetachedStatus, Target, TargetUnreachableError

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    made = Machine(tmp_path_factory.mktemp("machines") / "box")
    yield made
    made.stop()


def connect(machine, alive_seconds=0.5):
    known = machine.folder / "known_hosts"
    settings = {"config": (), "known_hosts": (known,), "home": machine.folder, "agent": False, "connect_seconds": 1}
    pool = SshPool(SshSettings(alive_seconds=alive_seconds, **settings))
    return SshConnection(Target(name=machine.name, variables=machine.variables()), pool), pool


@pytest.fixture
def link(machine):
    made, pool = connect(machine)
    yield made
    pool.close()


def waiting(folder):
    """A command that leaves a line, says that it began, and ends with 6 when it is told to."""
    began, go, ran = folder / "began", folder / "go", folder / "ran"
    script = f"echo x >>{ran}; touch {began}; while [ ! -e {go} ]; do sleep 0.05; done; rm {began}; echo end; exit 6"
    return Command(("sh", "-c", script)), began, go, ran


def test_packets_dropped_in_mid_command_are_noticed_and_it_ran_once(machine, link, tmp_path):
    command, began, go, ran = waiting(tmp_path)
    thread, end = in_background(lambda: link.run_detached(command, token=unique("dropped"), timeout=50))
    wait_for(began.exists)
    machine.drop_packets()
    try:
        thread.join(20)
        assert isinstance(end[0], TargetUnreachableError)
        with pytest.raises(TargetUnreachableError, match="within 1 s"):
            link.run(Command(("true",)), timeout=30)
    finally:
        machine.let_packets_through()
    assert link.probe_detached(unique("dropped")).status is DetachedStatus.RUNNING
    go.touch()
    result = link.run_detached(command, token=unique("dropped"), timeout=30)
    assert (result.exit_status, result.stdout, result.reattached) == (6, b"end\n", True)
    assert ran.read_text() == "x\n"


def test_packets_dropped_while_it_ends_are_sent_again(machine, tmp_path):
    patient, pool = connect(machine, alive_seconds=10)
    command, began, go, ran = waiting(tmp_path)
    thread, end = in_background(lambda: patient.run_detached(command, token=unique("shortly"), timeout=50))
    wait_for(began.exists)
    machine.drop_packets()
    try:
        go.touch()
        wait_for(lambda: not began.exists())
    finally:
        machine.let_packets_through()
    thread.join(30)
    assert (end[0].exit_status, end[0].stdout, end[0].reattached) == (6, b"end\n", False)
    assert ran.read_text() == "x\n"
    pool.close()


def test_a_reboot_in_mid_command_is_told_from_its_end(machine, link, tmp_path):
    command, began, _, ran = waiting(tmp_path)
    thread, end = in_background(lambda: link.run_detached(command, token=unique("rebooted"), timeout=50))
    wait_for(began.exists)
    machine.reboot()
    thread.join(20)
    assert isinstance(end[0], TargetUnreachableError)
    assert link.probe_detached(unique("rebooted")).status is DetachedStatus.LOST_REBOOT
    with pytest.raises(TargetUnreachableError, match="the target was rebooted while it ran"):
        link.run_detached(command, token=unique("rebooted"), timeout=30)
    assert ran.read_text() == "x\n", "nobody starts it again without having looked"
