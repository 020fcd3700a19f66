"""What could not be started, and when it is tried again: pauses double, from five seconds to a minute.

Kept in memory only: after a restart of control everything is tried at once. Used by the controller of endpoints,
whose replicas are to come back whatever was in their way.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from clary.base.clock import Clock

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class _Setback:
    reason: str
    pause: float
    until: float


class Setbacks:
    """Of units, by their ids."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._setbacks: dict[str, _Setback] = {}
        self._lock = threading.Lock()

    def waits(self, unit: str) -> bool:
        """Whether it is too early to try again."""
        with self._lock:
            last = self._setbacks.get(unit)
        return last is not None and self._clock.monotonic() < last.until

    def note(self, unit: str, reason: str) -> bool:
        """That the unit could not be started. True when the reason is news."""
        with self._lock:
            last = self._setbacks.get(unit)
            pause = min(last.pause * 2, _LONGEST_PAUSE) if last else _FIRST_PAUSE
            self._setbacks[unit] = _Setback(reason, pause, self._clock.monotonic() + pause)
        return last is None or last.reason != reason

    def forget(self, unit: str) -> None:
        """The unit has started, or is not wanted any more."""
        with self._lock:
            self._setbacks.pop(unit, None)
