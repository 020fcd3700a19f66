"""A thread that does the same step again and again: at once when woken, else after the seconds the step asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from clary.base.log import get_logger

log = get_logger(__name__)

_AFTER_FAILURE = 1.0


class Worker:
    """`step` returns seconds until it wants to be called again. What it raises is logged, and it is tried again."""

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._step = step
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                pause = self._step()
            except Exception:
                log.exception("a step failed", extra={"worker": self._thread.name})
                pause = _AFTER_FAILURE
            if not self._stopping:
                self._woken.wait(pause)
