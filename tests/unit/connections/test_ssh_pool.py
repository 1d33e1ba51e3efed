"""Keep-alives: a connection in use is asked often, an idle one seldom; closing wakes whoever waits for the socket."""

import socket
import threading

import pytest

from runbook_engine.connections.ssh_pool import Link, SshPool, _close
from runbook_engine.connections.ssh_settings import SshSettings, route
from runbook_engine.sdk import Target


class Transport:
    """A transport that counts what is asked."""

    def __init__(self):
        self.sock, self.peer = socket.socketpair()
        self.clear_to_send = threading.Event()
        self.clear_to_send.set()
        self.completion_event = None
        self.asked = 0
        self.closed = False

    def is_active(self):
        return not self.closed

    def _send_user_message(self, message):
        self.asked += 1
        self.completion_event.set()

    def close(self):
        self.closed = True


(HOP,) = route(Target(name="box", variables={}), SshSettings(config=(), known_hosts=(), agent=False, alive_seconds=3.0))


@pytest.fixture
def transport():
    made = Transport()
    yield made
    made.sock.close()
    made.peer.close()


@pytest.fixture
def pool():
    return SshPool(SshSettings(alive_seconds=3.0))


def test_an_idle_connection_is_asked_seldom_and_one_in_use_often(pool, transport):
    link = Link(transport, HOP, used=0.0)
    for second in range(90):
        pool._look_after(link, float(second))
    assert transport.asked == 3
    link.users = 1
    for second in range(90, 180):
        pool._look_after(link, float(second))
    assert transport.asked == 3 + 30


def test_a_connection_that_is_taken_into_use_is_asked_soon(pool, transport, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("runbook_engine.connections.ssh_pool.time.monotonic", lambda: now[0])
    link = Link(transport, HOP, used=0.0)
    pool._look_after(link, now[0])
    assert (transport.asked, link.next_ask) == (1, 130.0)
    assert pool.hold(link)
    assert link.next_ask == 103.0
    pool.release(link)
    link.closing = True  # the watcher found it idle for too long just then
    assert not pool.hold(link)


def test_closing_wakes_whoever_waits_for_the_socket(transport):
    heard = []
    transport.sock.settimeout(60)
    waiting = threading.Thread(target=lambda: heard.append(transport.sock.recv(1)))
    waiting.start()
    _close(transport)
    waiting.join(30)
    assert heard == [b""]
    assert transport.closed
