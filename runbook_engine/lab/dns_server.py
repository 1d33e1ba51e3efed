"""A small authoritative name server over Route 53's hosted zones, so that a DNS switch can be asked for.

It knows simple, weighted, failover and alias records. Of failover records it always gives the PRIMARY one, because
nothing here runs health checks; wildcards, zone transfers and DNSSEC are not served.
"""

from __future__ import annotations

import contextlib
import random
import socketserver
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from runbook_engine.lab.aws import HostedRecord, HostedZone
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.serving import Serving

UDP_LIMIT = 512
LONGEST_CHAIN = 8
HEADER_BYTES = 12
BIND_TRIES = 20
TCP_IDLE_SECONDS = 5

Zones = Callable[[], Sequence[HostedZone]]


class DnsServer:
    """Answers over UDP and TCP on one loopback port."""

    def __init__(self, zones: Zones, port: int = 0) -> None:
        """Bind both sockets; `zones` is asked anew for each query."""
        self._udp, self._tcp = _bind_both(zones, port)
        self._zones = zones
        self._silent = threading.Event()
        self._udp.silent = self._tcp.silent = self._silent
        self.address: tuple[str, int] = ("127.0.0.1", self._udp.server_address[1])
        self._serving = [Serving(server, "dns") for server in (self._udp, self._tcp)]

    def start(self) -> None:
        """Begin to answer."""
        for serving in self._serving:
            serving.start()

    def set_up(self, *, up: bool) -> None:
        """Answer, or leave every query without an answer."""
        (self._silent.clear if up else self._silent.set)()

    def canonical_name(self, name: str) -> str | None:
        """The name at the end of a name's CNAMEs, as a resolver would find it; None without an answer."""
        if self._silent.is_set():
            return None
        answer = respond(dns.message.make_query(name, "A"), self._zones()).answer
        return answer[-1].name.to_text() if answer else None

    def stop(self) -> None:
        """Stop answering and free the port."""
        for serving in self._serving:
            serving.stop()


def respond(query: dns.message.Message, zones: Sequence[HostedZone]) -> dns.message.Message:
    """The authoritative response to a query: data, NODATA, NXDOMAIN, or REFUSED for foreign names."""
    response = dns.message.make_response(query)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
        return response
    question = query.question[0]
    zone = _zone_of(question.name, zones)
    if zone is None or question.rdclass != dns.rdataclass.IN:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    response.flags |= dns.flags.AA
    found = _follow(question.name, dns.rdatatype.to_text(question.rdtype), zones)
    response.answer.extend(_rrset(record) for record in found.chain)
    if not found.complete:
        soa = [record for record in zone.records if record.type == "SOA"]
        response.authority.extend(_rrset(record) for record in soa)
        response.set_rcode(dns.rcode.NOERROR if found.name_exists else dns.rcode.NXDOMAIN)
    return response


@dataclass(frozen=True, slots=True)
class _Found:
    chain: tuple[HostedRecord, ...]
    complete: bool
    name_exists: bool


def _follow(name: dns.name.Name, kind: str, zones: Sequence[HostedZone]) -> _Found:
    """Collect the records for a name, going through CNAMEs as far as these zones reach."""
    chain: list[HostedRecord] = []
    while len(chain) < LONGEST_CHAIN and name not in {_named(record) for record in chain}:
        zone = _zone_of(name, zones)
        if zone is None:  # the chain leaves our zones: the client goes on from here
            return _Found(tuple(chain), complete=True, name_exists=True)
        here = [record for record in zone.records if _named(record) == name]
        records = _resolve_aliases(_choose([record for record in here if record.type == kind]), zones)
        if records:
            return _Found((*chain, *records), complete=True, name_exists=True)
        cname = _choose([record for record in here if record.type == "CNAME"])
        if not cname:
            below = any(_named(record).is_subdomain(name) for record in zone.records)
            return _Found(tuple(chain), complete=False, name_exists=below)
        chain.append(cname[0])
        name = dns.name.from_text(cname[0].values[0])
    return _Found(tuple(chain), complete=True, name_exists=True)


