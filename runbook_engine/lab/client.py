"""How to talk to a running lab: break and mend a region, change the status pages, refuse mail."""

from __future__ import annotations

from pathlib import Path

import httpx

from runbook_engine.lab.addresses import Address, AppAddress, LabAddresses, read_lab
from runbook_engine.lab.breaks import Broken
from runbook_engine.lab.errors import LabError

__all__ = [
    "Address",
    "AppAddress",
    "LabAddresses",
    "break_region",
    "lab_state",
    "mend_region",
    "read_lab",
    "refuse_mail",
    "set_broken",
    "set_status",
    "snapshot_file",
]

TIMEOUT_SECONDS = 30.0
LEVER_TIMEOUT_SECONDS = 100.0


def lab_state(lab: LabAddresses) -> dict[str, object]:
    """What the lab shows and runs at this moment."""
    return _ask("GET", lab, "/_lab/state", None)


def set_status(lab: LabAddresses, *, aws: str | None = None, statuspage: str | None = None) -> dict[str, object]:
    """Change what the status pages say; returns the new state."""
    changes = {"aws": aws, "statuspage": statuspage}
    return _ask("POST", lab, "/_lab/state", {key: value for key, value in changes.items() if value is not None})


def set_broken(lab: LabAddresses, what: Broken, *, broken: bool) -> dict[str, object]:
    """Break or mend one thing; returns the new state once that is done."""
    return _ask(
        "POST", lab, f"/_lab/{'break' if broken else 'mend'}", {"what": str(what).split()}, LEVER_TIMEOUT_SECONDS
    )


def break_region(lab: LabAddresses, region: str) -> dict[str, object]:
    """The disaster: the region's hosts and APIs go down and AWS's status page reports it."""
    return set_broken(lab, Broken("region", region), broken=True)


def mend_region(lab: LabAddresses, region: str) -> dict[str, object]:
    """The region comes back and AWS's status page calls the event resolved."""
    return set_broken(lab, Broken("region", region), broken=False)


def refuse_mail(lab: LabAddresses, address: str, code: int | None) -> dict[str, object]:
    """Refuse mail to an address with an SMTP code such as 550, or accept it again with None."""
    return _ask("POST", lab, "/_lab/mail", {"address": address, "code": code})


def snapshot_file(lab: LabAddresses, snapshot_id: str) -> Path:
    """The bytes behind a snapshot."""
    return lab.data_dir / "snapshots" / f"{snapshot_id.lower()}.sqlite"


def _ask(
    method: str, lab: LabAddresses, path: str, document: dict[str, object] | None, seconds: float = TIMEOUT_SECONDS
) -> dict[str, object]:
    try:
        # no proxy of the environment: the lab is on this machine
        with httpx.Client(trust_env=False, timeout=seconds, base_url=lab.status_url) as client:
            response = client.request(method, path, json=document)
    except httpx.HTTPError as error:
        raise LabError(f"the lab does not answer at {lab.status_url}: {error}", "is it still running?") from error
    answer: dict[str, object] = response.json()
    if response.is_error:
        raise LabError(str(answer["error"]), str(answer.get("hint", "")))
    return answer
