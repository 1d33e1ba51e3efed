"""dns.check: the zone's own name servers answer what they shall answer."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, field_validator

from runbook_engine.actions.dns_wire import ask_server, spelled, values_in
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Finding,
    Outputs,
    Params,
    PositiveDuration,
    satisfied,
    unsatisfied,
)


class DnsCheckParams(Params):
    """Which record, and who is asked for it."""

    name: str = Field(min_length=1, max_length=253, description="the name", examples=["app.example.com"])
    type: str = Field("A", pattern=r"^[A-Z][A-Z0-9]{0,9}$", description="type of the record", examples=["CNAME"])
    values: list[str] = Field(
        description="all the values that it shall have, in any order; an empty list: it shall have none",
        examples=[["192.0.2.10"]],
    )
    servers: list[str] = Field(
        min_length=1,
        max_length=50,
        description="the zone's own name servers (`dig NS example.com`): name or address, with `:port` if it is not 53",
        examples=[["ns1.example.com", "ns2.example.com"]],
    )
    least: int | None = Field(None, ge=1, description="how many of them must answer so; all unless given", examples=[2])
    timeout: PositiveDuration = Field(timedelta(seconds=5), description="for each question", examples=["5s"])

    @field_validator("servers")
    @classmethod
    def _are_different(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("names a server twice")
        return value


class DnsCheckOutputs(Outputs):
    """Who answered what."""

    answers: dict[str, list[str]] = Field({}, description="by server: the values, sorted; servers that gave none lack")


class DnsCheck(Action[DnsCheckParams]):
    """Verify what a zone's own name servers answer, past every resolver's memory.

    What resolvers and browsers remember of the old record they go on using until its TTL is over.
    check: asks each server by UDP, and by TCP where the answer is cut off, without recursion. Values are compared as
    DNS reads them, whatever their order and spelling. A server that does not answer, or answers without authority for
    the zone (a resolver, or a server that lost the zone), counts as one that answers wrongly.
    """

    name = "dns.check"
    Params = DnsCheckParams
    Outputs = DnsCheckOutputs
    example: ClassVar[str] = """\
dns.check:
  name: app.example.com
  type: CNAME
  values: [standby.example.com.]
  servers: [ns1.example.com, ns2.example.com]
"""

    def check(self, params: DnsCheckParams, context: ActionContext) -> Finding:
        """Ask each of them."""
        wanted = _wanted(params)
        answers: dict[str, list[str]] = {}
        problems: dict[str, str] = {}
        for server in params.servers:
            context.pause(0)
            timeout = min(params.timeout.total_seconds(), context.remaining())
            got, problem = _ask(params, server, timeout)
            if got is not None:
                answers[server] = sorted(got)
                if got != wanted:
                    problem = f"answers {', '.join(sorted(got)) or 'nothing'}"
            if problem:
                problems[server] = problem
        least = len(params.servers) if params.least is None else params.least
        good = len(params.servers) - len(problems)
        said = "; ".join(f"{server} {problem}" for server, problem in problems.items())
        evidence = {"answers": answers, "problems": problems}
        if good >= least:
            also = f"; but {said}" if said else ""
            words = f"{good} of {len(params.servers)} name servers answer {params.type} {params.name} as wanted{also}"
            return satisfied(words, outputs={"answers": answers}, evidence=evidence)
        want = ", ".join(sorted(wanted)) or "nothing"
        return unsatisfied(f"{params.type} {params.name} is to be {want}; {said}", evidence=evidence)


def _wanted(params: DnsCheckParams) -> frozenset[str]:
    import dns.exception

    try:
        return frozenset(spelled(params.type, value) for value in params.values)
    except (dns.exception.DNSException, ValueError) as error:
        raise ActionFailedError(
            f"a value is no value of type {params.type}: {error}", hint="write it as a zone file has it"
        ) from None


def _ask(params: DnsCheckParams, server: str, timeout: float) -> tuple[frozenset[str] | None, str]:
    """Give the values that a server answers; None and why when it gives no answer."""
    import dns.exception
    import dns.flags
    import dns.rcode

    try:
        answer = ask_server(params.name, params.type, server, timeout)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        return None, f"did not answer: {error or type(error).__name__}"
    code = answer.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return None, f"answers with {dns.rcode.to_text(code)}"
    if not answer.flags & dns.flags.AA:
        return None, "answers without authority: it is none of the zone's own name servers"
    return values_in(answer, params.name, params.type), ""
