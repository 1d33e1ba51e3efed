"""A busy sshd drops connections before the login; that is no dead host, and no other refusal is tried again."""

import threading
import time

import pytest
from support.tcp import Relay

from runbook_engine.connections.ssh import SshConnection
from runbook_engine.connections.ssh_pool import SshPool
from runbook_engine.sdk import Command, NoConnectionError

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def server(sshd_tools, tmp_path_factory):
    made = sshd_tools.start_sshd(tmp_path_factory.mktemp("starts") / "sshd")
    yield made
    made.stop()


@pytest.fixture
def through(server):
    """Give a connection to the server through a relay that drops connections."""
    opened = []

    def make(*, seconds=10.0, target=None, known=None, **relay):
        between = Relay(server.port, **relay)
        if known is None:
            key = server.known_hosts.read_text().split(" ", 1)[1]
            known = f"[127.0.0.1]:{between.address} {key}"
        place = server.folder / f"known-{between.address}"
        place.write_text(known)
        pool = SshPool(server.settings(connect_seconds=seconds, agent=False, known_hosts=(place,)))
        made = SshConnection(server.target(ansible_port=between.address, **(target or {})), pool)
        opened.append((pool, between))
        return made, between

    yield make
    for pool, between in opened:
        pool.close()
        between.close()


@pytest.mark.parametrize("words", [b"", b"Exceeded MaxStartups\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_dropped_start_is_repeated(through, words):
    connection, relay = through(drops=3, words=words)
    assert connection.run(Command(("echo", "in")), timeout=20).stdout == b"in\n"
    assert relay.accepted == 4


def test_a_server_that_drops_every_start_is_given_up_in_time(through):
    connection, relay = through(drops=None, seconds=1.0)
    began = time.monotonic()
    with pytest.raises(NoConnectionError, match=r"closed \d+ connections before the login") as caught:
        connection.run(Command(("true",)), timeout=20)
    assert time.monotonic() - began < 10
    assert "MaxStartups" in caught.value.hint
    assert 2 <= relay.accepted <= 8


def test_a_login_that_is_refused_is_not_repeated(through, tmp_path):
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    connection, relay = through(target={"ansible_ssh_private_key_file": str(tmp_path / "other")})
    with pytest.raises(NoConnectionError, match="refused"):
        connection.run(Command(("true",)), timeout=20)
    assert relay.accepted == 1


def test_a_host_key_that_is_unknown_is_not_repeated(through):
    connection, relay = through(known="")
    with pytest.raises(NoConnectionError, match="unknown"):
        connection.run(Command(("true",)), timeout=20)
    assert relay.accepted == 1


def test_a_server_that_says_why_it_ends_is_not_asked_again(through):
    connection, relay = through(drops=None, words=b"SSH-1.5-old\r\n")
    with pytest.raises(NoConnectionError, match="Incompatible"):
        connection.run(Command(("true",)), timeout=20)
    assert relay.accepted == 1


def test_many_starts_at_once_pass_a_servers_narrow_door(sshd_tools, tmp_path):
    """Two logins at a time are let in, and what is above is dropped at once; aliases of one server don't share."""
    narrow = sshd_tools.start_sshd(tmp_path / "sshd", "MaxStartups 2:100:2")
    pools = [SshPool(narrow.settings(agent=False, connect_seconds=30)) for _ in range(12)]
    ends = []

    def go(pool):
        try:
            ends.append(SshConnection(narrow.target(), pool).run(Command(("echo", "in")), timeout=60).stdout)
        except NoConnectionError as error:
            ends.append(error)

    threads = [threading.Thread(target=go, args=(pool,)) for pool in pools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pool in pools:
        pool.close()
    narrow.stop()
    assert ends == [b"in\n"] * 12
