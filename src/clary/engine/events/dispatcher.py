"""Reads the outbox in order and turns what has happened into deliveries, in one transaction per batch.

A crash before the commit leaves the entries, one after it leaves the deliveries: nothing is lost, nothing is told
twice by this step. An entry that cannot be understood is logged and left out; it must not stop the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from clary.base.clock import Clock
from clary.base.crash import crash_here
from clary.base.log import get_logger
from clary.engine.events.changes import Change, events_of
from clary.engine.events.fanout import deliver_to_targets
from clary.engine.events.rules import Rules
from clary.engine.events.worker import Worker
from clary.events import objects
from clary.events.envelope import derived_id, envelope
from clary.store import deliveries, outbox, tags
from clary.store.database import Database, Transaction
from clary.store.outbox import Entry

log = get_logger(__name__)

_BATCH = 100
_POLL_SECONDS = 5.0
_DEFAULT_BUS = "default"
_S3 = "s3.amazonaws.com"


class Dispatcher:
    """`start` gives it a thread; tests call `step` themselves."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rules = Rules()
        self._worker = Worker("event-dispatcher", self.step)
        database.listen(self._on_commit)

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        self._worker.stop()

    def step(self) -> float:
        """Dispatch up to a batch; seconds until there may be more."""
        with self._database.read() as tx:
            waiting = outbox.first(tx, 1)
        if not waiting:
            return _POLL_SECONDS
        with self._database.write() as tx:
            entries = outbox.first(tx, _BATCH)
            for entry in entries:
                self._dispatch(tx, entry)
            outbox.remove(tx, [entry.id for entry in entries])
            crash_here("events.dispatch.before_commit")
        crash_here("events.dispatch.after_commit")
        return 0.0 if len(entries) == _BATCH else _POLL_SECONDS

    def _on_commit(self, touched: Mapping[int, str]) -> None:
        self._rules.on_commit(touched)
        if outbox.TOUCHED in touched:
            self._worker.wake()

    def _dispatch(self, tx: Transaction, entry: Entry) -> None:
        try:
            if entry.topic == "event":
                self._match(tx, entry, entry.document["bus"], entry.document["event"])
            elif entry.topic == "change":
                self._tell_change(tx, entry)
            elif entry.topic == "object":
                self._tell_object(tx, entry)
            else:
                log.error("an outbox entry of unknown topic", extra={"entry": entry.id, "topic": entry.topic})
        except (LookupError, TypeError, ValueError, AttributeError):
            log.exception("an outbox entry cannot be told", extra={"entry": entry.id, "topic": entry.topic})

    def _match(self, tx: Transaction, entry: Entry, bus: str, event: dict[str, object]) -> None:
        hops = entry.document.get("hops", 0) if entry.topic == "event" else 0
        for rule in self._rules.matching(tx, entry.account, entry.region, bus, event):
            deliver_to_targets(tx, rule, event, self._clock.now(), hops)

    def _tell_change(self, tx: Transaction, entry: Entry) -> None:
        document = entry.document
        change = Change(entry.id, entry.account, entry.region, entry.at, document, tags.read(tx, document["arn"]))
        for event in events_of(change):
            self._match(tx, entry, _DEFAULT_BUS, event)

    def _tell_object(self, tx: Transaction, entry: Entry) -> None:
        happening = objects.Happening(entry.document, entry.account, entry.region, entry.at, entry.id)
        bucket = f"arn:aws:s3:::{entry.document['bucket']}"
        if "EventBridgeConfiguration" in entry.document["notifications"]:
            event = envelope(
                source="aws.s3",
                detail_type=objects.detail_type(happening),
                detail=objects.detail(happening),
                account=entry.account,
                region=entry.region,
                time=entry.at,
                resources=[bucket],
                event_id=derived_id("outbox", entry.account, entry.id),
            )
            self._match(tx, entry, _DEFAULT_BUS, event)
        for target, message in objects.wanted_targets(happening):
            deliveries.add(
                tx,
                account=entry.account,
                region=entry.region,
                target=target,
                body=json.dumps(message, ensure_ascii=False),
                now=self._clock.now(),
                service=_S3,
                source=bucket,
                options={"Subject": "Amazon S3 Notification"},
            )
