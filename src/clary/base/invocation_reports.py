"""What doors tell control of invocations: files with what happened within a second or so, which control takes and
removes. The sums are as long as they are true: a door that is killed takes its last second with it.

Latencies are counted in steps of 2 %, so that percentiles can be told of any number of them.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_STEPS = 50  # in a natural logarithm: e to the power of 1/50 is 2 %


@dataclass(slots=True)
class Latencies:
    """In microseconds; `steps` has how many were in each step."""

    count: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = 0.0
    steps: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: list[float]) -> None:
        """There must be one at least."""
        steps, log = self.steps, math.log
        for each in seconds:
            step = int(log(each * 1e6) * _STEPS) if each > 1e-6 else 0  # step_of, without a call for every invocation
            steps[step] = steps.get(step, 0) + 1
        self.count += len(seconds)
        self.total += max(sum(seconds) * 1e6, 0.0)
        self.low = min(self.low, max(min(seconds) * 1e6, 0.0))
        self.high = max(self.high, max(seconds) * 1e6)


@dataclass(frozen=True, slots=True)
class Report:
    """Invocations of one variant that came to their end; `at` in seconds since 1970."""

    account: str
    region: str
    endpoint: str
    variant: str
    at: int
    instances: int
    count: int
    client_errors: int
    server_errors: int
    model_errors: int
    model: Latencies
    overhead: Latencies


def step_of(value: float) -> int:
    """Values of one step differ by 2 % at most. For values above 0."""
    return math.floor(math.log(value) * _STEPS)


def middle_of(step: int) -> float:
    return math.exp((step + 0.5) / _STEPS)


def write_reports(path: Path, reports: list[Report]) -> None:
    """Whole or not at all; it need not survive a power cut."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps([asdict(report) for report in reports], separators=(",", ":")))
    temporary.replace(path)


def read_reports(path: Path) -> list[Report]:
    return [_report(item) for item in json.loads(path.read_bytes())]


def _report(item: dict[str, Any]) -> Report:
    return Report(**{**item, "model": _latencies(item["model"]), "overhead": _latencies(item["overhead"])})


def _latencies(item: dict[str, Any]) -> Latencies:
    steps = {int(step): count for step, count in item["steps"].items()}
    return Latencies(item["count"], item["total"], item["low"], item["high"], steps)
