"""Ranges of hyperparameters, and how their values lie on a scale from 0 to 1 on which searches think.

Values are strings, as they are sent to training jobs. Nothing here knows how a search chooses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_AUTO_LOGARITHMIC = 1000.0
"""With scaling Auto, a positive range over so many times its lower end is searched by orders of magnitude."""


class RangeError(ValueError):
    """A range that cannot be searched; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """Numbers from `low` to `high`, both included. `scaling` is Linear, Logarithmic or ReverseLogarithmic."""

    name: str
    low: float
    high: float
    scaling: str
    whole: bool

    @property
    def choices(self) -> int | None:
        """How many values there are; None for too many to count."""
        return int(self.high) - int(self.low) + 1 if self.whole else None

    def value(self, unit: float) -> str:
        """The value at a place from 0 to 1. Whole numbers own equal parts of it (as far as the scaling is linear)."""
        low, high = self._ends()
        number = self._unscale(low + (high - low) * min(max(unit, 0.0), 1.0))
        if self.whole:
            return str(min(max(round(number), int(self.low)), int(self.high)))
        if unit <= 0.0 or unit >= 1.0:  # rounding must not keep the ends out of reach
            number = self.low if unit <= 0.0 else self.high
        return repr(min(max(number, self.low), self.high))

    def unit(self, value: str) -> float:
        """The place of a value, from 0 to 1; the middle of its part for whole numbers."""
        low, high = self._ends()
        if high == low:
            return 0.5
        return min(max((self._scale(float(value)) - low) / (high - low), 0.0), 1.0)

    def holds(self, value: str) -> bool:
        try:
            number = float(value)
        except ValueError:
            return False
        return self.low <= number <= self.high and (not self.whole or number == int(number))

    def _ends(self) -> tuple[float, float]:
        """Whole numbers reach half a step beyond their ends, so that the ends are not drawn half as often."""
        margin = 0.499 if self.whole and self.high > self.low else 0.0
        return self._scale(self.low - margin), self._scale(self.high + margin)

    def _scale(self, number: float) -> float:
        if self.scaling == "Logarithmic":
            return math.log(number)
        return -math.log1p(-number) if self.scaling == "ReverseLogarithmic" else number

    def _unscale(self, scaled: float) -> float:
        if self.scaling == "Logarithmic":
            return math.exp(scaled)
        return -math.expm1(-scaled) if self.scaling == "ReverseLogarithmic" else scaled


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of a few values, in no order."""

    name: str
    values: tuple[str, ...]

    @property
    def choices(self) -> int:
        return len(self.values)

    def value(self, unit: float) -> str:
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def holds(self, value: str) -> bool:
        return value in self.values


Range = Numeric | Categorical
Ranges = tuple[Range, ...]
Parameters = Mapping[str, str]


def read_ranges(raw: Mapping[str, Any]) -> Ranges:
    """The ranges of a `ParameterRanges` structure, in a fixed order; RangeError when one makes no sense."""
    found = tuple(_read(raw))
    names = [item.name for item in found]
    for name in names:
        if names.count(name) > 1:
            raise RangeError(f"The hyperparameter {name} has more than one range.")
    return found


def combinations(ranges: Ranges) -> int | None:
    """How many different sets of values there are; None for too many to count."""
    counts = [item.choices for item in ranges]
    return None if None in counts else math.prod(count or 0 for count in counts)


def within(ranges: Ranges, parameters: Parameters) -> bool:
    """Whether every range has a value here that lies in it."""
    return all(item.name in parameters and item.holds(parameters[item.name]) for item in ranges)


def _read(raw: Mapping[str, Any]) -> Iterator[Range]:
    for item in raw.get("CategoricalParameterRanges") or []:
        values = tuple(item["Values"])
        if len(set(values)) != len(values):
            raise RangeError(f"The categorical hyperparameter {item['Name']} has the same value more than once.")
        yield Categorical(item["Name"], values)
    for item in raw.get("ContinuousParameterRanges") or []:
        yield _numeric(item, whole=False)
    for item in raw.get("IntegerParameterRanges") or []:
        yield _numeric(item, whole=True)


def _numeric(item: Mapping[str, Any], *, whole: bool) -> Numeric:
    name = item["Name"]
    low, high = _number(name, "MinValue", item["MinValue"], whole), _number(name, "MaxValue", item["MaxValue"], whole)
    if low > high:
        raise RangeError(f"MinValue {item['MinValue']} of the hyperparameter {name} is greater than its MaxValue.")
    scaling = item.get("ScalingType") or "Auto"
    if scaling == "Auto":
        scaling = "Logarithmic" if low > 0 and high / low >= _AUTO_LOGARITHMIC else "Linear"
    if scaling == "Logarithmic" and low <= 0:
        raise RangeError(f"The hyperparameter {name} with Logarithmic scaling must have a MinValue greater than 0.")
    if scaling == "ReverseLogarithmic" and (whole or low < 0 or high >= 1):
        raise RangeError(
            f"The hyperparameter {name} with ReverseLogarithmic scaling must be continuous and within 0 <= x < 1."
        )
    return Numeric(name, low, high, scaling, whole)


def _number(name: str, end: str, text: str, whole: bool) -> float:
    try:
        number = float(int(text)) if whole else float(text)
    except (ValueError, OverflowError):
        kind = "an integer" if whole else "a number"
        raise RangeError(f"{end} {text!r} of the hyperparameter {name} is not {kind}.") from None
    if not math.isfinite(number) or (whole and abs(number) > 2**53):
        raise RangeError(f"{end} {text!r} of the hyperparameter {name} is not a finite number of usual size.")
    return number
