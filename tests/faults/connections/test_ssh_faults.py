"""What goes wrong between us and a real sshd: it freezes, dies, is somebody else, or doesn't let us in."""

import os
import signal
import socket
import subprocess
import threading

import pytest
from support.in_background import in_background, wait_for
from support.processes import unique

from runbook_engine.connections.ssh import SshConnection
from runbook_engine.sdk import Command, CommandTimeoutError, DetachedStatus, Target, TargetUnreachableError

pytestmark = pytest.mark.sshd


@pytest.fixture
def own(sshd_tools, tmp_path):
    """An sshd of this test alone."""
    server = sshd_tools.start_sshd(tmp_path / "sshd")
    yield server
    server.stop()


@pytest.fixture
def link(sshd_tools, own, tmp_path):
    made = sshd_tools.connect(own, tmp_path / "attempts", alive_seconds=0.5, connect_seconds=5)
    yield made
    made.close()
    made.pool.close()


def sh(script, **more):
    return Command(("sh", "-c", script), **more)


@pytest.mark.parametrize("detached", [False, True])
def test_a_frozen_session_is_found_dead(link, own, tmp_path, detached):
    began = tmp_path / "began"
    script = sh(f"touch {began}; exec sleep 60")
    if detached:
        thread, end = in_background(lambda: link.run_detached(script, token=unique("frozen"), timeout=50))
    else:
        thread, end = in_background(lambda: link.run(script, timeout=50))
    wait_for(began.exists)
    frozen = own.children()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        thread.join(15)
        assert not thread.is_alive()
        assert isinstance(end[0], TargetUnreachableError)
        assert "has not answered" in end[0].message
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGKILL)


def test_a_session_killed_in_mid_command_is_unreachable_and_the_next_one_works(link, own, tmp_path):
    began = tmp_path / "began"
    thread, end = in_background(lambda: link.run(sh(f"touch {began}; exec sleep 5"), timeout=50))
    wait_for(began.exists)
    for pid in own.children():
        os.kill(pid, signal.SIGKILL)
    thread.join(15)
    assert isinstance(end[0], TargetUnreachableError)
    assert link.run(Command(("echo", "again")), timeout=20).stdout == b"again\n"


def test_a_detached_command_outlives_its_session_and_is_reattached(link, own, tmp_path):
    began, go, ran = tmp_path / "began", tmp_path / "go", tmp_path / "ran"
    command = sh(f"echo x >>{ran}; touch {began}; while [ ! -e {go} ]; do sleep 0.05; done; echo end; exit 6")
    thread, end = in_background(lambda: link.run_detached(command, token=unique("outlives"), timeout=50))
    wait_for(began.exists)
    for pid in own.children():
        os.kill(pid, signal.SIGKILL)
    thread.join(15)
    assert isinstance(end[0], TargetUnreachableError)
    assert link.probe_detached(unique("outlives")).status is DetachedStatus.RUNNING
    go.touch()
    result = link.run_detached(command, token=unique("outlives"), timeout=30)
    assert (result.exit_status, result.stdout, result.reattached) == (6, b"end\n", True)
    assert ran.read_text() == "x\n"


def test_a_timeout_on_a_frozen_host_is_not_called_killed(link, own, tmp_path, sshd_tools):
    slow = sshd_tools.connect(own, tmp_path / "attempts", alive_seconds=30, connect_seconds=1)
    began = tmp_path / "began"
    thread, end = in_background(
        lambda: slow.run_detached(sh(f"touch {began}; exec sleep 9"), token=unique("f"), timeout=2)
    )
    wait_for(began.exists)
    frozen = own.children()
    for pid in [*frozen, own.process.pid]:
        os.kill(pid, signal.SIGSTOP)
    try:
        thread.join(60)
        assert isinstance(end[0], CommandTimeoutError | TargetUnreachableError)
        assert not getattr(end[0], "killed", False)
    finally:
        for pid in [*frozen, own.process.pid]:
            os.kill(pid, signal.SIGCONT)
        slow.close()
        slow.pool.close()


def test_an_unknown_key_is_refused(own, sshd_tools, tmp_path):
    own.known_hosts.write_text("")
    unknown = sshd_tools.connect(own, tmp_path)
    with pytest.raises(TargetUnreachableError, match="unknown") as caught:
        unknown.run(Command(("true",)), timeout=10)
    assert f"ssh-keyscan -p {own.port}" in caught.value.hint
    assert str(own.known_hosts) in caught.value.hint
    unknown.pool.close()


def test_a_changed_key_is_refused(own, sshd_tools, tmp_path):
    own.known_hosts.write_text(f"[127.0.0.1]:{own.port} ssh-ed25519 " + "A" * 68 + "\n")
    changed = sshd_tools.connect(own, tmp_path)
    with pytest.raises(TargetUnreachableError, match="CHANGED"):
        changed.run(Command(("true",)), timeout=10)
    changed.pool.close()


