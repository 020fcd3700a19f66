"""The metrics that a training job printed, by the expressions of its MetricDefinitions: the last value of each, and
all of them for CloudWatch (`metric_course`).

The built-in algorithms need none: XGBoost prints its metrics round by round, the others one to a line, under names
that AWS's own definitions shorten.

They are looked for in the stored log of the last attempt, from its end; of a very long one the beginning is left out.
The log has tabs as `#011`, as CloudWatch shows them, and expressions that were written for AWS expect that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from clary.base.clock import from_epoch_ms
from clary.engine.metric_course import Course
from clary.runtimes.expressions import Expressions
from clary.runtimes.images import trains_alone
from clary.store import logs
from clary.store.database import Database
from clary.store.log_records import Event, Position, Span, Stream
from clary.store.resources import Resource

_ROUND = re.compile(r"\[\d{1,9}\]")
_QUALITY = re.compile(
    r"#quality_metric: host=\S{1,99},( epoch=\d{1,9},)? (train|validation|test) (\S{1,99}) "
    r"<(?:loss|score)>=(\S{1,99})"
)
_OTHERS = re.compile(r"#(progress|throughput)_metric: host=\S{1,99}, (?:completed|train throughput=) ?(\S{1,99})")
_SHORTER = (
    (re.compile(r".+_objective"), "objective_loss"),
    (re.compile(r"(binary|macro)_f_[\d.]+"), r"\1_f_beta"),
    (re.compile(r"(multiclass_top_k_accuracy)_\d+"), r"\1"),
)
_BATCH = 20_000
_BATCHES = 10


class FinalMetrics:
    """Made once, so that an expression that was too slow is remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._expressions = Expressions()

    def of_job(self, job: Resource, group_name: str) -> tuple[list[dict[str, Any]], Course]:
        """`FinalMetricDataList`, the algorithm's own first; what was never printed is left out. And the course."""
        course = Course()
        definitions = job.document["request"]["AlgorithmSpecification"].get("MetricDefinitions") or []
        wanted = {definition["Name"]: definition["Regex"] for definition in definitions}
        found: dict[str, dict[str, Any]] = {}
        with self._database.read() as tx:
            group = logs.find_group(tx, job.account, job.region, group_name)
            streams = logs.find_streams(tx, group, prefix=f"{job.name}/") if group else []
        for stream in streams:
            if stream.name.endswith(_earlier_attempts(job)):
                continue
            own = self._built_in(stream, course) if is_built_in(job.document["request"]) else {}
            found |= own
            self._search(stream, {name: regex for name, regex in wanted.items() if name not in own}, found, course)
        return list(found.values()), course

    def _built_in(self, stream: Stream, course: Course) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for events in self._batches(stream):
            for event in reversed(events):
                for name, value in own_metrics(event.message).items():
                    course.note(name, event.timestamp, value)
                    found.setdefault(name, _final(name, value, event.timestamp))
        return found

    def _search(
        self, stream: Stream, wanted: dict[str, str], found: dict[str, dict[str, Any]], course: Course
    ) -> None:
        if not wanted:
            return
        for events in self._batches(stream):
            lines = [event.message for event in events]
            for name, regex in wanted.items():
                for index, value in reversed(self._expressions.matches(regex, lines)):
                    course.note(name, events[index].timestamp, value)
                    found.setdefault(name, _final(name, value, events[index].timestamp))

    def _batches(self, stream: Stream) -> Iterator[list[Event]]:
        """The last ones first; within one, events are in their order."""
        before: Position | None = None
        for _ in range(_BATCHES):
            with self._database.read() as tx:
                events = logs.page_stream_back(tx, stream, Span(), before=before, limit=_BATCH)
            if not events:
                return
            before = events[0].position
            yield events


def _earlier_attempts(job: Resource) -> tuple[str, ...]:
    """How log streams of attempts end whose training was started again; see `jobs`."""
    first = int(job.created_at.timestamp())
    return tuple(f"-{first + number}" for number in range(job.document.get("restarts", 0)))


def _final(name: str, value: float, at_ms: int) -> dict[str, Any]:
    return {"MetricName": name, "Value": value, "Timestamp": from_epoch_ms(at_ms)}


def is_built_in(request: dict[str, Any]) -> bool:
    """Whether the image's own algorithm trains, whose metrics need no definitions."""
    algorithm = request["AlgorithmSpecification"]
    return trains_alone(
        algorithm.get("TrainingImage") or "",
        request.get("HyperParameters") or {},
        request.get("Environment"),
        algorithm.get("ContainerEntrypoint"),
    )


def own_metrics(line: str) -> dict[str, float]:
    """What a line of such an algorithm tells."""
    return round_metrics(line) or quality_metrics(line)


def quality_metrics(line: str) -> dict[str, float]:
    """`test:msd` of a line of the built-in algorithms."""
    if found := _QUALITY.search(line):
        epoch, channel, long, text = found.groups()
        name = _shortened(long)
        if name == "objective_loss" and not epoch and channel != "test":
            name = "objective_loss:final"  # what the epochs printed is the metric without this word
        return _finite(f"{channel}:{name}", text)
    if found := _OTHERS.search(line):
        return _finite(f"train:{found[1]}", found[2])
    return {}


def _shortened(name: str) -> str:
    for pattern, shorter in _SHORTER:
        if pattern.fullmatch(name):
            return pattern.sub(shorter, name)
    return name


def _finite(name: str, text: str) -> dict[str, float]:
    try:
        value = float(text)
    except ValueError:
        return {}
    return {name: value} if math.isfinite(value) else {}


def round_metrics(line: str) -> dict[str, float]:
    """`train:rmse` and the like of one round's line; nothing for any other line."""
    head, *parts = line.split("#011")
    found: dict[str, float] = {}
    if not _ROUND.fullmatch(head):
        return found
    for part in parts:
        name, _, text = part.strip().rpartition(":")
        channel, _, metric = name.partition("-")
        try:
            value = float(text)
        except ValueError:
            continue
        if metric and math.isfinite(value):
            found[f"{channel}:{metric}"] = value
    return found
