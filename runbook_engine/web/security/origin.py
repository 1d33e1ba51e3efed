"""Where a request comes from: refuses other sites' pages, names bound to our address, and what passed by the proxy."""

import ipaddress
from collections.abc import Mapping

from runbook_engine.web.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD"})
_OURS = frozenset({"same-origin", "none"})


def host_problem(headers: Mapping[str, str], settings: Settings) -> str:
    """Say why the name that the browser knows us by is none of ours; empty when it is.

    A page of another site whose name was made to lead to our address (DNS rebinding) is found by this.
    """
    host = headers.get("host", "").lower()
    return "" if host in settings.hosts else "this dashboard is not served under that name"


def sender_problem(method: str, headers: Mapping[str, str], settings: Settings) -> str:
    """Say why a request is not taken from the page that sent it; empty when it is.

    What changes something comes from our own pages alone, and browsers say so in `Origin`. What only reads may be
    opened from elsewhere (a link), and not be put into, or fetched by, another site's page.
    """
    site = headers.get("sec-fetch-site")
    if method in SAFE_METHODS:
        opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
        return "" if site is None or site in _OURS or opened else "another site's page may not fetch this"
    if headers.get("origin") not in settings.origins or site not in {None, "same-origin"}:
        return "this was not sent by a page of this dashboard"
    return ""


def client_address(peer: str, headers: Mapping[str, str], settings: Settings) -> str | None:
    """Give the address that a request comes from; None when it came past the reverse proxy.

    Of what a proxy says (`X-Forwarded-For`) only the last entry is its own; the others may be anybody's.
    """
    if not settings.proxies:
        return peer
    if peer not in settings.proxies:
        return None
    said = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return said[:60] or peer


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own and nobody else's."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
