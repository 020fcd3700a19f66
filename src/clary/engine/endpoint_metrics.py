"""Takes what doors tell of invocations (base/invocation_reports.py) into CloudWatch's metrics of endpoints."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

from clary.base.invocation_reports import Latencies, Report, middle_of, read_reports
from clary.base.log import get_logger
from clary.engine.surroundings import Surroundings
from clary.store import metric_data
from clary.store.database import DATABASE_TROUBLE
from clary.store.metric_data import Metric, Sample
from clary.store.metric_sums import Sums

log = get_logger(__name__)

_NAMESPACE = "AWS/SageMaker"
_SECONDS = 1.0
_LEFT_SECONDS = 60.0
_TROUBLE: tuple[type[Exception], ...] = (*DATABASE_TROUBLE, OSError)


class EndpointMetrics:
    """A thread of its own: reports wait for it, nothing else does."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._folder = around.settings.layout.invocation_reports
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="endpoint-metrics", daemon=True)

    def start(self) -> None:
        for path in self._folder.glob("*.new"):  # of doors that were killed while they wrote
            with contextlib.suppress(FileNotFoundError):  # a door that lives has just finished it
                if time.time() - path.stat().st_mtime > _LEFT_SECONDS:
                    path.unlink()
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(_SECONDS):
            try:
                self.take()
            except _TROUBLE as error:
                log.warning("reports of invocations wait", extra={"reason": str(error)})

    def take(self) -> None:
        """All reports that are there. One that was taken before a crash does not count again."""
        for path in sorted(self._folder.glob("*.json")):
            self._take(path)
            path.unlink(missing_ok=True)

    def _take(self, path: Path) -> None:
        places: dict[tuple[str, str], list[Sample]] = {}
        try:
            for report in read_reports(path):
                places.setdefault((report.account, report.region), []).extend(samples_of(report))
        except (OSError, ValueError, ArithmeticError, TypeError, KeyError, AttributeError) as error:
            log.warning("a report of invocations cannot be read", extra={"path": path.name, "reason": str(error)})
            return
        with self._around.database.write() as tx:
            if metric_data.first_time(tx, path.name, self._around.clock.now()):
                for (account, region), samples in places.items():
                    metric_data.add(tx, account, region, samples)


def samples_of(report: Report) -> list[Sample]:
    dimensions = (("EndpointName", report.endpoint), ("VariantName", report.variant))
    share = 1.0 / max(report.instances, 1)
    counts = {
        "Invocations": _ones(report.count, 1.0),
        "InvocationsPerInstance": _ones(report.count, share),
        "Invocation4XXErrors": _share(report.client_errors, report.count),
        "Invocation5XXErrors": _share(report.server_errors, report.count),
        "InvocationModelErrors": _share(report.model_errors, report.count),
    }
    times = {"ModelLatency": _times(report.model), "OverheadLatency": _times(report.overhead)}
    return [
        Sample(Metric(_NAMESPACE, name, dimensions), report.at, unit, sums)
        for unit, group in (("None", counts), ("Microseconds", times))
        for name, sums in group.items()
    ]


def _ones(count: int, value: float) -> Sums:
    return Sums(float(count), count * value, value, value, {value: float(count)})


def _share(some: int, count: int) -> Sums:
    """A 1 for each that failed and a 0 for each that did not: the average is the rate."""
    spread = {value: float(number) for value, number in ((0.0, count - some), (1.0, some)) if number}
    return Sums(float(count), float(some), min(spread), max(spread), spread)


def _times(latencies: Latencies) -> Sums:
    spread = {middle_of(step): float(count) for step, count in latencies.steps.items()}
    return Sums(float(latencies.count), latencies.total, latencies.low, latencies.high, spread)
