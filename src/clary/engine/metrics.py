"""The last value of each metric that a training job printed, by the expressions of its MetricDefinitions.

The built-in algorithms need none: XGBoost prints its metrics round by round, the others one to a line, under names
that AWS's own definitions shorten.

They are looked for in the stored log, from its end: usually the last lines have them all. The log has tabs as `#011`,
as CloudWatch shows them, and expressions that were written for AWS expect that.
"""

from __future__ import annotations

import math
import re
from typing import Any

from clary.base.clock import from_epoch_ms
from clary.runtimes.expressions import Expressions
from clary.runtimes.images import trains_alone
from clary.store import logs
from clary.store.database import Database
from clary.store.log_records import Position, Span, Stream
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
_BATCH = 2000
_BATCHES = 100


class FinalMetrics:
    """Made once, so that an expression that was too slow is remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._expressions = Expressions()

    def of_job(self, job: Resource, group_name: str) -> list[dict[str, Any]]:
        """`FinalMetricDataList`, the algorithm's own first; what was never printed is left out."""
        definitions = job.document["request"]["AlgorithmSpecification"].get("MetricDefinitions") or []
        wanted = {definition["Name"]: definition["Regex"] for definition in definitions}
        found: dict[str, dict[str, Any]] = {}
        with self._database.read() as tx:
            group = logs.find_group(tx, job.account, job.region, group_name)
            streams = logs.find_streams(tx, group, prefix=f"{job.name}/") if group else []
        for stream in streams:
            found |= self._built_in(stream) if is_built_in(job.document["request"]) else {}
            self._search(stream, {name: regex for name, regex in wanted.items() if name not in found}, found)
        return list(found.values())

    def _built_in(self, stream: Stream) -> dict[str, dict[str, Any]]:
        with self._database.read() as tx:
            events = logs.page_stream_back(tx, stream, Span(), before=None, limit=_BATCH)
        found: dict[str, dict[str, Any]] = {}
        for event in reversed(events):
            values = round_metrics(event.message)
            for name, value in (values or quality_metrics(event.message)).items():
                found.setdefault(
                    name, {"MetricName": name, "Value": value, "Timestamp": from_epoch_ms(event.timestamp)}
                )
            if values:
                break  # all metrics of XGBoost's last round
        return found

    def _search(self, stream: Stream, wanted: dict[str, str], found: dict[str, dict[str, Any]]) -> None:
        before: Position | None = None
        for _ in range(_BATCHES):
            with self._database.read() as tx:
                events = logs.page_stream_back(tx, stream, Span(), before=before, limit=_BATCH)
            if not events or not wanted:
                return
            before = events[0].position
            lines = [event.message for event in events]
            for name, regex in list(wanted.items()):
                matches = self._expressions.matches(regex, lines)
                if matches:
                    index, value = matches[-1]
                    at = from_epoch_ms(events[index].timestamp)
                    found[name] = {"MetricName": name, "Value": value, "Timestamp": at}
                    del wanted[name]


def is_built_in(request: dict[str, Any]) -> bool:
    """Whether the image's own algorithm trains, whose metrics need no definitions."""
    image = request["AlgorithmSpecification"].get("TrainingImage") or ""
    return trains_alone(image, request.get("HyperParameters") or {})


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
