"""Asks a zone's own name servers, so that no resolver's memory stands between."""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_engine.actions.aws.route53 import Record, record_set, values_of
from runbook_engine.actions.dns_wire import ask_server, spelled, values_in

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
        answer = ask_server(name, kind, server, timeout)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        return f"did not answer for {kind} {name}: {error}"
    if answer.rcode() != dns.rcode.NOERROR:
        return f"answers {kind} {name} with {dns.rcode.to_text(answer.rcode())}"
    got = values_in(answer, name, kind)
    if any(record.alias is not None for record in group):
        return None if got else f"has no answer for {kind} {name}"
    if got in good:
        return None
    wanted = " or ".join(", ".join(sorted(values)) for values in good)
    return f"answers {kind} {name} with {', '.join(sorted(got)) or 'nothing'} instead of {wanted}"


def _wanted_values(record: Record) -> frozenset[str]:
    return frozenset(spelled(record.type, value) for value in values_of(record_set(record)))
