"""Serves from a thread of this process until it is stopped, whichever kind of server it is."""

from __future__ import annotations

import socketserver
import threading

SHUTDOWN_POLL = 0.05  # seconds


class Serving:
    """A server that is bound, and its thread; nothing is answered before `start`."""

    def __init__(self, server: socketserver.BaseServer, name: str) -> None:
        """Make the thread; `name` is what it is called by in dumps of all threads."""
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(SHUTDOWN_POLL,), name=name, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
