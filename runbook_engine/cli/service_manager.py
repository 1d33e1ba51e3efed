"""Tells systemd how it stands (sd_notify): ready, alive, ending. Without systemd nothing is told to anybody."""

import os
import socket
from contextlib import suppress


def notify(*states: str) -> None:
    """Send states such as `READY=1` to the socket that systemd names in the environment."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A service manager that is gone for the moment is no reason to end what it manages.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        channel.sendall("\n".join(states).encode())
