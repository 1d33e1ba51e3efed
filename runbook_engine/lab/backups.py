"""The app's life while the lab runs: a review now and then, and a snapshot that is copied to the other region.

Without it a lab that is some hours old could only show that its backups are too old.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from runbook_engine.lab import dataset, restore_bridge
from runbook_engine.lab.breaks import REGIONS, Broken
from runbook_engine.lab.damage import Damage

KEPT = 4
"""So many of its snapshots stay in each region."""


class Backups:
    """Takes a snapshot every so many seconds; 0 takes none. Use it from the main thread."""

    def __init__(self, account: str, damage: Damage, seconds: float) -> None:
        """The first one is due after `seconds`."""
        self._account, self._damage, self._seconds = account, damage, seconds
        self._next = time.monotonic() + seconds
        self._taken: deque[str] = deque()
        self._bodies = itertools.cycle(dataset.BODIES)

    def tick(self) -> str | None:
        """Take a snapshot if one is due and the app serves; gives its name."""
        if not self._seconds or time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + self._seconds
        serving = self._serving()
        return None if serving is None else self._back_up(serving, datetime.now(UTC))

    def _serving(self) -> Path | None:
        """The database that the first host that is up serves."""
        pids = self._damage.fleet.pids()
        for host in self._damage.fleet.hosts:
            file = host.folder / "app.json"
            if pids[host.name] is not None and file.exists():
                deployed = json.loads(file.read_bytes())
                if deployed["active"]:
                    return Path(deployed["db"])
        return None

    def _back_up(self, database: Path, now: datetime) -> str | None:
        """Write a review, take the snapshot, copy it, and drop the oldest; a region that is down gets no copy."""
        instance, region = database.stem, database.parent.name
        if Broken("region", region) in self._damage.broken:
            return None
        name = f"{instance}-{now:%Y-%m-%d-%H%M%S}"
        try:
            dataset.add_review(database, dataset.APPS[now.minute % len(dataset.APPS)], 5, next(self._bodies), now)
        except sqlite3.Error:  # it was taken away meanwhile: there is nothing to back up
            return None
        targets = [other for other in REGIONS if other != region and Broken("region", other) not in self._damage.broken]
        if not restore_bridge.take_snapshot(self._account, region, instance, name, targets):
            return None
        self._taken.append(name)
        while len(self._taken) > KEPT:
            restore_bridge.drop_snapshot(self._account, REGIONS, self._taken.popleft())
        return name
