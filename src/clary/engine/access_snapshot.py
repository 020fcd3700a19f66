"""Keeps access.json, the doors' snapshot of credentials and policies, equal to the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from clary.base.clock import Clock
from clary.base.installation import Installation
from clary.base.snapshots import Access, next_number, read_access, recover, write_access
from clary.store import principals
from clary.store.database import Database


class AccessWriter:
    """Writes a new numbered snapshot when an IAM resource has changed."""

    def __init__(self, database: Database, installation: Installation, path: Path, clock: Clock) -> None:
        """`path` is where doors look for the snapshot."""
        self._database = database
        self._installation = installation
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._last = recover(path, read_access)

    @property
    def current(self) -> Access:
        """What the last commit has left: the listener runs before the writer is answered."""
        return self._last

    def on_commit(self, touched: Mapping[int, str]) -> None:
        if any(kind.startswith("iam-") for kind in touched.values()):
            self.publish()

    def publish(self) -> None:
        with self._lock:
            with self._database.read() as tx:
                current = principals.read_access(tx, self._installation, self._last.number)
            if current != self._last or self._last.number == 0:
                fresh = replace(current, number=next_number(self._last.number, self._clock.now()))
                write_access(self._path, fresh)
                self._last = fresh
