"""Breaks and mends the parts of the running lab. What is broken is a set; the parts are made to agree with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from runbook_engine.lab.breaks import REGIONS, Broken
from runbook_engine.lab.control import ControlServer
from runbook_engine.lab.dns_server import DnsServer
from runbook_engine.lab.faults import Faults
from runbook_engine.lab.hosts import HostFleet
from runbook_engine.lab.mail import MailServer
from runbook_engine.lab.restore_bridge import DataPlane
from runbook_engine.lab.table_bridge import TableBridge

SLOW_RESTORE_POLLS = 8


@dataclass(slots=True)
class Damage:
    """The parts, and what is broken of them. Use it from the main thread only, because of the hosts' processes."""

    fleet: HostFleet
    faults: Faults
    plane: DataPlane
    names: DnsServer
    mail: MailServer
    control: ControlServer
    tables: TableBridge
    broken: set[Broken] = field(default_factory=set)

    def change(self, what: Broken, *, broken: bool) -> None:
        """Break or mend one thing; what is so already stays so."""
        if (what in self.broken) == broken:
            return
        (self.broken.add if broken else self.broken.discard)(what)
        self._set_hosts()
        if what.what == "region" and what.region is not None:
            self.faults.set_region(what.region, up=not broken)
            self.control.switch({"aws": "degraded" if broken else "clear", "aws_region": what.region})
        elif what.what in self._switches():
            self._switches()[what.what](broken)

    def _set_hosts(self) -> None:
        for region in REGIONS:
            if self.broken & {Broken("region", region), Broken("app", region)}:
                self.fleet.stop(region)
            else:
                self.fleet.start(region)
        self.fleet.wait_ready()

    def _spoil(self, broken: bool) -> None:
        self.plane.set_spoiled(spoiled=broken)
        self.tables.set_spoiled(spoiled=broken)

    def _switches(self) -> dict[str, Callable[[bool], None]]:
        usual = self.plane.usual_polls
        return {
            "throttling": lambda broken: self.faults.set_throttling(on=broken),
            "slow-restore": lambda broken: self.plane.set_restore_polls(usual + (SLOW_RESTORE_POLLS if broken else 0)),
            "wrong-data": self._spoil,
            "mail": lambda broken: self.mail.set_up(up=not broken),
            "dns": lambda broken: self.names.set_up(up=not broken),
            "status-page": lambda broken: self.control.set_readable(readable=not broken),
        }
