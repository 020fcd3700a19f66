"""The last value of each metric that a training job printed, by the expressions of its MetricDefinitions.

They are looked for in the stored log, from its end: usually the last lines have them all. The log has tabs as `#011`,
as CloudWatch shows them, and expressions that were written for AWS expect that.
"""

from __future__ import annotations

import math
import re
from typing import Any

from clary.base.clock import from_epoch_ms
from clary.runtimes.expressions import Expressions
from clary.runtimes.images import XGBOOST_IMAGES, split_image
from clary.store import logs
from clary.store.database import Database
from clary.store.log_records import Position, Span, Stream
from clary.store.resources import Resource

_ROUND = re.compile(r"\[\d{1,9}\]")
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
        """What the last round printed: `[9]#011train-rmse:0.1#011validation-rmse:0.2`."""
        with self._database.read() as tx:
            events = logs.page_stream_back(tx, stream, Span(), before=None, limit=_BATCH)
        for event in reversed(events):
            values = round_metrics(event.message)
            if values:
                at = from_epoch_ms(event.timestamp)
                return {name: {"MetricName": name, "Value": value, "Timestamp": at} for name, value in values.items()}
        return {}

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
    has_script = "sagemaker_program" in (request.get("HyperParameters") or {})
    return split_image(image)[0] in XGBOOST_IMAGES and not has_script


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
