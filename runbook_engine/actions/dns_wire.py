"""Asks one name server one question, and spells what it answers in one way."""

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.message import Message

DNS_PORT = 53
_CASE_COUNTS = frozenset({"CAA", "SPF", "TXT"})  # texts; other values are names and addresses


def ask_server(name: str, kind: str, server: str, timeout: float) -> "Message":
    """Ask by UDP, and by TCP when the answer was cut off.

    Raises:
        ValueError: the server's port is none.
        OSError: the server can't be reached.
        dns.exception.DNSException: no answer, or one that can't be read.
    """
    import dns.flags
    import dns.message
    import dns.query

    host, port = _address(server)
    question = dns.message.make_query(name, kind)
    question.flags &= ~dns.flags.RD  # the zone's own server needs nobody else's help
    answer = dns.query.udp(question, host, port=port, timeout=timeout)
    if answer.flags & dns.flags.TC:
        answer = dns.query.tcp(question, host, port=port, timeout=timeout)
    return answer


def _address(server: str) -> tuple[str, int]:
    """Give address and port of `host`, `host:port` or `[v6]:port`."""
    host, port = server, DNS_PORT
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        port = int(rest.removeprefix(":") or DNS_PORT)
    elif server.count(":") == 1:
        host, _, text = server.partition(":")
        port = int(text)
    if not 0 < port < 1 << 16:
        raise ValueError(f"{port} is no port")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return str(found[0][4][0]), port


def values_in(answer: "Message", name: str, kind: str) -> frozenset[str]:
    """Give the values of that type that an answer has for a name, each in its one spelling."""
    import dns.rdatatype

    wanted = dns.rdatatype.from_text(kind)
    texts = [
        item.to_text()
        for rrset in answer.answer
        if rrset.rdtype == wanted and _absolute(rrset.name.to_text()) == _absolute(name)
        for item in rrset
    ]
    return frozenset(spelled(kind, text) for text in texts)


def spelled(kind: str, text: str) -> str:
    """Give the one spelling of a value, through the DNS library's own reading of it; names end with a dot."""
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    of_kind = dns.rdatatype.from_text(kind)
    text = dns.rdata.from_text(dns.rdataclass.IN, of_kind, text, origin=dns.name.root, relativize=False).to_text()
    return text if kind in _CASE_COUNTS else text.lower()


def _absolute(name: str) -> str:
    return name.lower().rstrip(".").replace("\\052", "*") + "."
