"""The emulator's data plane: gives RDS snapshots and restored instances real bytes, and restores some time.

moto keeps only the names and states of RDS resources. Here each instance of the lab has a SQLite file, a snapshot
is a copy of that file, and a restore puts the snapshot's bytes where the new instance's rows are expected. What is
verified after a rehearsed restore are therefore truly restored bytes, though not bytes restored by AWS.
"""

from __future__ import annotations

import shutil
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from moto.rds.models import DBInstance, DBSnapshot, RDSBackend, rds_backends

from runbook_engine.lab import dataset
from runbook_engine.lab.files import StateFolder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONE_LEFT = 0


class DataPlane:
    """Knows which file holds the bytes of which instance and of which snapshot."""

    def __init__(self, folder: StateFolder, restore_polls: int) -> None:
        """`restore_polls` is how many answers call a restored instance `creating` before it is `available`."""
        self.restore_polls = self.usual_polls = restore_polls
        self._folder = folder
        self._snapshots: dict[tuple[str, str], Path] = {}
        self._pending: dict[tuple[str, str], tuple[int, Path | None]] = {}
        self._spoilt: dict[tuple[str, str], Path] = {}
        self._spoiled = False
        self._lock = threading.RLock()

    @property
    def spoiled(self) -> bool:
        """Whether what backups bring is wrong."""
        return self._spoiled

    def set_restore_polls(self, polls: int) -> None:
        """Let restores take so many answers from now on, those that are going on at most."""
        with self._lock:
            self.restore_polls = polls
            self._pending = {key: (min(left, polls), source) for key, (left, source) in self._pending.items()}

    def set_spoiled(self, *, spoiled: bool) -> None:
        """Let restores bring data of which a part is lost, or let them and what they brought be right again."""
        with self._lock:
            mended = self._spoiled and not spoiled
            self._spoiled = spoiled
            if mended:
                for (region, instance), source in self._spoilt.items():
                    self._bring(source, region, instance)
                self._spoilt.clear()  # they may take writes from now on

    def snapshot_taken(self, region: str, instance: str, snapshot: str) -> None:
        """Copy the instance's file; an instance without data gives a snapshot without data."""
        source = self._folder.database(region, instance)
        if not source.exists():
            return
        with self._lock:
            target = self._unused_file(snapshot)
            dataset.back_up(source, target)
            manifest = dataset.manifest_json(dataset.describe(target))
            write_atomically(target.with_suffix(".manifest.json"), manifest)
            self._snapshots[region, snapshot.lower()] = target

    def snapshot_copied(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Let the copy (region, name) stand for the same bytes, which never change."""
        with self._lock:
            if source in self._snapshots:
                self._snapshots[target] = self._snapshots[source]

    def snapshot_deleted(self, region: str, snapshot: str) -> None:
        """Forget a snapshot; its bytes stay, because copies of it may use them."""
        with self._lock:
            self._snapshots.pop((region, snapshot.lower()), None)

    def restore_began(self, region: str, snapshot: str, database: DBInstance) -> None:
        """Call the instance `creating` until it was asked about often enough; then bring its data."""
        with self._lock:
            source = self._snapshots.get((region, snapshot.lower()))
            self._pending[region, _name(database)] = (self.restore_polls, source)
            database.status = "creating"
            if self.restore_polls <= NONE_LEFT:
                self._finish(region, database)

    def asked_about(self, region: str, database: DBInstance) -> None:
        """Count one answer about an instance that is being restored."""
        key = (region, _name(database))
        with self._lock:
            if key not in self._pending:
                return
            left, source = self._pending[key]
            if left > NONE_LEFT:
                self._pending[key] = (left - 1, source)
            else:
                self._finish(region, database)

    def instance_deleted(self, region: str, instance: str) -> None:
        """Remove the rows with the instance, so that a later restore cannot be mistaken for this one."""
        with self._lock:
            self._pending.pop((region, instance.lower()), None)
            self._spoilt.pop((region, instance.lower()), None)
            self._folder.database(region, instance).unlink(missing_ok=True)

    def _finish(self, region: str, database: DBInstance) -> None:
        _, source = self._pending.pop((region, _name(database)))
        if source is not None:
            self._bring(source, region, _name(database))
            if self._spoiled:
                self._spoilt[region, _name(database)] = source
        database.status = "available"

    def _bring(self, source: Path, region: str, instance: str) -> None:
        """Put a snapshot's bytes where the instance's rows are expected, all at once."""
        target = self._folder.database(region, instance)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        if self._spoiled:
            dataset.spoil(part)
        part.replace(target)

    def _unused_file(self, snapshot: str) -> Path:
        wanted = self._folder.snapshots / f"{snapshot.lower()}.sqlite"
        number = 2
        while wanted.exists():  # the same name in another region, or used again after a deletion
            wanted = self._folder.snapshots / f"{snapshot.lower()}.{number}.sqlite"
            number += 1
        return wanted


class BridgedBackend(RDSBackend):
    """moto's RDS with a data plane, slow restores and the origin of copied snapshots."""

    plane: ClassVar[DataPlane]

    def create_db_instance(self, db_kwargs: dict[str, Any]) -> DBInstance:
        """Create an instance, without an automated snapshot if it keeps no backups."""
        database = super().create_db_instance(db_kwargs)
        if not database.backup_retention_period:  # then AWS takes no automated snapshot, but moto does
            automated = self.describe_db_snapshots(_name(database), snapshot_type="automated")
            for snapshot in automated:
                self.delete_db_snapshot(snapshot.db_snapshot_identifier)
        return database

    def create_db_snapshot(
        self,
        db_instance_identifier: str,
        db_snapshot_identifier: str,
        *args: Any,
        **kwargs: Any,
    ) -> DBSnapshot:
        """Take a snapshot of the instance's rows too."""
        snapshot = super().create_db_snapshot(db_instance_identifier, db_snapshot_identifier, *args, **kwargs)
        if snapshot.snapshot_type == "manual":  # automated ones exist by name only
            self.plane.snapshot_taken(self.region_name, db_instance_identifier, db_snapshot_identifier)
        return snapshot

    def copy_db_snapshot(
        self,
        source_db_snapshot_identifier: str,
        target_db_snapshot_identifier: str,
        *args: Any,
        **kwargs: Any,
    ) -> DBSnapshot:
        """Copy a snapshot with its rows, and remember where it came from."""
        source = self.get_db_snapshot(source_db_snapshot_identifier)
        snapshot = super().copy_db_snapshot(
            source_db_snapshot_identifier, target_db_snapshot_identifier, *args, **kwargs
        )
        _tell_origin(snapshot, source)
        self.plane.snapshot_copied((source.region, source.resource_id), (self.region_name, snapshot.resource_id))
        return snapshot

    def delete_db_snapshot(self, db_snapshot_identifier: str) -> DBSnapshot:
        """Delete a snapshot and forget its rows."""
        snapshot = super().delete_db_snapshot(db_snapshot_identifier)
        self.plane.snapshot_deleted(self.region_name, db_snapshot_identifier)
        return snapshot

    def restore_db_instance_from_db_snapshot(self, from_snapshot_id: str, overrides: dict[str, Any]) -> DBInstance:
        """Begin a restore, which takes its time and then brings the rows."""
        database = super().restore_db_instance_from_db_snapshot(from_snapshot_id, overrides)
        self.plane.restore_began(self.region_name, from_snapshot_id.rpartition(":")[2], database)
        return database

    def describe_db_instances(
        self,
        db_instance_identifier: str | None = None,
        filters: Any = None,
    ) -> list[DBInstance]:
        """Describe instances; each answer brings a restore nearer to its end."""
        found = super().describe_db_instances(db_instance_identifier, filters)
        for database in found:
            self.plane.asked_about(self.region_name, database)
        return found

    def delete_db_instance(
        self,
        db_instance_identifier: str,
        *args: Any,
        **kwargs: Any,
    ) -> DBInstance:
        """Delete an instance and its rows."""
        database = super().delete_db_instance(db_instance_identifier, *args, **kwargs)
        self.plane.instance_deleted(self.region_name, db_instance_identifier)
        return database


def install(data_plane: DataPlane) -> None:
    """Make moto use RDS backends that report to `data_plane`; call it before the first RDS request."""

    class Installed(BridgedBackend):
        __module__ = RDSBackend.__module__  # moto finds a backend's URLs beside the module of its class
        plane = data_plane

    rds_backends.backend = Installed


def backdate_snapshots(account: str, times: Mapping[tuple[str, str], tuple[datetime, datetime]]) -> None:
    """Set when (region, snapshot) was created and when the data in it was, which no API call can."""
    for (region, snapshot), (created, original) in times.items():
        found = rds_backends[account][region].database_snapshots[snapshot]
        found.created = created.replace(tzinfo=None)
        found.original_snapshot_create_time = original.replace(tzinfo=None)


def _tell_origin(snapshot: DBSnapshot, source: DBSnapshot) -> None:
    """Report what AWS reports about a copy and moto does not; its serialiser reads these names."""
    snapshot.__dict__["source_db_snapshot_identifier"] = source.arn
    snapshot.__dict__["source_region"] = source.region


def _name(database: DBInstance) -> str:
    return str(database.db_instance_identifier).lower()


def take_snapshot(account: str, region: str, instance: str, snapshot: str, copy_to: Sequence[str]) -> bool:
    """Take a snapshot and copy it to other regions, as a backup plan does; false when there is no such instance."""
    backend = rds_backends[account][region]
    if instance not in backend.databases:
        return False
    taken = backend.create_db_snapshot(instance, snapshot, tags=[{"Key": "taken-by", "Value": "backup-plan"}])
    for other in copy_to:
        rds_backends[account][other].copy_db_snapshot(taken.arn, snapshot, copy_tags=True)
    return True


def drop_snapshot(account: str, regions: Sequence[str], snapshot: str) -> None:
    """Delete a snapshot wherever it still is."""
    for region in regions:
        if snapshot in rds_backends[account][region].database_snapshots:
            rds_backends[account][region].delete_db_snapshot(snapshot)
