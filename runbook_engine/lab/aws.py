"""The emulated AWS: moto's server for all regions on one loopback port, with a request log before it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.route53.models import RecordSet, route53_backends
from werkzeug.serving import make_server

from runbook_engine.lab import block_bridge, restore_bridge
from runbook_engine.lab.faults import Faults, faulty
from runbook_engine.lab.request_log import RequestLog, logged
from runbook_engine.lab.second_cloud import beside
from runbook_engine.lab.serving import Serving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from runbook_engine.lab.restore_bridge import DataPlane

ACCOUNT = DEFAULT_ACCOUNT_ID
DEFAULT_TTL = 300


@dataclass(frozen=True, slots=True)
class HostedRecord:
    """One record set of a hosted zone, in the words of Route 53."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    alias: str | None = None
    weight: int | None = None
    failover: str | None = None


@dataclass(frozen=True, slots=True)
class HostedZone:
    """A public hosted zone with its records, as they are at this moment."""

    name: str
    records: tuple[HostedRecord, ...]


class AwsServer(Serving):
    """Serves the emulated AWS from threads of this process."""

    def __init__(
        self,
        log: RequestLog,
        plane: DataPlane,
        port: int = 0,
        *,
        faults: Faults | None = None,
        second: WSGIApplication | None = None,
    ) -> None:
        """Bind the port; nothing is answered before `start`."""
        restore_bridge.install(plane)
        block_bridge.install(lambda: plane.spoiled)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the request log says it better
        application: WSGIApplication = DomainDispatcherApplication(create_backend_app)
        if second is not None:
            application = beside(application, second)
        application = faulty(application, faults or Faults())
        application = logged(application, log)
        self._listener = make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)
        super().__init__(self._listener, "aws")

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL is to be set to."""
        return f"http://127.0.0.1:{self._listener.port}"


def hosted_zones() -> list[HostedZone]:
    """The public zones that Route 53 holds now."""
    zones = list(route53_backends[ACCOUNT]["aws"].zones.values())
    return [
        HostedZone(zone.name, tuple(_record(found) for found in list(zone.rrsets)))
        for zone in zones
        if not zone.private_zone
    ]


def _record(found: RecordSet) -> HostedRecord:
    alias = (found.alias_target or {}).get("DNSName")
    return HostedRecord(
        name=found.name if found.name.endswith(".") else f"{found.name}.",
        type=str(found.type),
        ttl=int(found.ttl or DEFAULT_TTL),
        values=tuple(_value(value) for value in found.records or ()),
        alias=alias,
        weight=None if found.weight is None else int(found.weight),
        failover=found.failover,
    )


def _value(value: object) -> str:
    """A record's value; moto keeps the zone's own SOA in another form than what is written later."""
    return str(value["Value"]) if isinstance(value, dict) else str(value)
