"""A relay before a real server, which can drop connections and counts them."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Accepts connections on a port of the loopback; the first `drops` are closed, the others passed on to `port`.

    Args:
        drops: how many connections are dropped; None for all.
        words: what a dropped connection is told first, as sshd does.
    """

    port: int
    drops: int | None = 0
    words: bytes = b""
    accepted: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _threads: list[threading.Thread] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
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
            server = socket.create_connection(("127.0.0.1", self.port))
            self._open += [peer, server]
            self._spawn(self._copy, peer, server)
            self._spawn(self._copy, server, peer)

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
