"""Where an attempt gets its hands from: connections, clients, files of the project, addresses of people."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from runbook_engine.model.inventory import Target
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.connection import Connection
from runbook_engine.ports.services import AwsClient, HttpClient, Mailer, SqlDatabase


class Hands(Protocol):
    """Gives what actions work with. With `read_only` each service refuses to change anything, before it is sent."""

    def connection(self, target: Target, *, become_user: str | None) -> Connection:
        """Open (or reuse) the connection of a target; may change things, the engine wraps it for checks.

        With `become_user` files are written as that user, too.
        """
        ...

    def http(self, *, read_only: bool) -> HttpClient:
        """Give an HTTP client."""
        ...

    def mail(self, *, read_only: bool) -> Mailer:
        """Give the way to hand mail in."""
        ...

    def aws(
        self,
        service: str,
        *,
        region: str,
        account: str | None,
        role: str | None,
        endpoint: str | None,
        read_only: bool,
    ) -> AwsClient:
        """Give a client of an AWS service."""
        ...

    def sql(self, url: str, *, read_only: bool) -> SqlDatabase:
        """Give a database."""
        ...

    def project_file(self, path: str) -> bytes:
        """Read a file of the project."""
        ...

    def recipients(self, channel: str, *, mode: Mode, audience: str | None, literal: Sequence[str]) -> tuple[str, ...]:
        """Give the addresses that a message goes to."""
        ...


class SecretResolver(Protocol):
    """Puts secrets where their placeholders stand, at the last moment."""

    def fill(self, value: object, secrets: Mapping[str, str]) -> object:
        """Give the value with every placeholder replaced.

        Raises:
            SecretError: a secret can't be had.
        """
        ...
