"""aws.route53_records: DNS records of a hosted zone, confirmed by the zone's own name servers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, StringConstraints

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.dns_answers import DnsProblem, dns_problems
from runbook_engine.actions.aws.route53 import (
    Record,
    existing,
    find_zone,
    name_servers_of,
    normal,
    record_set,
    strangers,
)
from runbook_engine.actions.aws.waiting import Seen, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

NameServer = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9_.-]+(:[0-9]{1,5})?|[0-9A-Fa-f:]+|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?)$")
]


class Route53Params(PolledParams):
    """The zone and its records."""

    region: str = Field(
        "us-east-1", description="Route 53 is one service for all regions; leave it", examples=["us-east-1"]
    )
    zone: str = Field(
        min_length=1, description="hosted zone, by name or id", examples=["example.com", "Z0123456789ABCDEFGHIJ"]
    )
    records: list[Record] = Field(min_length=1, description="records as they shall be; others are left alone")
    verify_dns: bool = Field(default=False, description="whether the zone's name servers must answer so as well")
    name_servers: list[NameServer] = Field(
        [], description="ask these (host or host:port) in place of the zone's own", examples=[["127.0.0.1:5353"]]
    )


class Route53Outputs(Outputs):
    """What was changed."""

    zone: str = Field("", description="id of the hosted zone")
    change: str = Field("", description="id of the change, when there was one")
    before: list[JsonValue] = Field([], description="the record sets as they were, which `revert` puts back")
    created: list[JsonValue] = Field(
        [], description="the record sets that were not there before, which `revert` deletes"
    )


class Route53Records(Action[Route53Params]):
    """Set DNS records in a Route 53 hosted zone.

    Changing records needs Route 53's control plane in us-east-1. A runbook for the loss of us-east-1 itself should
    rely on failover records and health checks that are in place beforehand.
    check: compares the zone's records, and fails for names that are not in the zone; with `verify_dns` or
    `name_servers` asks the name servers too.
    apply: one change batch with what differs, waits until it is in sync and the name servers answer so.
    revert: puts back the records as they were, and deletes those that were not there.
    """

    name = "aws.route53_records"
    eventual = True
    duration = "1-2 min"
    tested = ("moto",)
    aws_reads = (
        "route53:ListHostedZonesByName",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
    )
    aws_writes = ("route53:ChangeResourceRecordSets", "route53:GetChange")
    Params = Route53Params
    Outputs = Route53Outputs
    example: ClassVar[str] = """\
aws.route53_records:
  zone: example.com
  records:
    - {name: app.example.com, type: CNAME, ttl: 60, values: [standby.example.com]}
  verify_dns: true
