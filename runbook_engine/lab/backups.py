"""The app's life while the lab runs: a review now and then, and a snapshot that is copied to the other region.

Without it a lab that is some hours old could only show that its backups are too old.
"""

from __future__ import annotations

import contextlib
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
from runbook_engine.lab.front import Route

KEPT = 4
"""So many of its snapshots of an instance stay in each region."""


class Backups:
    """Backs up what hosts serve every so many seconds; never with 0. Use it from the main thread."""

    def __init__(self, account: str, damage: Damage, route: Route, seconds: float) -> None:
        """The first backup is due after `seconds`; `route` says which hosts visitors are led to."""
        self._account, self._damage, self._route, self._seconds = account, damage, route, seconds
        self._next = time.monotonic() + seconds
        self._taken: dict[str, deque[str]] = {}
        self._bodies = itertools.cycle(dataset.BODIES)

    def tick(self) -> list[str]:
        """Back up every database that is served, if it is time to; gives the snapshots' names."""
        if not self._seconds or time.monotonic() < self._next:
            return []
        self._next = time.monotonic() + self._seconds
        served, now = self._served(), datetime.now(UTC)
        visited = next((served[url] for url in self._route() if url in served), None)
        if visited is not None:
            with contextlib.suppress(sqlite3.Error):  # it was taken away meanwhile: nobody can write a review
                app = dataset.APPS[now.minute % len(dataset.APPS)]
                dataset.add_review(visited, app, 5, next(self._bodies), now)
        found = [self._back_up(database, now) for database in dict.fromkeys(served.values())]
        return [name for name in found if name is not None]

    def _served(self) -> dict[str, Path]:
        """The database that each host serves that is up, by the host's address."""
        pids = self._damage.fleet.pids()
        served: dict[str, Path] = {}
        for host in self._damage.fleet.hosts:
            file = host.folder / "app.json"
            if pids[host.name] is not None and file.exists():
                deployed = json.loads(file.read_bytes())
                if deployed["active"]:
                    served[host.url] = Path(deployed["db"])
        return served

    def _back_up(self, database: Path, now: datetime) -> str | None:
        """Take a snapshot, copy it to the regions that are up, and drop the oldest."""
        instance, region = database.stem, database.parent.name
        up = [found for found in REGIONS if Broken("region", found) not in self._damage.broken]
        if region not in up or not database.exists():
            return None
        name = f"{instance}-{now:%Y-%m-%d-%H%M%S}"
        others = [other for other in up if other != region]
        if not restore_bridge.take_snapshot(self._account, region, instance, name, others):
            return None
        taken = self._taken.setdefault(instance, deque())
        taken.append(name)
        while len(taken) > KEPT:
            restore_bridge.drop_snapshot(self._account, REGIONS, taken.popleft())
        return name
