"""Which snapshot of a database is meant: one by its name, or the available one with the newest data."""

from datetime import datetime

from runbook_engine.actions.aws.freshness import or_earlier
from runbook_engine.actions.aws.rds import Snapshot, find_snapshot, snapshots_of
from runbook_engine.actions.aws.rds_restore_params import LATEST
from runbook_engine.sdk import ActionFailedError, AwsClient

_READY = "available"


def choose_snapshot(
    rds: AwsClient, region: str, snapshot: str, source: str | None, *, before: datetime | None = None
) -> Snapshot:
    """Find the snapshot that is meant, in the client's region.

    Args:
        region: its name, for messages.
        snapshot: id or ARN, or `latest`.
        source: the instance that it must be of; None for any, with an id.
        before: with `latest`, data from then or earlier only.

    Raises:
        ActionFailedError: there is none that could be restored.
    """
    if snapshot == LATEST:
        return _latest(rds, region, source or "", before)
    found = find_snapshot(rds, snapshot)
    if found is None:
        raise ActionFailedError(
            f"there is no snapshot {snapshot} in {region}", hint="give its id in that region, or `latest`"
        )
    if source is not None and found.source != source:
        raise ActionFailedError(f"snapshot {found.name} is of {found.source}, not of {source}")
    if found.status != _READY:
        raise ActionFailedError(f"snapshot {found.name} is {found.status}, not available")
    return found


def _latest(rds: AwsClient, region: str, source: str, before: datetime | None) -> Snapshot:
    ready = [found for found in snapshots_of(rds, source) if found.status == _READY]
    in_time = [found for found in ready if before is None or found.taken <= before]
    if not in_time:
        hint = "snapshots must be copied into the region beforehand; look at its backup plan"
        raise ActionFailedError(
            f"there is no available snapshot of {source} in {region}{or_earlier(before)}",
            hint=f"the oldest is of {ready[-1].taken.isoformat()}" if ready else hint,
        )
    return in_time[0]
