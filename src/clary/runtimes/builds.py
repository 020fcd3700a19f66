"""Builds of folders that nobody stands and waits for: a small pool, one build per folder, and what became of it.

Who needs a folder asks again and again under a name of its own (the id of a unit) until the folder is there. All who
ask during a build share it and its failure, which each is told once; who asks after that begins the next build. It
lives in memory: after a crash everybody asks anew. What is built, and the lock over all processes, is the
builder's matter (`environments`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

_WORKERS = 2  # each of them unpacks and compiles with all processors
_MOST_FAILURES = 1000  # of those who never asked again


class Builds:
    """Threads begin with the first build."""

    def __init__(self, workers: int = _WORKERS) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="build")
        self._lock = threading.Lock()
        self._waiting: dict[Path, set[str]] = {}
        self._failures: dict[tuple[Path, str], BaseException] = {}
        self._closed = False
        self._tell: Callable[[str], None] = _tell_nobody

    def listen(self, tell: Callable[[str], None]) -> None:
        """`tell(asker)` is called, from any thread, when a build has ended that the asker waits for."""
        self._tell = tell

    def ask(self, path: Path, asker: str, build: Callable[[], bool]) -> None:
        """Have the folder built unless that is under way. `build` returns False when it was not its turn.

        Raises what the last build ended with, where this asker waited for it.
        """
        with self._lock:
            failure = self._failures.pop((path, asker), None)
            if failure is not None:
                raise failure
            waiting = self._waiting.get(path)
            if waiting is not None:
                waiting.add(asker)
            if waiting is not None or self._closed:
                return
            self._waiting[path] = {asker}
            future = self._pool.submit(build)
        future.add_done_callback(partial(self._end, path))

    def close(self, end_running: Callable[[], None]) -> None:
        """Begin nothing more and return when `end_running` has ended what is under way. Nobody is told."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        end_running()
        self._pool.shutdown(wait=True)

    def _end(self, path: Path, future: Future[bool]) -> None:
        failure = None if future.cancelled() else future.exception()
        with self._lock:
            askers = self._waiting.pop(path)
            if self._closed:
                return
            if failure is not None:
                self._keep(failure, [(path, asker) for asker in askers])
        if failure is not None or future.result():
            for asker in askers:
                self._tell(asker)

    def _keep(self, failure: BaseException, places: list[tuple[Path, str]]) -> None:
        self._failures.update(dict.fromkeys(places, failure))
        for place in list(self._failures)[: max(0, len(self._failures) - _MOST_FAILURES)]:
            del self._failures[place]


def _tell_nobody(_asker: str) -> None:
    """Before anybody listens; askers come again by themselves."""
