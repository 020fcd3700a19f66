"""What has to be tidied up now and then: object bytes no row names, log events, messages, recorded calls and values
of metrics past their retention, objects that the rules of their bucket let go.
"""

from __future__ import annotations

import threading

from clary.base.log import get_logger
from clary.engine import object_lifecycle
from clary.engine.surroundings import Surroundings
from clary.store import audit, contents, logs, metric_data, queues

log = get_logger(__name__)

_EVERY_SECONDS = 3600.0


class Housekeeping:
    """Tidies at the start, before anything is in flight, and then every hour in a thread of its own."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        contents.reclaim(self._around.database, self._around.blobs, older_than=0)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        self._tidy()
        while not self._end.wait(_EVERY_SECONDS):
            self._tidy()

    def _tidy(self) -> None:
        """What fails now (a full disk, say) is tried again in an hour."""
        try:
            contents.reclaim(self._around.database, self._around.blobs)
            self._expire_logs()
            self._expire_messages()
            self._expire_audit()
            self._expire_metrics()
            object_lifecycle.apply(self._around.database, self._around.blobs, self._around.clock.now())
        except Exception:
            log.exception("housekeeping failed")

    def _expire_logs(self) -> None:
        """In short transactions, so that nobody waits long for the writer."""
        removed = 1
        while removed and not self._end.is_set():
            with self._around.database.write() as tx:
                removed = logs.expire(tx, self._around.clock.now())

    def _expire_messages(self) -> None:
        """Of queues that nobody reads; others lose theirs when they are read."""
        removed = 1
        while removed and not self._end.is_set():
            with self._around.database.write() as tx:
                removed = queues.expire_everywhere(tx, self._around.clock.now())

    def _expire_audit(self) -> None:
        """In short transactions, as above."""
        settings = self._around.settings
        removed = 1
        while removed and not self._end.is_set():
            with self._around.database.write() as tx:
                removed = audit.expire(
                    tx, self._around.clock.now(), days=settings.audit_days, most=settings.audit_events
                )

    def _expire_metrics(self) -> None:
        """In short transactions, as above."""
        settings = self._around.settings
        removed = 1
        while removed and not self._end.is_set():
            with self._around.database.write() as tx:
                removed = metric_data.expire(
                    tx, self._around.clock.now(), days=settings.metric_days, most=settings.metric_values
                )
