"""What the lines of a training job's log tell of its metrics, by the expressions of its MetricDefinitions.

The built-in algorithms need none: XGBoost prints its metrics round by round, the others one to a line, under names
that AWS's own definitions shorten. Where lines come from and where values go is in `metric_course`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.runtimes.expressions import Expressions
from clary.runtimes.images import tells_metrics, trains_alone

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


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a metric; `at_ms` is the time of its line, in milliseconds since 1970."""

    name: str
    at_ms: int
    value: float


class Finder:
    """Made once, so that an expression that was too slow is remembered."""

    def __init__(self) -> None:
        self._expressions = Expressions()

    def find(self, request: dict[str, Any], lines: Sequence[tuple[int, str]]) -> list[Value]:
        """Values in lines with their times, each metric's in the order of the lines. What the algorithm prints itself
        comes first, and is not looked for again by a definition of the same name."""
        own = [
            Value(name, at_ms, value)
            for at_ms, line in (lines if _tells_own(request) else ())
            for name, value in own_metrics(line).items()
        ]
        known = {value.name for value in own}
        wanted = {name: regex for name, regex in definitions(request).items() if name not in known}
        found = self._expressions.matches_of_each(list(wanted.values()), [line for _, line in lines])
        return own + [
            Value(name, lines[index][0], value) for name, regex in wanted.items() for index, value in found[regex]
        ]


def has_metrics(request: dict[str, Any]) -> bool:
    """Whether there is anything to be looked for."""
    return bool(definitions(request)) or _tells_own(request)


def definitions(request: dict[str, Any]) -> dict[str, str]:
    """Expressions by the names of their metrics."""
    listed = request["AlgorithmSpecification"].get("MetricDefinitions") or []
    return {definition["Name"]: definition["Regex"] for definition in listed}


def is_built_in(request: dict[str, Any]) -> bool:
    """Whether the image's own algorithm trains."""
    return trains_alone(*_training(request))


def _tells_own(request: dict[str, Any]) -> bool:
    """Whether there are metrics that need no definitions."""
    return tells_metrics(*_training(request))


def _training(request: dict[str, Any]) -> tuple[str, dict[str, str], dict[str, str] | None, list[str] | None]:
    algorithm = request["AlgorithmSpecification"]
    return (
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
