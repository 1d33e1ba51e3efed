"""Metrics at an address of their own, for programs that serve nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from runbook_engine.app.metrics_address import Address
from runbook_engine.model.errors import UsageError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class HasRegistry(Protocol):
    """Whatever has metrics to offer."""

    @property
    def registry(self) -> "CollectorRegistry": ...  # noqa: D102 - see the class


@contextmanager
def metrics_server(metrics: HasRegistry, address: Address) -> Iterator[Address]:
    """Answer scrapes in threads of their own until the context ends; gives the address with its true port.

    Raises:
        UsageError: nobody can listen there.
    """
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(address.port, address.host, metrics.registry)
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"metrics can't be offered at {address}: {why}", hint="name another address") from error
    try:
        yield Address(address.host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
