"""An address to listen at, as it is typed."""

from typing import NamedTuple

_LOOPBACK = "127.0.0.1"
_GREATEST_PORT = 65535


class Address(NamedTuple):
    """Where to listen; port 0 takes one that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """Read `PORT`, `HOST:PORT` or `[IPv6]:PORT`; without a host it is the loopback.

    Raises:
        ValueError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _GREATEST_PORT):
        message = f"{text!r} is no address: PORT, HOST:PORT or [IPv6]:PORT"
        raise ValueError(message)
    return Address(host.removeprefix("[").removesuffix("]") or _LOOPBACK, int(port))
