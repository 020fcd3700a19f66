"""Tells control how invocations went: a file every second in which there were any.

While control does not take them they are kept here, up to a limit, and told later.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from clary.base.invocation_reports import Report, write_reports
from clary.base.log import get_logger
from clary.serving.forwarder import Forwarder

log = get_logger(__name__)

_SECONDS = 1.0
_MOST = 5000


class Reporting:
    """Owned by the door."""

    def __init__(self, folder: Path, forwarder: Forwarder) -> None:
        self._folder = folder
        self._forwarder = forwarder
        self._kept: list[Report] = []
        self._name = f"{os.getpid()}-{time.time_ns()}"
        self._number = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS)
            self._collect()
            try:
                if self._kept and not self._path().exists():
                    await asyncio.to_thread(self._write)
            except OSError as error:
                log.warning("invocations cannot be reported", extra={"reason": str(error)})

    def finish(self) -> None:
        """The last words of a door that ends."""
        self._collect()
        if self._kept:
            try:
                self._write()
            except OSError as error:
                log.warning("invocations cannot be reported", extra={"reason": str(error)})

    def _collect(self) -> None:
        self._kept += self._forwarder.take_reports(int(time.time() - _SECONDS / 2))
        if len(self._kept) > _MOST:
            log.warning("reports of invocations are dropped", extra={"count": len(self._kept) - _MOST})
            del self._kept[:-_MOST]

    def _path(self) -> Path:
        """Of the file that was written last."""
        return self._folder / f"{self._name}-{self._number}.json"

    def _write(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._number += 1
        reports, self._kept = self._kept, []
        try:
            write_reports(self._path(), reports)
        except OSError:
            self._kept = reports + self._kept
            raise
