"""What is known of many values at once: their number, sum and extremes, and how they are spread. No I/O.

The spread is kept as values with counts: as they came while there are few, else in steps of 2 %. It is not known when
only sums were reported, or when the values are too many even so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clary.base.invocation_reports import middle_of, step_of

_EXACT = 100
_MOST = 1500

Spread = Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Sums:
    """`spread` has how often each value occurred, or is None when that is not known."""

    count: float
    total: float
    low: float
    high: float
    spread: Spread | None = None

    @property
    def average(self) -> float:
        return self.total / self.count

    def joined(self, other: Sums) -> Sums:
        return Sums(
            self.count + other.count,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
            _merged(self.spread, other.spread),
        )

    def percentile(self, percent: float) -> float | None:
        """The smallest value that so many of the values do not exceed; None when the spread is not known."""
        if self.spread is None:
            return None
        rank, passed = percent / 100 * self.count, 0.0
        for value in sorted(self.spread):
            passed += self.spread[value]
            if passed >= rank - 1e-9:
                return min(max(value, self.low), self.high)
        return self.high


def of_values(values: Mapping[float, float]) -> Sums:
    """Of values with their counts; there must be one at least."""
    total = math.fsum(value * count for value, count in values.items())
    return Sums(sum(values.values()), total, min(values), max(values), _bounded(dict(values)))


def joined(many: Iterable[Sums]) -> Sums | None:
    known: Sums | None = None
    for sums in many:
        known = sums if known is None else known.joined(sums)
    return known


def _merged(first: Spread | None, second: Spread | None) -> Spread | None:
    if first is None or second is None:
        return None
    together = dict(first)
    for value, count in second.items():
        together[value] = together.get(value, 0.0) + count
    return _bounded(together)


def _bounded(spread: dict[float, float]) -> Spread | None:
    if len(spread) <= _EXACT:
        return spread
    coarse: dict[float, float] = {}
    for value, count in spread.items():
        near = _near(value)
        coarse[near] = coarse.get(near, 0.0) + count
    return coarse if len(coarse) <= _MOST else None


def _near(value: float) -> float:
    if abs(value) < 1e-300:
        return 0.0
    return math.copysign(middle_of(step_of(abs(value))), value)