def test_the_configurations_own_time_bounds_a_connection(own, sshd_tools, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    where = {"ansible_port": listener.getsockname()[1], "ansible_ssh_common_args": "-o ConnectTimeout=1"}
    made = sshd_tools.connect(own, tmp_path)
    silent = SshConnection(Target(name="box", variables={**own.target().variables, **where}), made.pool)
    with pytest.raises(TargetUnreachableError, match=r"within 1 s"):
        silent.run(Command(("true",)), timeout=20)
    listener.close()
    made.pool.close()


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-slow\r\n", b"x"])
def test_a_server_that_says_nothing_more_is_bounded(own, sshd_tools, tmp_path, reply):
    listener = socket.create_server(("127.0.0.1", 0))
    peers = []

    def serve():
        peer, _ = listener.accept()
        peers.append(peer)
        peer.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    own.port, real = listener.getsockname()[1], own.port
    silent = sshd_tools.connect(own, tmp_path, connect_seconds=0.5)
    own.port = real
    with pytest.raises(TargetUnreachableError, match=r"within 0\.5 s"):
        silent.run(Command(("true",)), timeout=20)
    thread.join()
    for peer in peers:
        peer.close()
    listener.close()
    silent.pool.close()


def test_nobody_there_is_unreachable(own, sshd_tools, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own.port, real = free.getsockname()[1], own.port
        nobody = sshd_tools.connect(own, tmp_path)
        own.port = real
    with pytest.raises(TargetUnreachableError, match="can't connect"):
        nobody.run(Command(("true",)), timeout=10)
    nobody.pool.close()


def pooled(own, sshd_tools, **variables):
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    pool = SshPool(own.settings(agent=False))
    return SshConnection(own.target(**variables), pool), pool


def key(folder, name, passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", folder / name], check=True)
    return folder / name


def test_a_key_the_server_does_not_know_is_told(own, sshd_tools, tmp_path):
    connection, pool = pooled(own, sshd_tools, ansible_ssh_private_key_file=str(key(tmp_path, "stranger")))
    with pytest.raises(TargetUnreachableError, match="stranger: refused"):
        connection.run(Command(("true",)), timeout=10)
    pool.close()


def test_passphrases(own, sshd_tools, tmp_path):
    locked = key(tmp_path, "locked", "open sesame")
    with (own.folder / "authorized_keys").open("a") as file:
        file.write(locked.with_suffix(".pub").read_text())
    for passphrase, words in ((None, "has a passphrase"), ("wrong", "passphrase is wrong")):
        connection, pool = pooled(
            own, sshd_tools, ansible_ssh_private_key_file=str(locked), ansible_ssh_key_passphrase=passphrase
        )
        with pytest.raises(TargetUnreachableError, match=words) as caught:
            connection.run(Command(("true",)), timeout=10)
        assert "ansible_private_key_passphrase" in caught.value.hint
        assert f"ssh-add {locked}" in caught.value.hint
        pool.close()
    connection, pool = pooled(
        own, sshd_tools, ansible_ssh_private_key_file=str(locked), ansible_ssh_key_passphrase="open sesame"
    )
    assert connection.run(Command(("echo", "in")), timeout=10).stdout == b"in\n"
    pool.close()


def test_a_missing_key_and_a_dead_agent_are_told(own, sshd_tools, tmp_path, monkeypatch):
    connection, pool = pooled(own, sshd_tools, ansible_ssh_private_key_file=str(tmp_path / "none"))
    with pytest.raises(TargetUnreachableError, match="is not there"):
        connection.run(Command(("true",)), timeout=10)
    pool.close()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    pool = SshPool(own.settings())
    connection = SshConnection(own.target(ansible_ssh_private_key_file=""), pool)
    with pytest.raises(TargetUnreachableError, match="agent"):
        connection.run(Command(("true",)), timeout=10)
    pool.close()


def test_an_agent_lets_us_in(own, tmp_path, monkeypatch):
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    place = tmp_path / "a"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        wait_for(place.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
        subprocess.run(["ssh-add", "-q", own.key], check=True)
        pool = SshPool(own.settings())
        connection = SshConnection(own.target(ansible_ssh_private_key_file=""), pool)
        assert connection.run(Command(("echo", "in")), timeout=10).stdout == b"in\n"
        pool.close()
    finally:
        agent.terminate()
        agent.wait()


def test_a_user_certificate_lets_us_in(sshd_tools, tmp_path):
    folder = tmp_path / "sshd"
    folder.mkdir()
    authority, mine = key(tmp_path, "authority"), key(tmp_path, "mine")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "me", "-n", user, mine.with_suffix(".pub")], check=True)
    server = sshd_tools.start_sshd(folder, f"TrustedUserCAKeys {authority}.pub")
    try:
        connection, pool = pooled(server, sshd_tools, ansible_ssh_private_key_file=str(mine))
        assert connection.run(Command(("echo", "in")), timeout=10).stdout == b"in\n"
        pool.close()
    finally:
        server.stop()


def test_a_jump_host_leads_on_and_its_end_is_noticed(sshd_tools, tmp_path):
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    jump, inner = sshd_tools.start_sshd(tmp_path / "jump"), sshd_tools.start_sshd(tmp_path / "inner")
    try:
        config = tmp_path / "config"
        config.write_text(f"Host jump\n  HostName 127.0.0.1\n  Port {jump.port}\n  IdentityFile {jump.key}\n")
        known = tmp_path / "known_hosts"
        known.write_text(jump.known_hosts.read_text() + inner.known_hosts.read_text())
        pool = SshPool(inner.settings(config=(config,), known_hosts=(known,), agent=False, alive_seconds=0.5))
        connection = SshConnection(inner.target(ansible_ssh_common_args="-J jump"), pool)
        assert connection.run(sh("echo $SSH_CONNECTION"), timeout=10).stdout.startswith(b"127.0.0.1 ")
        assert len(jump.children()) > 0
        began = tmp_path / "began"
        thread, end = in_background(lambda: connection.run(sh(f"touch {began}; exec sleep 5"), timeout=30))
        wait_for(began.exists)
        for pid in jump.children():
            os.kill(pid, signal.SIGKILL)
        thread.join(15)
        assert isinstance(end[0], TargetUnreachableError)
        pool.close()
    finally:
        jump.stop()
        inner.stop()


def test_more_sessions_than_one_connection_has_room_for(sshd_tools, tmp_path):
    server = sshd_tools.start_sshd(tmp_path / "sshd", "MaxSessions 2")
    link = sshd_tools.connect(server, tmp_path / "attempts")
    try:
        runs = [in_background(lambda: link.run(sh("sleep 0.5; echo ok"), timeout=30)) for _ in range(6)]
        for thread, _ in runs:
            thread.join()
        assert [end[0].stdout for _, end in runs] == [b"ok\n"] * 6
    finally:
        link.close()
        link.pool.close()
        server.stop()


def test_one_transport_serves_all_and_goes_when_idle(own, sshd_tools, tmp_path):
    link = sshd_tools.connect(own, tmp_path / "attempts", idle_seconds=0.2)
    threads = [in_background(lambda: link.run(Command(("true",)), timeout=20))[0] for _ in range(5)]
    for thread in threads:
        thread.join()
    servers = link.pool._servers.values()
    assert [len(server.links) for server in servers] == [1]
    wait_for(lambda: not any(one.transport.is_active() for server in servers for one in server.links))
    wait_for(lambda: own.children() == [])
    assert link.run(Command(("echo", "again")), timeout=20).stdout == b"again\n"
    link.close()
    link.pool.close()


def test_what_is_in_use_is_never_idle(own, sshd_tools, tmp_path):
    link = sshd_tools.connect(own, tmp_path / "attempts", idle_seconds=0.2)
    began, go = tmp_path / "began", tmp_path / "go"
    thread, end = in_background(
        lambda: link.run(sh(f"touch {began}; while [ ! -e {go} ]; do sleep 0.05; done; echo end"), timeout=30)
    )
    wait_for(began.exists)
    servers = list(link.pool._servers.values())
    for _ in range(3):  # the watcher has looked that often since, and did not take it for idle
        before = servers[0].links[0].next_ask
        servers[0].links[0].next_ask = 0.0
        wait_for(lambda before=before: servers[0].links[0].next_ask >= before)
    go.touch()
    thread.join(20)
    assert end[0].stdout == b"end\n"
    link.close()
    link.pool.close()


def test_a_frozen_host_disturbs_none_of_its_neighbours(sshd_tools, tmp_path):
    """One pool, two servers: while one hangs, before it is found dead, the other does one command after the other."""
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    frozen, sound = sshd_tools.start_sshd(tmp_path / "frozen"), sshd_tools.start_sshd(tmp_path / "sound")
    known = tmp_path / "known_hosts"
    known.write_text(frozen.known_hosts.read_text() + sound.known_hosts.read_text())
    pool = SshPool(frozen.settings(known_hosts=(known,), agent=False, alive_seconds=2))
    victim, neighbour = SshConnection(frozen.target(), pool), SshConnection(sound.target(), pool)
    began = tmp_path / "began"
    thread, end = in_background(lambda: victim.run(sh(f"touch {began}; exec sleep 60"), timeout=50))
    wait_for(began.exists)
    stopped = frozen.children()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        done = [neighbour.run(Command(("echo", str(number))), timeout=20).stdout for number in range(5)]
        assert done == [b"%d\n" % number for number in range(5)]
        assert end == []  # the victim still hung all that time
        thread.join(60)
        assert isinstance(end[0], TargetUnreachableError)
        assert neighbour.run(Command(("echo", "on")), timeout=20).stdout == b"on\n"
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
        pool.close()
        frozen.stop()
        sound.stop()
