"""Calls that take long (Lambda steps), each in a thread of its own so that no look has to wait.

Kept in memory: after a restart of control a call is made again, as Lambda steps may be (at least once).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

Call = Callable[[], Mapping[str, Any]]

_THREADS = 32


class Invocations:
    """Calls under way and their outcomes, by a key that the caller chooses."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="lambda-step")
        self._futures: dict[str, Future[Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def outcome(self, key: str, call: Call, when_done: Callable[[], None]) -> Mapping[str, Any] | None:
        """The answer of the call, which is begun by the first question; None while it is under way. Raises what
        the call raised."""
        with self._lock:
            future = self._futures.get(key)
            if future is None:
                future = self._futures[key] = self._pool.submit(call)
                future.add_done_callback(lambda _future: when_done())
        return future.result() if future.done() else None

    def forget(self, key: str) -> None:
        """The outcome has been written down."""
        with self._lock:
            self._futures.pop(key, None)

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
