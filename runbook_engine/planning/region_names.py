"""Tells which AWS region a text names: an ARN, a URL, the name of a host; and where global services are changed."""

import re
from collections.abc import Iterable

_REGION = r"[a-z]{2}(?:-[a-z]+){1,3}-\d"
_ARN = re.compile(rf"\barn:aws[a-z-]*:[a-z0-9-]+:({_REGION}):")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^/?#\s]*@)?([A-Za-z0-9.-]+)", re.IGNORECASE)
_BARE = re.compile(r"^([A-Za-z0-9.-]+)(?::\d+)?(?:/\S*)?$")
_AMAZON = re.compile(r"\.(?:amazonaws\.com(?:\.cn)?|aws)\.?$", re.IGNORECASE)
# `s3-us-west-2` is an old form of S3's names.
_LABEL = re.compile(rf"^(?:s3-)?({_REGION})$")
_QUERY_HOST = re.compile(r"[?&]host=([A-Za-z0-9.-]+)")

# Where the one control plane of each partition lives. Source: AWS Fault Isolation Boundaries, "Global services".
_CONTROL_PLANES: dict[str, frozenset[str]] = {
    "cloudfront": frozenset({"us-east-1"}),
    "globalaccelerator": frozenset({"us-west-2"}),
    "iam": frozenset({"us-east-1", "us-gov-west-1", "cn-north-1"}),
    "organizations": frozenset({"us-east-1", "us-gov-west-1", "cn-northwest-1"}),
    "route53": frozenset({"us-east-1", "us-gov-west-1", "cn-northwest-1"}),
    "route53-recovery-control-config": frozenset({"us-west-2"}),
}
GLOBAL_SERVICES = frozenset(_CONTROL_PLANES)


def services_of(operations: Iterable[str]) -> frozenset[str]:
    """Name the services of operations such as `rds:CopyDBSnapshot`."""
    return frozenset(operation.partition(":")[0] for operation in operations)


def lives_in(service: str, region: str) -> bool:
    """Whether a global service is changed through this region."""
    return region in _CONTROL_PLANES.get(service, ())


def regions_of(text: str, *, is_host: bool = False) -> frozenset[str]:
    """Give the regions that an ARN, a URL or the name of a host is in.

    Args:
        is_host: the text is known to be a host's name or address; without that a text without `://` counts only when it
            is a name of Amazon's, because `releases.us-east-1.tar` is a file.
    """
    found = set(_ARN.findall(text))
    url = _URL.match(text)
    bare = None if url else _BARE.match(text)
    if url:
        hosts = [url[1], *_QUERY_HOST.findall(text)]
    elif bare and (is_host or _AMAZON.search(bare[1])):
        hosts = [bare[1]]
    else:
        hosts = []
    found |= {region for host in hosts for region in _of_host(host)}
    return frozenset(found)


def _of_host(host: str) -> Iterable[str]:
    """The last label that is a region counts: those before it may be a bucket's or a database's own words."""
    labels = host.lower().rstrip(".").split(".")
    found = [match[1] for label in labels if (match := _LABEL.match(label))]
    if found:
        return found[-1:]
    return ["us-east-1"] if labels[-3:] == ["compute-1", "amazonaws", "com"] else []