"""

    def check(self, params: Route53Params, context: ActionContext) -> Finding:
        """Compare."""
        route53 = client(params, context, "route53")
        zone = find_zone(route53, params.zone)
        if outside := strangers(route53, zone, params.zone, params.records):
            raise ActionFailedError(
                f"{', '.join(record.title for record in outside)}: not in the hosted zone {params.zone}",
                hint="write the record's full name, which ends with the zone's, or set it in the zone it belongs to",
            )
        found = existing(route53, zone, params.records)
        differing = _differing(params.records, found)
        if differing:
            changes = tuple(_change(record, found.get(record.key)) for record in differing)
            return unsatisfied(f"{len(differing)} of {len(params.records)} records differ", changes=changes)
        problems = _ask_servers(params, context, route53, zone)
        if problems:
            changes = tuple(Change(what=f"answer of {problem.server}", before=problem.text) for problem in problems)
            return unsatisfied("; ".join(map(str, problems)), changes=changes)
        confirmed = ", and the name servers answer so" if params.verify_dns or params.name_servers else ""
        return satisfied(f"{len(params.records)} records are as wanted{confirmed}", outputs={"zone": zone})

    def apply(self, params: Route53Params, context: ActionContext) -> Applied:
        """Change what differs, then wait."""
        route53 = client(params, context, "route53")
        zone = find_zone(route53, params.zone)
        found = existing(route53, zone, params.records)
        differing = _differing(params.records, found)
        before = [dict(found[record.key]) for record in differing if record.key in found]  # as AWS spells it
        created = [record_set(record) for record in differing if record.key not in found]
        change = ""
        if differing:
            batch = [{"Action": "UPSERT", "ResourceRecordSet": record_set(record)} for record in differing]
            change = _submit(params, context, route53, zone, batch)
        _wait_for_servers(params, context, route53, zone)
        outputs: dict[str, JsonValue] = {"zone": zone, "change": change, "before": [*before], "created": [*created]}
        return Applied(summary=f"changed {len(differing)} records of {params.zone}", outputs=outputs)

    def revert(self, params: Route53Params, context: ActionContext) -> Applied:
        """Put back what was there before."""
        before, created = context.recorded.get("before"), context.recorded.get("created")
        if not isinstance(before, Sequence) or not isinstance(created, Sequence):
            raise ActionFailedError(
                f"nothing is recorded of what the records of {params.zone} were before",
                hint="set them by a step of their own",
            )
        route53 = client(params, context, "route53")
        zone = find_zone(route53, params.zone)
        there = existing(route53, zone, params.records)
        batch = [{"Action": "UPSERT", "ResourceRecordSet": item} for item in before]
        gone = [record for record in params.records if record_set(record) in created and record.key in there]
        # A record can only be deleted as it is, not as we made it.
        batch += [{"Action": "DELETE", "ResourceRecordSet": dict(there[record.key])} for record in gone]
        if not batch:
            return Applied(summary="there is nothing to put back", changed=False)
        change = _submit(params, context, route53, zone, batch)
        return Applied(summary=f"put back {len(before)} records, deleted {len(gone)}", outputs={"change": change})


def _differing(wanted: Sequence[Record], found: Mapping[tuple[str, str, str], Mapping[str, JsonValue]]) -> list[Record]:
    return [
        record
        for record in wanted
        if record.key not in found or normal(found[record.key]) != normal(record_set(record))
    ]


def _change(record: Record, found: Mapping[str, JsonValue] | None) -> Change:
    before = None if found is None else _shown(normal(found))
    return Change(what=record.title, before=before, after=_shown(normal(record_set(record))))


def _shown(plain: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in plain.items() if key not in {"Name", "Type", "SetIdentifier"}}


def _submit(
    params: Route53Params, context: ActionContext, route53: AwsClient, zone: str, batch: Sequence[Mapping[str, object]]
) -> str:
    """Hand in one change batch and wait until every name server of Route 53 has it."""
    answer = route53.call(
        "change_resource_record_sets",
        HostedZoneId=zone,
        ChangeBatch={"Comment": f"run {context.run.id}, step {context.run.step}"[:256], "Changes": list(batch)},
    )
    number = answer["ChangeInfo"]["Id"]
    if answer["ChangeInfo"]["Status"] != "INSYNC":

        def look() -> Seen:
            return Seen(route53.call("get_change", Id=number)["ChangeInfo"]["Status"])

        wait_until(params, context, look, what="the change", ready=("INSYNC",))
    return str(number).removeprefix("/change/")


def _wait_for_servers(params: Route53Params, context: ActionContext, route53: AwsClient, zone: str) -> None:
    def look() -> Seen:
        problems = _ask_servers(params, context, route53, zone)
        return Seen(str(problems[0]) if problems else "answers")

    wait_until(params, context, look, what=params.zone, ready=("answers",))


def _ask_servers(params: Route53Params, context: ActionContext, route53: AwsClient, zone: str) -> list[DnsProblem]:
    if not params.verify_dns and not params.name_servers:
        return []
    servers = params.name_servers or name_servers_of(route53, zone)
    if not servers:
        raise ActionFailedError(f"zone {zone} has no name servers to ask", hint="give name_servers")
    return dns_problems(params.records, servers, timeout=context.remaining())
