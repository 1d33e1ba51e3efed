"""What `lab.json` says: where everything in the running lab is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pydantic

from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import StateFolder
from runbook_engine.lab.parent import is_gone


class _Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Address(_Frozen):
    """A host and port."""

    host: str
    port: int


class AppAddress(_Frozen):
    """An app host: where it answers, its folder and its region."""

    url: str
    dir: Path
    region: str


class ReleaseFile(_Frozen):
    """A release archive on disk."""

    file: Path
    sha256: str


class LabAddresses(_Frozen):
    """Everything a runbook's inventory or a test needs to know of the running lab. Times are UTC."""

    pid: int
    started_at: datetime
    expires_at: datetime
    aws_endpoint: str
    aws_account: str
    primary_region: str
    standby_region: str
    request_log: Path
    db_instance: str
    snapshot_id: str
    snapshot_created_at: datetime
    snapshot_file: Path
    snapshot_manifest: Path
    buckets: dict[str, str]
    hosted_zone: str
    hosted_zone_id: str
    app_name: str
    dns: Address
    status_url: str
    front_url: str
    smtp: Address
    mail_dir: Path
    apps: dict[str, AppAddress]
    data_dir: Path
    version: str
    releases: dict[str, ReleaseFile]
    restore_polls: int


def read_lab(state: Path) -> LabAddresses:
    """The addresses of the lab that runs in the folder `state`; raises LabError when none does."""
    record = StateFolder(state).record
    try:
        lab = LabAddresses.model_validate_json(record.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LabError(f"no lab is ready in {state}", _how_to_start(state)) from error
    except pydantic.ValidationError as error:
        wrong = f"{record} is not a lab's record: {error.error_count()} fields differ"
        raise LabError(wrong, "start a new lab") from error
    if is_gone(lab.pid):
        raise LabError(f"the lab in {state} has ended (process {lab.pid} is gone)", _how_to_start(state))
    return lab


def _how_to_start(state: Path) -> str:
    return f"start one with `runbook lab up` (here: python -m runbook_engine.lab --state {state})"
