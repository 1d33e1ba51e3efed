"""Keeps one SSH transport a server for the whole run, finds dead ones, and closes those that nobody uses."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

import paramiko
from paramiko.common import cMSG_GLOBAL_REQUEST

from runbook_engine.connections import ssh_settings
from runbook_engine.connections.polling import is_writable
from runbook_engine.connections.ssh_keys import KeyRing
from runbook_engine.connections.ssh_residents import Residents
from runbook_engine.connections.ssh_settings import Hop, SshSettings
from runbook_engine.connections.ssh_transport import open_transport
from runbook_engine.sdk import Target, TargetUnreachableError

_LIMIT = 4  # transports to one server, when one has no more room for sessions
_TICK = 0.5
_IDLE_ASK = 30.0  # seconds between two keep-alives on a link that nobody uses: it is for firewalls that forget


@dataclass(slots=True)
class Link:
    """An open transport, and when it last answered and was used."""

    transport: paramiko.Transport
    hop: Hop
    used: float
    users: int = 0
    asked: float = 0.0
    answer: threading.Event | None = None
    misses: int = 0
    next_ask: float = 0.0
    lost: str = ""
    closing: bool = False


@dataclass(slots=True)
class _Server:
    lock: threading.Lock = field(default_factory=threading.Lock)
    links: list[Link] = field(default_factory=list)
    forgotten: dict[str, list[str]] = field(default_factory=dict)


class SshPool:
    """The transports of a run; safe to share between threads.

    One thread watches all of them. It asks each for a reply every few seconds, because nothing else notices a server
    that hangs: TCP goes on acknowledging, and keep-alives without a reply can't fail.
    """

    def __init__(self, settings: SshSettings) -> None:
        self.settings = settings
        self.residents = Residents(self)
        self._keys = KeyRing(settings.passphrases)
        self._lock = threading.Lock()
        self._routes: dict[str, tuple[object, tuple[Hop, ...]]] = {}
        self._servers: dict[tuple[Hop, ...], _Server] = {}
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    def route(self, target: Target) -> tuple[Hop, ...]:
        """Give the servers from here to a target, the target last; read once a run, with all the files behind it.

        Raises:
            RunbookError: a variable or the SSH configuration is not valid.
        """
        with self._lock:
            known = self._routes.get(target.name)
        if known is None or known[0] is not target.variables:
            known = (target.variables, ssh_settings.route(target, self.settings))
            with self._lock:
                self._routes[target.name] = known
        return known[1]

    def session(self, route: tuple[Hop, ...]) -> tuple[Link, paramiko.Channel]:
        """Open a session on the last server of a route; the link is the caller's until `release`.

        Raises:
            TargetUnreachableError: it can't be reached or has no room.
        """
        server = self._server(route)
        last = ""
        number = 0
        while number <= _LIMIT:
            link = self._link(server, route, number)
            try:
                return link, link.transport.open_session(timeout=route[-1].connect_seconds)
            except (paramiko.SSHException, EOFError, OSError) as error:
                number += 1
                last = link.lost or str(error) or "connection closed"
                # Paramiko keeps one exception for all threads, so that a refusal for want of room can come as any;
                # an open that nobody answered means that the server hangs.
                if "Timeout" in last:
                    _abandon(link.transport)
            self.release(link)
            if number > _LIMIT and self.residents.give_up_one(route):
                number = 0  # the server has no room, but a shell of ours that nobody used had some
        raise TargetUnreachableError(f"{route[-1].name}: can't open a session: {last}")

    def release(self, link: Link) -> None:
        """Give a link back."""
        with self._lock:
            link.users -= 1
            link.used = time.monotonic()

    def hold(self, link: Link) -> bool:
        """Take a link into use that was released; false when it ended meanwhile."""
        with self._lock:
            if link.closing or not link.transport.is_active():
                return False
            self._use(link)
            return True

    def _use(self, link: Link) -> None:
        """Count a user of a link, which from now on has to answer often; the lock is held."""
        if link.users <= 0:
            link.next_ask = min(link.next_ask, time.monotonic() + link.hop.alive_seconds)
        link.users += 1

    def forgotten(self, route: tuple[Hop, ...], user: str) -> list[str]:
        """Give the list of detached commands whose folders can go, shared by all connections to a server."""
        return self._server(route).forgotten.setdefault(user, [])

    def close(self) -> None:
        """Close every transport."""
        self._stop.set()
        with self._lock:
            links = [link for server in self._servers.values() for link in server.links]
            self._servers.clear()
            watcher, self._watcher = self._watcher, None
        for link in reversed(links):
            _close(link.transport)
        if watcher is not None:
            watcher.join()

    def _server(self, route: tuple[Hop, ...]) -> _Server:
        with self._lock:
            return self._servers.setdefault(route, _Server())

    def _link(self, server: _Server, route: tuple[Hop, ...], number: int) -> Link:
        """Give the link of this number, opening it when it isn't there; others wait for it meanwhile."""
        with server.lock:
            server.links = [link for link in server.links if link.transport.is_active() and not link.closing]
            if number >= len(server.links):
                server.links.append(self._open(route))
            link = server.links[min(number, len(server.links) - 1)]
            with self._lock:
                self._use(link)
            return link

    def _open(self, route: tuple[Hop, ...]) -> Link:
        through = None
        if len(route) > 1:
            jump = self._server(route[:-1])
            through = self._link(jump, route[:-1], 0)
        try:
            before = through.transport if through else None
            transport = open_transport(route[-1], before, route[-1].connect_seconds, self._keys)
        except BaseException:
            if through is not None:
                self.release(through)
            raise
        # The jump's link stays in use, so that idleness never closes it below us; it ends with its last user.
        now = time.monotonic()
        link = Link(transport, route[-1], now, next_ask=now + route[-1].alive_seconds)
        with self._lock:
            if self._watcher is None and not self._stop.is_set():
                self._watcher = threading.Thread(target=self._watch, name="ssh-liveness", daemon=True)
                self._watcher.start()
        return link

    def _watch(self) -> None:
        while not self._stop.wait(_TICK):
            with self._lock:
                links = [link for server in self._servers.values() for link in server.links]
            now = time.monotonic()
            for link in links:
                if not link.transport.is_active():
                    continue
                with self._lock:
                    link.closing = link.users <= 0 and now - link.used > self.settings.idle_seconds
                if link.closing:
                    _close(link.transport)
                else:
                    self._look_after(link, now)

    def _look_after(self, link: Link, now: float) -> None:
        every = link.hop.alive_seconds if link.users > 0 else max(link.hop.alive_seconds, _IDLE_ASK)
        if link.answer is not None and link.answer.is_set():
            link.answer, link.misses = None, 0
        if now < link.next_ask:
            return
        link.next_ask = now + every
        if link.answer is not None:
            link.misses += 1
        if link.misses >= link.hop.alive_count:
            link.lost = f"it has not answered for {now - link.asked:.0f} s"
            _abandon(link.transport)
            return
        if link.answer is None:
            link.asked = now
            link.answer = _ask(link.transport)


