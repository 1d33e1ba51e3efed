"""Which quota of AWS bounds what the actions add, and how that is counted.

Source: the codes that Service Quotas lists (`aws service-quotas list-service-quotas --service-code rds`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of an account in a region.

    Attributes:
        service, code: by which Service Quotas knows it.
        words: what it counts, in the plural.
    """

    service: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are: the items of a listing, all of its pages."""

    service: str
    operation: str
    key: str
    parameters: Mapping[str, object] = field(default_factory=dict)


INSTANCES = "ec2:Instance"
COUNTED: dict[str, tuple[Quota, Count]] = {
    "rds:DBInstance": (
        Quota("rds", "L-7B6409FD", "DB instances"),
        Count("rds", "describe_db_instances", "DBInstances"),
    ),
    "rds:ManualSnapshot": (
        Quota("rds", "L-272F1212", "manual DB snapshots"),
        Count("rds", "describe_db_snapshots", "DBSnapshots", {"SnapshotType": "manual"}),
    ),
    "ec2:Image": (
        Quota("ec2", "L-B665C33B", "AMIs"),
        Count("ec2", "describe_images", "Images", {"Owners": ["self"]}),
    ),
    "ec2:Snapshot": (
        Quota("ebs", "L-309BACF6", "EBS snapshots"),
        Count("ec2", "describe_snapshots", "Snapshots", {"OwnerIds": ["self"]}),
    ),
    "dynamodb:Table": (
        Quota("dynamodb", "L-F98FE922", "DynamoDB tables"),
        Count("dynamodb", "list_tables", "TableNames"),
    ),
    "cloudformation:Stack": (
        Quota("cloudformation", "L-0485CB21", "stacks"),
        Count("cloudformation", "describe_stacks", "Stacks"),
    ),
}
"""By kind of `Addition`; running instances are counted in vCPUs, by family."""

_FAMILY = re.compile(r"^([a-z]+)")
_STANDARD = Quota("ec2", "L-1216C47A", "vCPUs of running On-Demand standard instances")
_GRAPHICS = Quota("ec2", "L-DB2E81BA", "vCPUs of running On-Demand G and VT instances")
_ACCELERATED = Quota("ec2", "L-417A185B", "vCPUs of running On-Demand P instances")
_SPECIAL: dict[str, Quota | None] = {
    "g": _GRAPHICS,
    "gr": _GRAPHICS,
    "vt": _GRAPHICS,
    "p": _ACCELERATED,
    "dl": None,
    "f": None,
    "hpc": None,
    "inf": None,
    "mac": None,
    "trn": None,
    "u": None,
    "x": None,
}
_STANDARD_LETTERS = frozenset("acdhimrtz")


def family_quota(instance_type: str) -> Quota | None:
    """Give the quota whose vCPUs an On-Demand instance of a type uses; None for a family that is not known here."""
    found = _FAMILY.match(instance_type)
    family = found[1] if found else ""
    if family in _SPECIAL:
        return _SPECIAL[family]
    return _STANDARD if family[:1] in _STANDARD_LETTERS else None
