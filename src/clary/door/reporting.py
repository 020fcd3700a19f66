"""Tells control how invocations went: a file every second in which there were any.

While control does not take them they are kept here, up to a limit, and told later.
"""

from __future__ import annotations

import asyncio
import os
import threading
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
        self._name = f"{os.getpid()}-{time.time_ns()}"
        self._number = 0
        self._kept: list[Report] = []
        self._keeping = threading.Lock()  # for moments only: the event loop waits for it
        self._writing = threading.Lock()  # one file after the other

    async def run(self) -> None:
        """Until cancelled. A file that is being written then is finished all the same."""
        while True:
            await asyncio.sleep(_SECONDS)
            if self._collect():
                await asyncio.to_thread(self._tell, last=False)

    def finish(self) -> None:
        """The last words of a door that ends, after those that are perhaps just being written."""
        self._collect()
        self._tell(last=True)

    def _collect(self) -> bool:
        """Whether there is anything to tell."""
        reports = self._forwarder.take_reports(int(time.time() - _SECONDS / 2))
        with self._keeping:
            self._kept += reports
            surplus = len(self._kept) - _MOST
            if surplus > 0:
                del self._kept[:surplus]
            waiting = bool(self._kept)
        if surplus > 0:
            log.warning("reports of invocations are dropped", extra={"count": surplus})
        return waiting

    def _tell(self, *, last: bool) -> None:
        """While control has not taken the last file there is no further one, unless the door ends."""
        with self._writing:
            if not last and self._path().exists():
                return
            with self._keeping:
                reports, self._kept = self._kept, []
            if not reports:
                return
            self._number += 1
            try:
                self._folder.mkdir(exist_ok=True)
                write_reports(self._path(), reports)
            except OSError as error:
                log.warning("invocations cannot be reported", extra={"reason": str(error)})
                with self._keeping:
                    self._kept = reports + self._kept

    def _path(self) -> Path:
        """Of the file that was written last."""
        return self._folder / f"{self._name}-{self._number}.json"
