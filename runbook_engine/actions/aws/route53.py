"""Route 53 as values: zones, record sets as they are and as they are wanted, and how the two compare."""

from collections.abc import Iterable, Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.sdk import ActionFailedError, AwsAnswer, AwsClient, Params

RecordSet = Mapping[str, JsonValue]
DEFAULT_TTL = 60
ROUTING = ("Weight", "Failover", "Region")


class Alias(Params):
    """Another AWS resource that the record stands for."""

    zone: str = Field(description="hosted zone id of the resource", examples=["Z2FDTNDATAQYW2"])
    name: str = Field(description="its DNS name", examples=["lb-1.eu-west-1.elb.amazonaws.com"])
    evaluate_health: bool = Field(default=False, description="whether its health counts")


class Record(Params):
    """A record as it shall be."""

    name: str = Field(min_length=1, description="full name", examples=["app.example.com"])
    type: Literal["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"] = Field("A", description="its type")
    ttl: int | None = Field(
        None, ge=0, le=2**31 - 1, description="seconds that resolvers may keep it; default 60", examples=[60]
    )
    values: list[str] = Field([], description="its values", examples=[["192.0.2.10"]])
    alias: Alias | None = Field(None, description="in place of values: an AWS resource")
    set_identifier: str | None = Field(None, description="tells records of one name apart", examples=["standby"])
    weight: int | None = Field(None, ge=0, le=255, description="its share among the records of one name")
    failover: Literal["PRIMARY", "SECONDARY"] | None = Field(None, description="its part in failover routing")
    routing_region: str | None = Field(None, description="region for routing by latency", examples=["eu-west-1"])
    health_check: str | None = Field(None, description="id of a health check")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.values) == (self.alias is not None):
            raise ValueError("give exactly one of values and alias")
        if self.alias is not None and self.ttl is not None:
            raise ValueError("an alias has no ttl of its own")
        policies = [policy for policy in (self.weight, self.failover, self.routing_region) if policy is not None]
        if len(policies) > 1:
            raise ValueError("weight, failover and routing_region exclude one another")
        if (len(policies) == 1) != (self.set_identifier is not None):
            raise ValueError("weight, failover or routing_region go with a set_identifier, and only with one")
        return self

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the zone's other records."""
        return absolute(self.name), self.type, self.set_identifier or ""

    @property
    def title(self) -> str:
        """How to name it to people."""
        return f"{self.type} {self.name}" + (f" ({self.set_identifier})" if self.set_identifier else "")


def absolute(name: str) -> str:
    """Give the one spelling of a name: lower case, final dot, `*` as such."""
    return name.lower().rstrip(".").replace("\\052", "*") + "."


def record_set(record: Record) -> dict[str, JsonValue]:
    """Give the record set that Route 53 wants."""
    wanted: dict[str, JsonValue] = {"Name": absolute(record.name), "Type": record.type}
    if record.alias is not None:
        wanted["AliasTarget"] = {
            "HostedZoneId": record.alias.zone,
            "DNSName": absolute(record.alias.name),
            "EvaluateTargetHealth": record.alias.evaluate_health,
        }
    else:
        wanted["TTL"] = DEFAULT_TTL if record.ttl is None else record.ttl
        wanted["ResourceRecords"] = [{"Value": _value(record.type, value)} for value in record.values]
    optional: dict[str, JsonValue] = {
        "SetIdentifier": record.set_identifier,
        "Weight": record.weight,
        "Failover": record.failover,
        "Region": record.routing_region,
        "HealthCheckId": record.health_check,
    }
    return wanted | {key: value for key, value in optional.items() if value is not None}


def normal(found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Give a record set in the form in which two can be compared."""
    kind = str(found["Type"])
    plain: dict[str, JsonValue] = {"Name": absolute(str(found["Name"])), "Type": kind}
    plain |= {key: found[key] for key in ("SetIdentifier", *ROUTING, "HealthCheckId") if found.get(key) is not None}
    alias = found.get("AliasTarget")
    if isinstance(alias, Mapping):
        name = absolute(str(alias["DNSName"])).removeprefix("dualstack.")
        plain["AliasTarget"] = {**alias, "DNSName": name}
        return plain
    plain["TTL"] = found.get("TTL")
    plain["ResourceRecords"] = [{"Value": value} for value in sorted(values_of(found))]
    return plain


def values_of(found: RecordSet) -> list[str]:
    """Give the values of a record set, names in their one spelling."""
    records = found.get("ResourceRecords")
    listed = [record["Value"] for record in records if isinstance(record, Mapping)] if isinstance(records, list) else []
    return [absolute(str(value)) if found["Type"] in {"CNAME", "NS", "PTR"} else str(value) for value in listed]


def find_zone(route53: AwsClient, zone: str) -> str:
    """Give a hosted zone's id by its id or its name.

    Raises:
        ActionFailedError: none has that name, or several have.
    """
    if "." not in zone:
        return zone.removeprefix("/hostedzone/")
    name = absolute(zone)
    answer = route53.call("list_hosted_zones_by_name", DNSName=name)
    found = [item for item in answer.get("HostedZones", []) if absolute(item["Name"]) == name]
    public = [item for item in found if not (item.get("Config") or {}).get("PrivateZone")]
    chosen = public or found
    if len(chosen) != 1:
        raise ActionFailedError(
            f"{len(chosen)} hosted zones are named {zone}", hint="give the zone's id (Z…), as Route 53 lists it"
        )
    return str(chosen[0]["Id"]).removeprefix("/hostedzone/")


def strangers(route53: AwsClient, zone: str, given: str, wanted: Iterable[Record]) -> list[Record]:
    """Give the wanted records that can't be in the zone, because their names don't end with its name.

    Args:
        zone: the hosted zone's id.
        given: how the step names the zone, which is its name or its id.
    """
    name = absolute(given) if "." in given else absolute(route53.call("get_hosted_zone", Id=zone)["HostedZone"]["Name"])
    return [record for record in wanted if not f".{absolute(record.name)}".endswith(f".{name}")]


def name_servers_of(route53: AwsClient, zone: str) -> list[str]:
    """Name the servers that answer for a zone."""
    answer = route53.call("get_hosted_zone", Id=zone)
    return list((answer.get("DelegationSet") or {}).get("NameServers") or [])


def existing(route53: AwsClient, zone: str, wanted: Iterable[Record]) -> dict[tuple[str, str, str], AwsAnswer]:
    """Read those of the zone's record sets that have the wanted ones' names and types."""
    found: dict[tuple[str, str, str], AwsAnswer] = {}
    for name, kind in dict.fromkeys(record.key[:2] for record in wanted):
        pages = route53.pages(
            "list_resource_record_sets",
            "ResourceRecordSets",
            HostedZoneId=zone,
            StartRecordName=name,
            StartRecordType=kind,
        )
        for item in pages:
            if (absolute(item["Name"]), item["Type"]) != (name, kind):
                break  # the listing is sorted and began at this name and type
            found[name, kind, item.get("SetIdentifier") or ""] = item
    return found


def _value(kind: str, value: str) -> str:
    """Quote a text record's value, as Route 53 wants it."""
    if kind == "TXT" and not value.startswith('"'):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value
