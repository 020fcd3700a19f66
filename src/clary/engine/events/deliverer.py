"""Performs due deliveries: each target gets a few at a time, so that a slow one does not stop the others.

A delivery is removed after its target has taken it; a crash in between repeats it (at least once). What fails is
tried again with growing pauses; what is given up goes into the log and on to its dead-letter queue, as a delivery of
its own (`letters`).
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from clary.base.crash import crash_here
from clary.base.errors import ApiError, ClaryError
from clary.base.log import get_logger
from clary.engine.events.invocation_records import add_failure, has_destinations
from clary.engine.events.letters import add_letter
from clary.engine.events.targets import send
from clary.engine.events.targets.target import Tools, Undeliverable
from clary.engine.events.worker import Worker
from clary.store import deliveries
from clary.store.deliveries import Delivery

log = get_logger(__name__)

_WORKERS = 32
_PER_TARGET = 4
_BATCH = 500
_LONGEST_SLEEP = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 600.0
_TEMPORARY_CODES = frozenset(
    {
        "ConflictException",
        "LimitExceededException",
        "RequestThrottled",
        "ResourceInUse",
        "ResourceLimitExceeded",
        "ServiceQuotaExceededException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@dataclass(slots=True)
class _Flight:
    """What is being performed: ids, and how many per target."""

    ids: set[int] = field(default_factory=set)
    targets: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, delivery: Delivery) -> bool:
        target = delivery.document["target"]
        with self.lock:
            if delivery.id in self.ids or self.targets[target] >= _PER_TARGET or len(self.ids) >= _WORKERS:
                return False
            self.ids.add(delivery.id)
            self.targets[target] += 1
            return True

    def done(self, delivery: Delivery) -> None:
        target = delivery.document["target"]
        with self.lock:
            self.ids.discard(delivery.id)
            self.targets[target] -= 1
            if not self.targets[target]:
                del self.targets[target]


class Deliverer:
    """`start` gives it threads; tests call `perform` themselves."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._flight = _Flight()
        self._beyond = 0
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="delivery")
        self._worker = Worker("deliverer", self.step)
        tools.database.listen(self._on_commit)

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        """Waits for what is under way; the rest is kept for the next start."""
        self._worker.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def step(self) -> float:
        """Begin what is due; seconds until more may be. Goes round in pages, so that no target hides another."""
        now = self._tools.clock.now()
        with self._tools.database.read() as tx:
            page = deliveries.due(tx, now, _BATCH, beyond=self._beyond)
            upcoming = deliveries.next_due(tx)
        for delivery in page:
            if self._flight.take(delivery):
                self._pool.submit(self._perform_and_wake, delivery)
        self._beyond = page[-1].id if len(page) == _BATCH else 0
        if self._beyond:
            return 0.05
        if upcoming is None:
            return _LONGEST_SLEEP
        seconds = (upcoming - now).total_seconds()
        return min(seconds, _LONGEST_SLEEP) if seconds > 0 else 1.0  # whatever ends wakes us

    def perform(self, delivery: Delivery) -> None:
        """One attempt, and the record of what came of it."""
        try:
            send(self._tools, delivery)
        except Undeliverable as error:
            self._failed(delivery, error)
        except ApiError as error:
            temporary = error.code in _TEMPORARY_CODES or (error.status >= 500 and error.status != 501)
            self._failed(delivery, Undeliverable(error.code, error.message, temporary=temporary))
        except (LookupError, ClaryError) as error:
            self._failed(delivery, Undeliverable("INVALID_TARGET", str(error)))
        else:
            crash_here(
                "events.dead_letter.before_remove" if delivery.document["letter"] else "events.deliver.before_remove"
            )
            with self._tools.database.write() as tx:
                deliveries.remove(tx, delivery)

    def _perform_and_wake(self, delivery: Delivery) -> None:
        try:
            if self._still_due(delivery):
                self.perform(delivery)
        except Exception:
            log.exception("a delivery broke", extra={"delivery": delivery.id})
            self._failed(delivery, Undeliverable("INTERNAL_FAILURE", "A defect, see the log.", temporary=True))
        finally:
            self._flight.done(delivery)
            self._worker.wake()

    def _still_due(self, delivery: Delivery) -> bool:
        """It may have been done, or postponed, between the look at the table and its turn."""
        with self._tools.database.read() as tx:
            return deliveries.is_unchanged(tx, delivery)

    def _failed(self, delivery: Delivery, error: Undeliverable) -> None:
        document = delivery.document
        age = (self._tools.clock.now() - delivery.since).total_seconds()
        most = document["attempts"] if error.most is None else min(error.most, document["attempts"])
        worth_it = document["letter"] or (error.temporary and (delivery.tries < most or not error.counted))
        if worth_it and age < document["seconds"]:
            self._postpone(delivery, age, counted=error.counted)
        else:
            self._give_up(delivery, error)

    def _give_up(self, delivery: Delivery, error: Undeliverable) -> None:
        """What has a dead-letter queue goes on as a letter to it, in the transaction that ends the delivery."""
        document = delivery.document
        extra = {"delivery": delivery.id, "target": document["target"], "source": document["source"]}
        if document["letter"]:
            # A queue that was away, full or closed for so long: its event is named here and nowhere else.
            log.error("a dead letter is lost", extra={**extra, "code": error.code, "reason": str(error)})
        else:
            log.warning("a delivery is given up", extra={**extra, "code": error.code, "reason": str(error)})
        with self._tools.database.write() as tx:
            deliveries.remove(tx, delivery)
            if document["dead_letter"]:
                add_letter(tx, delivery, error, self._tools.clock.now())
            if has_destinations(delivery):
                add_failure(tx, delivery, error.answer, self._tools.clock.now())

    def _postpone(self, delivery: Delivery, age: float, *, counted: bool) -> None:
        """Pauses grow with the attempts, or with the time for which the target has been busy."""
        doubled = 2.0 ** min(delivery.tries, 20) if counted else age / 8
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * max(1.0, doubled))
        jittered = pause * (0.5 + secrets.randbelow(1000) / 1000)
        due = self._tools.clock.now() + timedelta(seconds=jittered)
        with self._tools.database.write() as tx:
            deliveries.postpone(tx, delivery, due, counted=counted)

    def _on_commit(self, touched: Mapping[int, str]) -> None:
        if deliveries.TOUCHED in touched:
            self._worker.wake()