def _choose(records: list[HostedRecord]) -> list[HostedRecord]:
    """Of several record sets with one name and type, the one that routing would give."""
    weighted = [record for record in records if record.weight]
    if weighted:
        weights = [record.weight or 0 for record in weighted]
        return random.choices(weighted, weights)  # noqa: S311 -- spreads load, guards nothing
    primary = [record for record in records if record.failover == "PRIMARY"]
    return (primary or records)[:1]


def _resolve_aliases(records: list[HostedRecord], zones: Sequence[HostedZone]) -> list[HostedRecord]:
    resolved: list[HostedRecord] = []
    for record in records:
        if record.alias is None:
            resolved.append(record)
            continue
        target = dns.name.from_text(record.alias)
        zone = _zone_of(target, zones)
        behind = [other for other in zone.records if _named(other) == target] if zone else []
        chosen = _choose([other for other in behind if other.type == record.type and other.alias is None])
        resolved.extend(replace(other, name=record.name) for other in chosen)
    return resolved


def _zone_of(name: dns.name.Name, zones: Sequence[HostedZone]) -> HostedZone | None:
    holding = [zone for zone in zones if name.is_subdomain(dns.name.from_text(zone.name))]
    return max(holding, key=lambda zone: len(dns.name.from_text(zone.name)), default=None)


def _named(record: HostedRecord) -> dns.name.Name:
    return dns.name.from_text(record.name)


def _rrset(record: HostedRecord) -> dns.rrset.RRset:
    """Names within values are absolute in Route 53, with a final dot or without."""
    values = list(record.values)
    return dns.rrset.from_text_list(
        record.name, record.ttl, "IN", record.type, values, origin=dns.name.root, relativize=False
    )


def _wire(asked: bytes, zones: Zones, limit: int | None) -> bytes:
    """The response to a query's bytes; nothing at all to what is too short to be a query."""
    if len(asked) < HEADER_BYTES:
        return b""
    try:
        query = dns.message.from_wire(asked)
    except dns.exception.DNSException:
        broken = dns.message.Message(id=struct.unpack("!H", asked[:2])[0])
        broken.flags |= dns.flags.QR
        broken.set_rcode(dns.rcode.FORMERR)
        return broken.to_wire()
    try:
        response = respond(query, zones())
    except dns.exception.DNSException:  # a record holds what Route 53 would have refused
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.SERVFAIL)
    try:
        return response.to_wire(max_size=0 if limit is None else max(limit, query.payload))
    except dns.exception.TooBig:
        short = dns.message.make_response(query)
        short.flags |= dns.flags.TC | dns.flags.AA
        return short.to_wire()


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    zones: Zones
    silent: threading.Event


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    zones: Zones
    silent: threading.Event


class _UdpQuery(socketserver.DatagramRequestHandler):
    server: _Udp

    def handle(self) -> None:
        if not self.server.silent.is_set():
            self.wfile.write(_wire(self.rfile.read(), self.server.zones, UDP_LIMIT))

    def finish(self) -> None:
        if not self.server.silent.is_set():
            super().finish()


class _TcpQueries(socketserver.StreamRequestHandler):
    server: _Tcp
    timeout = TCP_IDLE_SECONDS

    def handle(self) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):  # an idle or vanished client ends its connection
            while not self.server.silent.is_set() and len(length := self.rfile.read(2)) == 2:  # noqa: PLR2004 -- RFC 1035: two bytes of length
                reply = _wire(self.rfile.read(struct.unpack("!H", length)[0]), self.server.zones, None)
                self.wfile.write(struct.pack("!H", len(reply)) + reply)


def _bind_both(zones: Zones, port: int) -> tuple[_Udp, _Tcp]:
    """One port number for UDP and TCP; a free one is sought when `port` is 0."""
    for _ in range(BIND_TRIES if port == 0 else 1):
        udp = _Udp(("127.0.0.1", port), _UdpQuery)
        try:
            tcp = _Tcp(("127.0.0.1", udp.server_address[1]), _TcpQueries)
        except OSError:
            udp.server_close()
            continue
        udp.zones = tcp.zones = zones
        return udp, tcp
    raise LabError(f"no port on 127.0.0.1 is free for DNS over both UDP and TCP (asked for {port})", "choose another")
