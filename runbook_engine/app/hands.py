"""Gives attempts their hands: joins connections, clients, the project's files and the team's addresses."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from runbook_engine.app.project_file import read_project_file
from runbook_engine.connections.aws import AwsSession
from runbook_engine.connections.factory import HostConnections
from runbook_engine.expressions.placeholders import resolve_placeholders
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Target
from runbook_engine.model.json import JsonValue
from runbook_engine.model.outcome import Mode
from runbook_engine.model.secret_reference import LOCAL_SCHEMES
from runbook_engine.model.team import Sandbox, Team
from runbook_engine.ports.action import ActionFailedError
from runbook_engine.ports.connection import Connection
from runbook_engine.ports.secrets import SecretStore
from runbook_engine.ports.services import AwsClient, HttpClient, Mailer, SqlDatabase


class EngineHands:
    """The hands of this machine (`ports.hands.Hands`)."""

    def __init__(
        self,
        project: Path,
        team: Team,
        hosts: HostConnections,
        *,
        sandbox: Sandbox,
        resolve: Callable[[str], str],
        aws: AwsSession | None = None,
    ) -> None:
        self._project = project
        self._team = team
        self._hosts = hosts
        self._sandbox = sandbox
        self._resolve = resolve
        self._aws = aws or AwsSession()

    def connection(self, target: Target, *, become_user: str | None) -> Connection:
        """Open (or reuse) the connection of a target."""
        return self._hosts.open(target, become_user=become_user)

    def http(self, *, read_only: bool) -> HttpClient:
        """Give an HTTP client."""
        from runbook_engine.connections.http import HttpxClient

        return HttpxClient(read_only=read_only)

    def mail(self, *, read_only: bool) -> Mailer:
        """Give the way to hand mail in."""
        from runbook_engine.connections.mail import SmtpMailer

        return SmtpMailer(read_only=read_only)

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
        return self._aws.client(
            service, region=region, role=role, account=account, endpoint=endpoint, read_only=read_only
        )

    def sql(self, url: str, *, read_only: bool) -> SqlDatabase:
        """Give a database."""
        # SQLAlchemy takes a quarter of a second to import, and few runbooks look into a database.
        from runbook_engine.connections.sql import AlchemyDatabase

        return AlchemyDatabase(url, read_only=read_only)

    def project_file(self, path: str) -> bytes:
        """Read a file of the project; a path that leaves the project is refused."""
        return read_project_file(self._project, path)

    def recipients(self, channel: str, *, mode: Mode, audience: str | None, literal: Sequence[str]) -> tuple[str, ...]:
        """Give the addresses that a message goes to; in a drill only those of a sandbox."""
        if audience is None:
            if mode is not Mode.DRILL:
                return tuple(literal)
            if not self._sandbox.addresses(channel):
                raise ActionFailedError(
                    f"a drill sends nothing to real addresses, and the project names no sandbox for {channel}",
                    hint='set sandbox = {email = ["drill@example.com"]} in runbook.toml, or write to an audience',
                )
            return self._in_drill(channel, self._sandbox)
        known = self._team.audiences.get(audience)
        if known is None:
            there = ", ".join(sorted(self._team.audiences)) or "none"
            raise ActionFailedError(f"there is no audience {audience!r}", hint=f"team.yml has: {there}")
        if mode is Mode.DRILL and not known.sandbox.addresses(channel):
            raise ActionFailedError(
                f"audience {audience} has no sandbox for {channel}, and a drill sends to nobody else",
                hint=f"give audiences.{audience}.sandbox.{channel} in team.yml",
            )
        if mode is Mode.DRILL:
            return self._in_drill(channel, known.sandbox)
        return tuple(dict.fromkeys([*self._filled(channel, known), *literal]))

    def _in_drill(self, channel: str, sandbox: Sandbox) -> tuple[str, ...]:
        """Give a sandbox's addresses, none of which may be a real one.

        Raises:
            ActionFailedError: one of them is an audience's own.
        """
        addresses, filled = sandbox.addresses(channel), self._filled(channel, sandbox)
        real = self._real(channel) if channel != "email" else {}
        for address, value in zip(addresses, filled, strict=True):
            if owner := self._team.real_owner(channel, address) or real.get(value, ""):
                raise ActionFailedError(
                    f"a drill sends nothing to real addresses, and the sandbox's {address} is one of {owner}",
                    hint="give the sandbox an address of its own in team.yml or runbook.toml",
                )
        return filled

    def _real(self, channel: str) -> dict[str, str]:
        """Give the real addresses that this machine has by itself, each with its audience."""
        found: dict[str, str] = {}
        for name, audience in self._team.audiences.items():
            for reference in audience.addresses(channel):
                if reference.partition(":")[0] not in LOCAL_SCHEMES:
                    continue  # AWS is asked for what is sent alone
                try:
                    found.setdefault(self._resolve(reference), name)
                except RunbookError:
                    continue  # what is not here is not used by mistake
        return found

    def _filled(self, channel: str, known: Sandbox) -> tuple[str, ...]:
        """Give a channel's addresses; all but mail's are the names of secrets."""
        addresses = known.addresses(channel)
        return addresses if channel == "email" else tuple(self._resolve(reference) for reference in addresses)

    def close(self) -> list[str]:
        """Give every connection back; says what could not be tidied up."""
        return self._hosts.close()


class StoreResolver:
    """Puts secrets of a store where their placeholders stand (`ports.hands.SecretResolver`)."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def fill(self, value: object, secrets: Mapping[str, str]) -> object:
        """Give the value with every placeholder replaced."""
        return resolve_placeholders(cast("JsonValue", value), secrets, self._store.resolve)