def _ask(transport: paramiko.Transport) -> threading.Event:
    """Send a request that has to be answered, without waiting: paramiko's own waits for ever."""
    answer = threading.Event()
    if not transport.clear_to_send.is_set() or not _writable(transport):
        return answer  # a request that can't be sent isn't answered, which is the truth
    transport.completion_event = answer
    message = paramiko.Message()
    message.add_byte(cMSG_GLOBAL_REQUEST)
    message.add_string("keepalive@openssh.com")
    message.add_boolean(True)  # noqa: FBT003 - SSH's `want reply`
    transport._send_user_message(message)  # type: ignore[attr-defined] # noqa: SLF001 - the public way waits for ever
    return answer


def _writable(transport: paramiko.Transport) -> bool:
    connection = transport.sock
    if isinstance(connection, paramiko.Channel):
        return connection.send_ready()
    return is_writable(connection)


def _abandon(transport: paramiko.Transport) -> None:
    """Close a transport whose server is gone; the socket first, so that no thread waits for it any more."""
    _wake(transport)
    transport.sock.close()
    transport.close()


def _close(transport: paramiko.Transport) -> None:
    _wake(transport)
    transport.close()


def _wake(transport: paramiko.Transport) -> None:
    """End what waits for the socket: closing it alone wakes nobody before its time is over."""
    if isinstance(transport.sock, socket.socket):
        with contextlib.suppress(OSError):  # the other side ended it before
            transport.sock.shutdown(socket.SHUT_RDWR)
