"""The course of a training job's metrics, taken from its log while it runs: every value for CloudWatch, the last one
of each for FinalMetricDataList.

Only lines that are new are read, every few seconds. What they tell, and how far they have been read, is stored in one
transaction together with the job's row: after a crash the same lines are read again, but nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clary.base.clock import Clock, from_epoch_ms
from clary.base.log import get_logger
from clary.engine.metrics import Finder, Value, definitions, has_metrics
from clary.runtimes.port import LogLine
from clary.store import metric_data, resources
from clary.store.database import Database
from clary.store.logs import escape_controls
from clary.store.metric_data import Metric, Sample
from clary.store.metric_sums import of_values
from clary.store.resources import Resource

log = get_logger(__name__)

METRICS, COURSE = "metrics", "metric_course"
"""Entries of the job's document: FinalMetricDataList, and how far the course has come."""

_NAMESPACE = "/aws/sagemaker/TrainingJobs"
_EVERY_SECONDS = 5.0
_BATCH = 2000
_BATCHES_OF_ENDED = 10
_MOST_SECONDS = 600
"""So many seconds of a metric are stored as seconds; what is printed later, by minutes alone."""

ReadLog = Callable[[str, int, int], Sequence[LogLine]]
"""Lines of a unit's log behind an offset, at most so many."""


@dataclass(slots=True)
class _Place:
    """What need not be stored: how far logs have been read in which nothing was found since."""

    due: float
    offsets: dict[str, int] = field(default_factory=dict)


class Courses:
    """Of all training jobs of one controller. One job is looked at by one thread at a time."""

    def __init__(self, database: Database, read_log: ReadLog, clock: Clock) -> None:
        self._database = database
        self._read_log = read_log
        self._clock = clock
        self._finder = Finder()
        self._places: dict[int, _Place] = {}

    def follow(self, job: Resource, units: Sequence[str], *, ended: bool) -> tuple[Resource, bool]:
        """Take what is new in the units' logs, if that is due; whether there is nothing left. More of it at once when
        the job has `ended`, which is asked until there is nothing left. The row is as it is stored then."""
        if not has_metrics(job.document["request"]):
            return job, True
        place = self._places.setdefault(job.id, _Place(self._clock.monotonic()))
        if not ended and self._clock.monotonic() < place.due:
            return job, True
        done = False
        for _ in range(_BATCHES_OF_ENDED if ended else 1):
            try:
                job, done = self._step(job, units, place)
            except OSError as error:  # no process for the expressions: a job must not end because of that
                log.warning("metrics could not be read", extra={"arn": job.arn, "reason": str(error)})
                done = True
            if done:
                break
        if ended and done:
            self._places.pop(job.id, None)
        elif done:
            place.due = self._clock.monotonic() + _EVERY_SECONDS
        return job, done

    def _step(self, job: Resource, units: Sequence[str], place: _Place) -> tuple[Resource, bool]:
        """The next batch of each unit's log; whether those were the last lines that there are."""
        stored = (job.document.get(COURSE) or {}).get("offsets") or {}
        offsets = {unit: max(stored.get(unit, 0), place.offsets.get(unit, 0)) for unit in units}
        told: list[tuple[int, str]] = []
        done = True
        for unit in units:
            lines = self._read_log(unit, offsets[unit], _BATCH)
            done = done and len(lines) < _BATCH
            offsets[unit] = lines[-1].offset if lines else offsets[unit]
            told += [(line.timestamp_ms, escape_controls(line.text)) for line in lines]
        found = self._finder.find(job.document["request"], told)
        if found:
            job = self._store(job, found, offsets)
        place.offsets = offsets
        return job, done

    def _store(self, job: Resource, found: Sequence[Value], offsets: Mapping[str, int]) -> Resource:
        """LastModifiedTime stays: clients take a change of it for one of the job's state."""
        seconds = dict((job.document.get(COURSE) or {}).get("seconds") or {})
        samples = _samples(job, found, seconds)
        course = {"offsets": dict(offsets), "seconds": seconds}
        document = {**job.document, METRICS: _latest(job, found), COURSE: course}
        with self._database.write() as tx:
            metric_data.add(tx, job.account, job.region, samples)
            return resources.save(tx, job, document=document, now=job.updated_at)


def begun_anew(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a job whose training starts again: FinalMetricDataList is that of the last attempt."""
    return {name: entry for name, entry in document.items() if name not in {METRICS, COURSE}}


def _latest(job: Resource, found: Sequence[Value]) -> list[dict[str, Any]]:
    """The algorithm's own first, then in the order of the definitions; what was never printed is left out."""
    finals = {item["MetricName"]: item for item in job.document.get(METRICS) or []}
    for value in found:
        at, known = from_epoch_ms(value.at_ms), finals.get(value.name)
        if known is None or at >= known["Timestamp"]:
            finals[value.name] = {"MetricName": value.name, "Value": value.value, "Timestamp": at}
    order = {name: place for place, name in enumerate(definitions(job.document["request"]))}
    return sorted(finals.values(), key=lambda item: order.get(item["MetricName"], -1))


def _samples(job: Resource, found: Sequence[Value], seconds: dict[str, int]) -> list[Sample]:
    """Sums of each second; `seconds` has how many each metric has had before, and is counted on."""
    gathered: dict[tuple[str, int], dict[float, float]] = {}
    for value in found:
        counts = gathered.setdefault((value.name, value.at_ms // 1000), {})
        counts[value.value] = counts.get(value.value, 0.0) + 1.0
    samples = []
    for (name, at), counts in gathered.items():
        seconds[name] = seconds.get(name, 0) + 1
        metric = Metric(_NAMESPACE, name, (("TrainingJobName", job.name),))
        samples.append(Sample(metric, at, "None", of_values(counts), seconds[name] <= _MOST_SECONDS))
    return samples
