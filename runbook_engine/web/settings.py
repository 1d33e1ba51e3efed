"""How a dashboard is served: under which addresses, behind whom, and for how long a person stays logged in."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Settings:
    """What the dashboard's application goes by.

    Attributes:
        origins: the addresses under which browsers know it, such as `http://127.0.0.1:8420`; the first one is shown.
        proxies: addresses of the reverse proxies in front of it; without any, browsers come by themselves.
        idle, longest: seconds after which a session ends, unused and anyhow.
        link_seconds: how long the one-time link can be used.
        most_streams: how many browsers may watch at once.
        patience: seconds that a browser has to take what it is sent.
        head_seconds: that a request's head may take.
        most_headless: connections that an address may hold without a whole head, once each had `head_grace` seconds.
    """

    origins: tuple[str, ...]
    proxies: frozenset[str] = frozenset()
    idle: float = 2 * 3600.0
    longest: float = 12 * 3600.0
    link_seconds: float = 600.0
    most_streams: int = 2000
    patience: float = 20.0
    head_seconds: float = 20.0
    head_grace: float = 2.0
    most_headless: int = 32

    @cached_property
    def hosts(self) -> frozenset[str]:
        """What may stand in a request's Host header."""
        found: set[str] = set()
        for origin in self.origins:
            parts = urlsplit(origin)
            found.add(parts.netloc)
            port = _PORTS[parts.scheme]
            if parts.port is None:
                found.add(f"{parts.netloc}:{port}")
            elif parts.port == port:
                found.add(parts.netloc.rpartition(":")[0])
        return frozenset(found)

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS alone."""
        return all(origin.startswith("https://") for origin in self.origins)

    @property
    def cookie(self) -> str:
        """Name of the session's cookie: browsers share cookies between the ports of a host, so the port is in it."""
        port = urlsplit(self.origins[0]).port or ""
        return f"__Host-runbook{port}" if self.secure else f"runbook{port}"
