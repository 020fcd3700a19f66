"""Which ready replicas have stopped answering /ping although their process lives (hung, or stopped by somebody).

Kept in memory only: after a restart of control the patience begins anew. Used by the controller of endpoints.
"""

from __future__ import annotations

import threading

from clary.base.clock import Clock
from clary.engine.ping import answers_ping
from clary.engine.surroundings import Surroundings

_PING_SECONDS = 5.0


class Silence:
    """Asks each ready replica every few seconds."""

    def __init__(self, around: Surroundings) -> None:
        self._layout = around.settings.layout
        self._patience = around.settings.replica_silence_seconds
        self._clock: Clock = around.clock
        self._asked: dict[str, float] = {}
        self._silent_since: dict[str, float] = {}
        self._lock = threading.Lock()

    def is_hung(self, unit: str) -> bool:
        """True when the unit has not answered for longer than the setting allows. May take two seconds."""
        now = self._clock.monotonic()
        if now - self._asked.get(unit, -_PING_SECONDS) < min(_PING_SECONDS, self._patience / 2):
            return False
        answers = answers_ping(self._layout.unit_socket(unit))
        with self._lock:
            self._asked[unit] = now
            if answers:
                self._silent_since.pop(unit, None)
                return False
            return self._clock.monotonic() - self._silent_since.setdefault(unit, now) >= self._patience

    def forget(self, unit: str) -> None:
        """The unit is gone."""
        with self._lock:
            self._asked.pop(unit, None)
            self._silent_since.pop(unit, None)
