"""A relay before a real server, which can drop connections and counts them."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Accepts connections on a port of its own; the first `drops` are closed, the others passed on to `port`.

    Args:
        port: of the loopback; or the path of a Unix socket.
        drops: how many connections are dropped; None for all.
        words: what a dropped connection is told first, as sshd does.
        host: the address that it listens at.
    """

    port: int | str
    drops: int | None = 0
    words: bytes = b""
    host: str = "127.0.0.1"
    accepted: int = 0
    _listener: socket.socket = field(init=False)
    _threads: list[threading.Thread] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((self.host, 0))
        self._spawn(self._accept)

    @property
    def address(self) -> int:
        """The relay's own port."""
        return self._listener.getsockname()[1]

    def close(self) -> None:
        """End it, and every connection through it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def _spawn(self, work, *arguments) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.drops is None or self.accepted <= self.drops:
                with contextlib.suppress(OSError):
                    peer.sendall(self.words)
                peer.close()
                continue
            server = self._reach()
            self._open += [peer, server]
            self._spawn(self._copy, peer, server)
            self._spawn(self._copy, server, peer)

    def _reach(self) -> socket.socket:
        if isinstance(self.port, int):
            return socket.create_connection(("127.0.0.1", self.port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.port)
        return server

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
