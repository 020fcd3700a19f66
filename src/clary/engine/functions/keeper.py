"""The thread beside the fleet: brings what functions print into their log groups, and ends processes.

A process ends when it has been idle for long, when its function was changed or deleted, or when it has failed. Only
this thread ships logs, so that no line comes twice.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from clary.base.log import get_logger
from clary.engine.functions.process import Process
from clary.engine.log_shipping import ship_log
from clary.engine.surroundings import Surroundings
from clary.store import resources
from clary.store.functions import FUNCTION, find_version

log = get_logger(__name__)

_LOOK_SECONDS = 1.0


class Kept(Protocol):
    """What the keeper needs of the fleet."""

    @property
    def around(self) -> Surroundings: ...

    def all(self) -> list[Process]: ...

    def retire(self, chosen: Process) -> None: ...

    def forget(self, chosen: Process) -> None: ...


class Keeper:
    """Sleeps while there are no processes."""

    def __init__(self, fleet: Kept) -> None:
        self._fleet = fleet
        self._wake = threading.Event()
        self._end = False
        self._thread = threading.Thread(target=self._run, name="functions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends every process, busy or not."""
        self._end = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join()
        for process in self._fleet.all():
            self._finish(process)

    def wake(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while not self._end:
            self._wake.wait(_LOOK_SECONDS if self._fleet.all() else None)
            self._wake.clear()
            for process in self._fleet.all():
                if self._end:
                    return
                try:
                    self._look(process)
                except Exception:
                    log.exception("looking after a function failed", extra={"unit": process.unit})

    def _look(self, process: Process) -> None:
        around = self._fleet.around
        _ship(around, process)
        if not process.busy and not process.retired and self._is_superfluous(around, process):
            self._fleet.retire(process)
        if process.retired and not process.busy:
            self._finish(process)

    def _finish(self, process: Process) -> None:
        """The last lines come when everything in the unit is dead."""
        around = self._fleet.around
        around.runtime.stop(process.unit)
        deadline = time.monotonic() + 10
        state = around.runtime.observe(process.unit)
        while state is not None and state.ended_at is None and time.monotonic() < deadline and not self._end:
            time.sleep(0.01)
            state = around.runtime.observe(process.unit)
        _ship(around, process)
        around.runtime.remove(process.unit)
        self._fleet.forget(process)

    def _is_superfluous(self, around: Surroundings, process: Process) -> bool:
        if time.monotonic() - process.used_at > around.settings.function_idle_seconds:
            return True
        function_id, version, revision = process.key
        with around.database.read() as tx:
            function = resources.find_by_id(tx, function_id)
            if function is None or function.kind != FUNCTION:
                return True
            row = find_version(tx, function, version)
        return row is None or row.document["configuration"]["RevisionId"] != revision


def _ship(around: Surroundings, process: Process) -> None:
    ship_log(around, process.function, process.unit, process.group, process.stream, written=_as_printed)


def _as_printed(line: str) -> str:
    """Lambda keeps tabs and colours; a carriage return joins the lines of what the client prints as one event."""
    return line.replace("\r", "\n")
