"""From what somebody wants served to a dashboard that listens: what is allowed, and under which names."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runbook_engine.app.project import OpenProject
from runbook_engine.model.errors import NoJournalError, UsageError
from runbook_engine.web.desk import Desk
from runbook_engine.web.security.origin import is_loopback
from runbook_engine.web.server import Certificate, DashboardServer, listen
from runbook_engine.web.settings import Settings

_ANY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - they are refused as names


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody wants the dashboard served.

    Attributes:
        allow_remote: they know that other machines can reach it.
        public_url: the address that browsers use; empty for the one that is listened on.
        certificate: chain and private key, both or neither.
        proxies: addresses of the reverse proxies that end TLS.
        person: who gets the one-time link.
    """

    host: str
    port: int
    allow_remote: bool = False
    public_url: str = ""
    certificate: tuple[Path | None, Path | None] = (None, None)
    proxies: tuple[str, ...] = ()
    person: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """A dashboard that listens, and is served once it is started.

    Attributes:
        url: where browsers find it.
        port: that it listens on.
    """

    server: DashboardServer
    desk: Desk
    url: str
    port: int

    def link(self, person: str) -> str:
        """Give a link that logs a person in, once. The secret stands where browsers keep it to themselves."""
        return f"{self.url}/login#{self.desk.links.make(person)}"


@contextmanager
def open_dashboard(project: OpenProject, wanted: Wanted) -> Iterator[Served]:
    """Take the address, open the journal (a new one where there is none), and give them back when the block ends.

    Raises:
        UsageError: it may not be served like that, or the address is taken.
        InvalidInputError: the certificate or team.yml can't be used.
        JournalError: the journal can't be opened.
    """
    certificate = _check(wanted)
    if certificate is not None:
        certificate.check()
    _ready_journal(project)
    taken = listen(wanted.host, wanted.port)
    try:
        port = taken.getsockname()[1]
        origins = _origins(wanted, port)
        settings = Settings(origins=origins, proxies=frozenset(wanted.proxies))
        desk = Desk(project, settings)
        try:
            desk.source().project.team  # noqa: B018 - what is wrong with it is said before anybody comes
            yield Served(DashboardServer(desk, taken, certificate), desk, origins[0], port)
        finally:
            desk.close()
    finally:
        taken.close()


def _ready_journal(project: OpenProject) -> None:
    """Make the journal where there is none; one that is there may be somebody's who only lets us read."""
    try:
        project.journal().close()
    except NoJournalError:
        project.journal(create=True).close()


def _check(wanted: Wanted) -> Certificate | None:
    """Refuse what would have people's answers go over a network in the clear, or to the wrong name."""
    chain, key = wanted.certificate
    if (chain is None) != (key is None):
        raise UsageError("--tls-cert and --tls-key belong together", hint="give both, or neither")
    certificate = Certificate(chain, key) if chain is not None and key is not None else None
    _check_url(wanted, tls=certificate is not None)
    if is_loopback(wanted.host):
        return certificate
    if not wanted.allow_remote:
        raise UsageError(
            f"{wanted.host} is reached by other machines, and the dashboard is served to this one alone",
            hint="add --allow-remote, and TLS or a reverse proxy, when that is what you want",
        )
    if certificate is None and not (wanted.proxies and wanted.public_url):
        raise UsageError(
            "other machines need TLS: what people log in with would be read on the way",
            hint="--tls-cert and --tls-key, or --proxy ADDRESS and --public-url https://… of a reverse proxy",
        )
    if wanted.host in _ANY and not wanted.public_url:
        raise UsageError(
            f"under which name people come is not told by {wanted.host}", hint="say it: --public-url https://NAME:PORT"
        )
    return certificate


def _check_url(wanted: Wanted, *, tls: bool) -> None:
    if wanted.proxies and (tls or not wanted.public_url):
        hint = "give --proxy with --public-url, and without --tls-cert"
        raise UsageError("a reverse proxy ends TLS, and people come under its name", hint=hint)
    if not wanted.public_url:
        return
    if not tls and not wanted.proxies:
        raise UsageError(
            "--public-url says that people come by TLS, and nothing here ends it",
            hint="add --tls-cert and --tls-key, or --proxy with the address of the reverse proxy",
        )
    try:
        parts = urlsplit(wanted.public_url)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.path in {"", "/"} and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in wanted.public_url or parts.query or parts.fragment:
        raise UsageError(
            f"{wanted.public_url} is no address of a dashboard", hint="it looks like https://runbook.example.com"
        )


def _origins(wanted: Wanted, port: int) -> tuple[str, ...]:
    """Give the addresses that browsers may use."""
    if wanted.public_url:
        parts = urlsplit(wanted.public_url.lower())
        return (f"https://{parts.netloc.removesuffix(':443')}",)
    scheme = "https" if wanted.certificate[0] is not None else "http"
    names = [wanted.host, *(["localhost", "127.0.0.1"] if is_loopback(wanted.host) else [])]
    bracketed = [f"[{name}]" if ":" in name else name.lower() for name in names]
    return tuple(dict.fromkeys(f"{scheme}://{name}:{port}" for name in bracketed))
