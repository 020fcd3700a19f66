"""The reconcile loop: which resource is looked at when, by one thread at a time.

Wake-ups come from commits that touch a resource, from shims (through a datagram socket, as a hint) and from the
time a controller asked for. The order of looks lives in memory; what must be looked at lives in store/work.py.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from clary.base.clock import Clock
from clary.base.log import get_logger
from clary.engine.controller import Controller
from clary.store import resources, work
from clary.store.database import DATABASE_TROUBLE, Database

log = get_logger(__name__)

_LONGEST_BACK_OFF = 30.0
_MOST_FAILURES = 5  # over some 8 seconds
_ALMOST_NOW = 0.02


class Loop:
    """Runs controllers until `stop`. `start` makes everything that is not at rest due at once.

    Each kind has threads of its own: jobs that copy large inputs must not keep an endpoint from being looked after.
    """

    def __init__(
        self,
        database: Database,
        controllers: Sequence[Controller],
        clock: Clock,
        workers: int = 16,
        back_off: float = 0.5,
    ) -> None:
        """`workers` is the number of resources of one kind that are looked at at the same time. After a look that
        failed the next one waits `back_off` seconds, and twice as long after each further one."""
        self._database = database
        self._controllers: Mapping[str, Controller] = {controller.kind: controller for controller in controllers}
        self._clock = clock
        self._back_off = back_off
        self._pools = {kind: ThreadPoolExecutor(workers, thread_name_prefix=kind) for kind in self._controllers}
        self._kinds: dict[int, str] = {}  # of everything that is due or looked at
        self._condition = threading.Condition()
        self._due: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []
        self._busy: set[int] = set()
        self._changed: set[int] = set()  # touched while somebody was looking: look again at once
        self._failures: dict[int, int] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="reconcile-loop", daemon=True)

    def start(self) -> None:
        self._database.listen(self._on_commit)
        with self._database.read() as tx:
            items = work.pending(tx)
        for item in items:
            self.wake(item.resource_id, item.kind)
        self._thread.start()

    def stop(self) -> None:
        """Finish the looks that are under way and begin no new one."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        self._thread.join()
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def wake(self, resource_id: int, kind: str, delay: float = 0.0) -> None:
        """Look at this resource in `delay` seconds, or earlier if that was planned already."""
        if kind not in self._controllers:
            return
        due = self._clock.monotonic() + delay
        with self._condition:
            if self._due.get(resource_id, due + 1) <= due:
                return
            self._due[resource_id] = due
            self._kinds[resource_id] = kind
            heapq.heappush(self._heap, (due, resource_id))
            self._condition.notify()

    def wake_unit(self, unit_id: str) -> None:
        """A shim says that something happened to its unit."""
        for controller in self._controllers.values():
            resource_id = controller.owns(unit_id)
            if resource_id is not None:
                self.wake(resource_id, controller.kind)

    def _on_commit(self, touched: Mapping[int, str]) -> None:
        for resource_id, kind in touched.items():
            if kind not in self._controllers:
                continue
            with self._condition:
                busy = resource_id in self._busy
                if busy:
                    self._changed.add(resource_id)
            if not busy:
                self.wake(resource_id, kind)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._stopping and not self._ready():
                    self._condition.wait(self._pause())
                if self._stopping:
                    return
                _, resource_id = heapq.heappop(self._heap)
                del self._due[resource_id]
                if resource_id in self._busy:
                    self._postpone(resource_id)
                    continue
                self._busy.add(resource_id)
                kind = self._kinds[resource_id]
            self._pools[kind].submit(self._look, resource_id, kind)

    def _ready(self) -> bool:
        """Drops superseded heap entries; true when the first one is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return bool(self._heap) and self._heap[0][0] <= self._clock.monotonic()

    def _pause(self) -> float | None:
        return max(0.0, self._heap[0][0] - self._clock.monotonic()) if self._heap else None

    def _postpone(self, resource_id: int) -> None:
        due = self._clock.monotonic() + _ALMOST_NOW
        self._due[resource_id] = due
        heapq.heappush(self._heap, (due, resource_id))

    def _look(self, resource_id: int, kind: str) -> None:
        try:
            again = self._reconcile(resource_id)
            self._failures.pop(resource_id, None)
        except resources.StaleRevision:
            again = 0.0
        except Exception as error:
            count = self._failures[resource_id] = self._failures.get(resource_id, 0) + 1
            again = min(_LONGEST_BACK_OFF, self._back_off * 2 ** min(count - 1, 20))
            log.exception("reconcile failed", extra={"resource_id": resource_id, "again_in": again})
            if count >= _MOST_FAILURES and not isinstance(error, DATABASE_TROUBLE):
                self._give_up(resource_id, kind)
        with self._condition:
            self._busy.discard(resource_id)
            if resource_id in self._changed:
                self._changed.discard(resource_id)
                again = 0.0
        if again is not None:
            self.wake(resource_id, kind, again)
            return
        with self._condition:
            if resource_id not in self._due:
                self._kinds.pop(resource_id, None)

    def _give_up(self, resource_id: int, kind: str) -> None:
        """A resource that nobody can bring nearer to its end must not stay under way for ever."""
        try:
            with self._database.read() as tx:
                resource = resources.find_by_id(tx, resource_id)
            if resource is not None:
                log.error("failed too often", extra={"arn": resource.arn, "resource_id": resource_id})
                self._controllers[kind].give_up(resource)
        except Exception:
            log.exception("could not give up", extra={"resource_id": resource_id})

    def _reconcile(self, resource_id: int) -> float | None:
        with self._database.read() as tx:
            item = work.find(tx, resource_id)
            resource = resources.find_by_id(tx, resource_id)
        if item is None or item.kind not in self._controllers:
            return None
        again = None if resource is None else self._controllers[item.kind].reconcile(resource)
        if again is not None:
            return again
        with self._database.write() as tx:
            return None if work.finish(tx, item) else 0.0
