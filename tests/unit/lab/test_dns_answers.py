"""The name server's answers for all kinds of Route 53 records."""

import socket
import struct

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from runbook_engine.lab.aws import HostedRecord, HostedZone
from runbook_engine.lab.dns_server import DnsServer, respond

SOA = HostedRecord("a.example.", "SOA", 900, ("ns.x. host.x. 1 7200 900 1209600 86400",))


def _zone(*records, name="a.example."):
    return HostedZone(name, (SOA, *records))


def _record(name, kind, *values, **more):
    return HostedRecord(name, kind, 60, values, **more)


def _answer(name, kind, *zones):
    response = respond(dns.message.make_query(name, kind), zones)
    return [rdata.to_text() for rrset in response.answer for rdata in rrset]


def test_a_chain_is_followed_into_another_zone_and_ends_at_foreign_names():
    zones = (
        _zone(_record("www.a.example.", "CNAME", "app.b.example"), _record("out.a.example.", "CNAME", "x.org.")),
        _zone(_record("app.b.example.", "A", "127.0.0.1"), name="b.example."),
    )
    assert _answer("www.a.example.", "A", *zones) == ["app.b.example.", "127.0.0.1"]
    assert _answer("out.a.example.", "A", *zones) == ["x.org."]


def test_a_circle_of_aliases_ends():
    zone = _zone(_record("x.a.example.", "CNAME", "y.a.example."), _record("y.a.example.", "CNAME", "x.a.example."))
    assert len(_answer("x.a.example.", "A", zone)) == 2


def test_a_record_of_weight_zero_is_not_given():
    zone = _zone(
        _record("x.a.example.", "A", "127.0.0.1", weight=0), _record("x.a.example.", "A", "127.0.0.2", weight=9)
    )
    assert {_answer("x.a.example.", "A", zone)[0] for _ in range(50)} == {"127.0.0.2"}


def test_of_failover_records_the_primary_is_given():
    zone = _zone(
        _record("x.a.example.", "A", "127.0.0.2", failover="SECONDARY"),
        _record("x.a.example.", "A", "127.0.0.1", failover="PRIMARY"),
    )
    assert _answer("x.a.example.", "A", zone) == ["127.0.0.1"]


def test_an_alias_is_answered_under_its_own_name():
    zone = _zone(_record("a.example.", "A", alias="lb.a.example."), _record("lb.a.example.", "A", "127.0.0.9"))
    response = respond(dns.message.make_query("A.example.", "A"), [zone])
    assert response.answer[0].to_text() == "a.example. 60 IN A 127.0.0.9"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x.a.example.", dns.rcode.NOERROR),
        ("deep.a.example.", dns.rcode.NOERROR),
        ("none.a.example.", dns.rcode.NXDOMAIN),
        ("b.example.", dns.rcode.REFUSED),
    ],
)
def test_what_is_missing_is_told_apart(name, code):
    zone = _zone(_record("x.a.example.", "A", "127.0.0.1"), _record("very.deep.a.example.", "A", "127.0.0.1"))
    response = respond(dns.message.make_query(name, "TXT"), [zone])
    assert response.rcode() == code
    assert bool(response.authority) is (code != dns.rcode.REFUSED)


def test_the_closest_zone_answers():
    inner = _zone(_record("x.in.a.example.", "A", "127.0.0.2"), name="in.a.example.")
    outer = _zone(_record("x.in.a.example.", "A", "127.0.0.1"))
    assert _answer("x.in.a.example.", "A", outer, inner) == ["127.0.0.2"]


def test_other_operations_are_not_implemented():
    update = dns.message.make_query("a.example.", "SOA")
    update.set_opcode(dns.opcode.NOTIFY)
    assert respond(update, [_zone()]).rcode() == dns.rcode.NOTIMP


@pytest.fixture
def server():
    texts = [f'"{number:03d}-{"x" * 60}"' for number in range(20)]
    zone = _zone(_record("big.a.example.", "TXT", *texts), _record("bad.a.example.", "A", "not-an-address"))
    running = DnsServer(lambda: [zone])
    running.start()
    yield running.address
    running.stop()


def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(server):
    query = dns.message.make_query("big.a.example.", "TXT", use_edns=False)
    cut = dns.query.udp(query, server[0], port=server[1], timeout=30)
    assert cut.flags & dns.flags.TC
    whole = dns.query.tcp(query, server[0], port=server[1], timeout=30)
    assert len(whole.answer[0]) == 20
    roomy = dns.message.make_query("big.a.example.", "TXT", use_edns=0, payload=4096)
    assert len(dns.query.udp(roomy, server[0], port=server[1], timeout=30).answer[0]) == 20


def test_what_cannot_be_read_or_served_is_answered_with_an_error(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(5)
        probe.sendto(struct.pack("!HHHHHH", 77, 0, 1, 0, 0, 0) + b"\xff\xff\xff", server)
        reply = dns.message.from_wire(probe.recv(512))
    assert (reply.id, reply.rcode()) == (77, dns.rcode.FORMERR)
    broken = dns.query.udp(dns.message.make_query("bad.a.example.", "A"), server[0], port=server[1], timeout=30)
    assert broken.rcode() == dns.rcode.SERVFAIL
