"""Asks a zone's own name servers, so that no resolver's memory stands between."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbook_engine.actions.aws.route53 import Record, absolute, record_set, values_of

if TYPE_CHECKING:
    from dns.message import Message

DNS_PORT = 53
QUERY_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class DnsProblem:
    """A name server whose answer is not the wanted one."""

    server: str
    text: str

    def __str__(self) -> str:
        return f"name server {self.server} {self.text}"


def dns_problems(records: Sequence[Record], servers: Sequence[str], *, timeout: float) -> list[DnsProblem]:
    """Ask every server for every name; gives what is not as wanted.

    Of records that share a name (weights, failover), any that may be answered is good. What an alias is answered with
    is AWS's affair, so that there must only be an answer.
    """
    problems = []
    for name, kind in dict.fromkeys(record.key[:2] for record in records):
        group = [record for record in records if record.key[:2] == (name, kind)]
        for server in servers:
            text = _problem(group, name, kind, server, min(timeout, QUERY_TIMEOUT))
            if text is not None:
                problems.append(DnsProblem(server, text))
    return problems


def _problem(group: Sequence[Record], name: str, kind: str, server: str, timeout: float) -> str | None:
    import dns.exception
    import dns.rcode

    try:
        good = [_wanted_values(record) for record in group if record.weight != 0 or len(group) == 1]
    except dns.exception.DNSException as error:
        return f"can't be compared: a value of {kind} {name} is not valid: {error}"
    try:
        answer = _ask(name, kind, server, timeout)
    except (dns.exception.DNSException, OSError) as error:
        return f"did not answer for {kind} {name}: {error}"
    if answer.rcode() != dns.rcode.NOERROR:
        return f"answers {kind} {name} with {dns.rcode.to_text(answer.rcode())}"
    got = _values(answer, name, kind)
    if any(record.alias is not None for record in group):
        return None if got else f"has no answer for {kind} {name}"
    if got in good:
        return None
    wanted = " or ".join(", ".join(sorted(values)) for values in good)
    return f"answers {kind} {name} with {', '.join(sorted(got)) or 'nothing'} instead of {wanted}"


def _ask(name: str, kind: str, server: str, timeout: float) -> "Message":
    """Ask by UDP, and by TCP when the answer was cut off."""
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
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return str(found[0][4][0]), port


def _values(answer: "Message", name: str, kind: str) -> frozenset[str]:
    import dns.rdatatype

    wanted = dns.rdatatype.from_text(kind)
    texts = [
        item.to_text()
        for rrset in answer.answer
        if rrset.rdtype == wanted and absolute(rrset.name.to_text()) == name
        for item in rrset
    ]
    return frozenset(_spelled(kind, text) for text in texts)


def _wanted_values(record: Record) -> frozenset[str]:
    return frozenset(_spelled(record.type, value) for value in values_of(record_set(record)))


def _spelled(kind: str, text: str) -> str:
    """Give the one spelling of a value, through the DNS library's own reading of it."""
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text).to_text().lower()
