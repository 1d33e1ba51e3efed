"""Serves a dashboard: one address, one event loop in a thread of its own, and an end within seconds."""

import asyncio
import logging
import os
import resource
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from runbook_engine.model.errors import InvalidInputError, RunbookError, UsageError
from runbook_engine.web.app import Dashboard
from runbook_engine.web.desk import Desk
from runbook_engine.web.heads import protocol_of

_END_SECONDS = 5
_IDLE_SECONDS = 15
_HEADER_BYTES = 16 * 1024
_BACKLOG = 1024
_PATIENCE_MS = 30_000  # until a browser that takes nothing any more is given up by the kernel
_MORE_CONNECTIONS = 500  # than those that watch
_FILES = 8192
_BEHIND = 5  # as `nice` counts


@dataclass(frozen=True, slots=True)
class Certificate:
    """What TLS is served with: the chain, and the private key."""

    chain: Path
    key: Path

    def check(self) -> None:
        """Make sure that they can be read and belong together.

        Raises:
            InvalidInputError: they can't, or don't.
        """
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.chain, self.key, password=_no_passphrase)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
            raise InvalidInputError(
                f"TLS can't be served with {self.chain} and {self.key}: {why}",
                hint="name a certificate chain and its private key, without a passphrase, in PEM",
            ) from error


def listen(host: str, port: int) -> socket.socket:
    """Take an address; port 0 takes any that is free.

    Raises:
        UsageError: it is taken already, or can't be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host} is no address of this machine: {error}", hint="name one with --host") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PATIENCE_MS)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise UsageError(
            f"the dashboard can't be served at {host} port {port}: {error.strerror}",
            hint="is one running already? --port names another port, --port 0 takes any that is free",
        ) from error
    return made


class DashboardServer:
    """A dashboard that is served.

    Args:
        taken: the socket that it listens on (`listen`).
    """

    def __init__(self, desk: Desk, taken: socket.socket, certificate: Certificate | None = None) -> None:
        if certificate is not None:
            certificate.check()
        self._taken = taken
        self._server = _Server(Dashboard(desk), desk, certificate)
        # Daemon threads, all of them: what reads a long journal for somebody does not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
        self._problem: BaseException | None = None

    def start(self) -> None:
        """Begin to serve; what comes before the loop runs waits in the socket."""
        _allow_files(_FILES)
        self._thread.start()

    def stop(self) -> None:
        """Begin to end: whoever watches is let go, what is being answered has seconds. May be called at any time."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Wait until it has ended.

        Raises:
            RunbookError: it ended by itself.
        """
        self._thread.join()
        if self._problem is not None:
            raise RunbookError(f"the dashboard ended by itself: {self._problem!r}") from self._problem

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._taken]))
        except BaseException as error:  # noqa: BLE001 - whatever it is, `wait` tells it to who waits
            self._problem = error


class _Server(uvicorn.Server):
    """uvicorn's server, which lets watchers go before it waits for its connections to end."""

    def __init__(self, dashboard: Dashboard, desk: Desk, certificate: Certificate | None) -> None:
        # What went wrong in a request was logged by us already.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        super().__init__(
            uvicorn.Config(
                dashboard.asgi,
                loop="asyncio",
                http=protocol_of(desk.settings),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=desk.settings.most_streams + _MORE_CONNECTIONS,
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=_END_SECONDS,
                backlog=_BACKLOG,
                h11_max_incomplete_event_size=_HEADER_BYTES,
                ssl_certfile=certificate.chain if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
            )
        )
        self._dashboard = dashboard

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn's."""
        self._dashboard.close()
        await super().shutdown(sockets)


def _allow_files(number: int) -> None:
    """Allow this process as many descriptors as the machine lets it have: each watcher takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def go_behind_runs() -> None:
    """Let runs on this machine have its processors first; holds for this thread, and for those that it begins."""
    if os.getpriority(os.PRIO_PROCESS, 0) < _BEHIND:
        os.setpriority(os.PRIO_PROCESS, 0, _BEHIND)


def _no_passphrase() -> str:
    raise ValueError("the private key has a passphrase")
