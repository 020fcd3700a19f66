"""Bayesian search with a tree-structured Parzen estimator, in plain Python.

The results are split into a good part and the rest. Each part becomes a density over the ranges: a kernel around
every set of values, and a wide one for all that nobody has tried. Candidates are drawn from the good density; the one
that is most likely under it, compared with the other density, is proposed. What is still running counts with the
rest, so that parallel proposals keep away from each other.

Why not a Gaussian process: it costs the cube of the number of results (or a numerical library in the core), needs
its own tuning and does not take categories as they are. This costs some milliseconds at 500 results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from clary.definitions.tuning.ranges import Categorical, Numeric, Parameters, Ranges, within
from clary.engine.tuning.search import Result, fingerprint, source, tried
from clary.engine.tuning.search.random import draw_new

_GOOD_SHARE = 0.15
_MOST_GOOD = 25
_CANDIDATES = 48
_NARROWEST = 0.01
_WIDTH = 0.25

Point = tuple[float | str, ...]


def propose(
    ranges: Ranges, results: Sequence[Result], running: Sequence[Parameters], seed: int, count: int
) -> list[dict[str, str]]:
    """Implements `Search`. The first few proposals are random: there must be something to learn from."""
    usable = [item for item in results if within(ranges, item.parameters)]
    known = {fingerprint(item.parameters) for item in usable} | {fingerprint(item) for item in running}
    pending = [item for item in running if within(ranges, item)]
    first = tried(results, running)
    proposals = []
    for number in range(first, first + count):
        numbers = source(seed, number)
        if sum(item.loss is not None for item in usable) < beginning(ranges):
            proposal = draw_new(ranges, numbers, known)
        else:
            proposal = _best_candidate(ranges, usable, pending, numbers, known)
        known.add(fingerprint(proposal))
        pending = [*pending, proposal]
        proposals.append(proposal)
    return proposals


def beginning(ranges: Ranges) -> int:
    """How many results are drawn at random first."""
    return min(10, 2 + 2 * len(ranges))


class _Density:
    """A mixture of one kernel around each point and one that is flat."""

    def __init__(self, ranges: Ranges, points: Sequence[Point]) -> None:
        self._ranges = ranges
        self._points = points
        numeric = sum(isinstance(item, Numeric) for item in ranges)
        self._width = max(_NARROWEST, _WIDTH * max(1, len(points)) ** (-1 / (numeric + 4)))

    def draw(self, numbers: Random) -> dict[str, str]:
        """A set of values near one of the points, or anywhere."""
        chosen = numbers.randrange(len(self._points) + 1)
        if chosen == len(self._points):
            return {item.name: item.value(numbers.random()) for item in self._ranges}
        pairs = zip(self._ranges, self._points[chosen], strict=True)
        return {item.name: self._near(item, place, numbers) for item, place in pairs}

    def log(self, point: Point) -> float:
        """The logarithm of the density at a point."""
        terms = [0.0, *(self._kernel(centre, point) for centre in self._points)]
        top = max(terms)
        return top + math.log(sum(math.exp(term - top) for term in terms) / len(terms))

    def _near(self, item: Numeric | Categorical, place: float | str, numbers: Random) -> str:
        if isinstance(item, Categorical):
            return str(place) if numbers.random() < self._stay(item) else item.value(numbers.random())
        for _ in range(16):
            unit = numbers.gauss(float(place), self._width)
            if 0.0 <= unit <= 1.0:
                return item.value(unit)
        return item.value(float(place))

    def _kernel(self, centre: Point, point: Point) -> float:
        total = 0.0
        for item, middle, place in zip(self._ranges, centre, point, strict=True):
            if isinstance(item, Categorical):
                stay = self._stay(item)
                total += math.log((stay if middle == place else 0.0) * item.choices + (1 - stay))
            else:
                total += _log_normal(float(place), float(middle), self._width)
        return total

    def _stay(self, item: Categorical) -> float:
        """How much of a kernel sits on its own category; the rest is spread over all."""
        return len(self._points) / (len(self._points) + item.choices)


def _log_normal(place: float, middle: float, width: float) -> float:
    """A normal density cut off at 0 and 1."""
    inside = 0.5 * (math.erf((1 - middle) / (width * _ROOT)) - math.erf(-middle / (width * _ROOT)))
    return -0.5 * ((place - middle) / width) ** 2 - math.log(width * _ROOT_OF_TAU * inside)


_ROOT = math.sqrt(2)
_ROOT_OF_TAU = math.sqrt(2 * math.pi)


def _best_candidate(
    ranges: Ranges,
    results: Sequence[Result],
    pending: Sequence[Parameters],
    numbers: Random,
    known: set[tuple[tuple[str, str], ...]],
) -> dict[str, str]:
    ranked = sorted((item for item in results if item.loss is not None), key=lambda item: item.loss or 0.0)
    count = min(_MOST_GOOD, max(2, math.ceil(_GOOD_SHARE * len(ranked))))
    failed = [item.parameters for item in results if item.loss is None]
    rest = [*(item.parameters for item in ranked[count:]), *failed, *pending]
    good = _Density(ranges, [_point(ranges, item.parameters) for item in ranked[:count]])
    bad = _Density(ranges, [_point(ranges, item) for item in rest])
    best, best_score = None, -math.inf
    for _ in range(_CANDIDATES):
        candidate = good.draw(numbers)
        if fingerprint(candidate) in known:
            continue
        point = _point(ranges, candidate)
        score = good.log(point) - bad.log(point)
        if score > best_score:
            best, best_score = candidate, score
    return best or draw_new(ranges, numbers, known)


def _point(ranges: Ranges, parameters: Parameters) -> Point:
    return tuple(
        item.unit(parameters[item.name]) if isinstance(item, Numeric) else parameters[item.name] for item in ranges
    )
