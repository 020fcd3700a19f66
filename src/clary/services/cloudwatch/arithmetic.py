"""What math expressions say, computed over series. Pure.

A value is a number, a series (by the second in which each period begins), or several series. Of two series only
periods that both have are computed; what has no result (a division by zero) is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise

from clary.base.errors import NotServed
from clary.services.cloudwatch import errors
from clary.services.cloudwatch.expressions import Function, Many, Name, Negative, Node, Number, Pair, Text

_MOST_PERIODS = 100_800


@dataclass(frozen=True, slots=True)
class Series:
    """`label` is what the query that made it is called."""

    label: str
    period: int
    points: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`find` returns the value of a query by its id; `metrics` are the queries of stored metrics, by id."""

    find: Callable[[str], Value]
    metrics: Callable[[], Mapping[str, Series]]
    begin: int
    end: int


Value = float | Series | tuple[Series, ...]


def compute(node: Node, around: Surroundings) -> Value:
    match node:
        case Number(value):
            return value
        case Name(value):
            return around.find(value)
        case Negative(inner):
            return _each(compute(inner, around), lambda number: -number)
        case Pair(sign, left, right):
            return _pair(sign, compute(left, around), compute(right, around))
        case Many(items):
            return _several([compute(item, around) for item in items])
        case Function(name, arguments):
            return _function(name, arguments, around)
        case Text(value):
            raise errors.validation(f"A text cannot stand here: {value[:50]}.")


def _function(name: str, arguments: tuple[Node, ...], around: Surroundings) -> Value:
    if name == "METRICS":
        return _metrics(arguments, around)
    if name == "FILL" and len(arguments) == 2:
        return _fill(compute(arguments[0], around), arguments[1], around)
    if name not in _FUNCTIONS and name != "FILL":
        raise NotServed(f"The function {name} in an expression is not served by this version of Clary.")
    if name == "FILL" or len(arguments) != 1:
        raise errors.validation(f"The function {name} takes {2 if name == 'FILL' else 1} argument(s).")
    return _FUNCTIONS[name](compute(arguments[0], around))


def _metrics(arguments: tuple[Node, ...], around: Surroundings) -> Value:
    """All of them, or those whose id has the text in it (or fits it, if it has a `*`)."""
    if not arguments:
        return tuple(around.metrics().values())
    if len(arguments) > 1 or not isinstance(arguments[0], Text):
        raise errors.validation("METRICS takes one text or nothing.")
    wanted = arguments[0].value
    pattern = wanted if "*" in wanted else f"*{wanted}*"
    return tuple(series for name, series in around.metrics().items() if fnmatchcase(name, pattern))


def _several(values: list[Value]) -> tuple[Series, ...]:
    found: list[Series] = []
    for value in values:
        if isinstance(value, float):
            raise errors.validation("A list in an expression can only have time series.")
        found += [value] if isinstance(value, Series) else value
    return tuple(found)


def _each(value: Value, change: Callable[[float], float]) -> Value:
    if isinstance(value, float):
        return change(value)
    if isinstance(value, Series):
        return replace(value, points={at: change(number) for at, number in value.points.items()})
    return tuple(replace(one, points={at: change(n) for at, n in one.points.items()}) for one in value)


def _pair(sign: str, left: Value, right: Value) -> Value:
    if isinstance(left, tuple) and isinstance(right, tuple):
        raise errors.validation("Two lists of time series cannot be put together by an operator.")
    if isinstance(left, tuple):
        return _several([_pair(sign, one, right) for one in left])
    if isinstance(right, tuple):
        return _several([_pair(sign, left, one) for one in right])
    if isinstance(left, Series):
        return _with_series(sign, left, right)
    if isinstance(right, Series):
        points = {at: _number(sign, left, number) for at, number in right.points.items()}
        return replace(right, points=_known(points))
    result = _number(sign, left, right)
    if result is None:
        raise errors.validation("A number of an expression has no value.")
    return result


def _with_series(sign: str, left: Series, right: float | Series) -> Series:
    if isinstance(right, float):
        return replace(left, points=_known({at: _number(sign, n, right) for at, n in left.points.items()}))
    both = {at: _number(sign, n, right.points[at]) for at, n in left.points.items() if at in right.points}
    return Series(left.label, max(left.period, right.period), _known(both))


def _known(points: Mapping[int, float | None]) -> dict[int, float]:
    return {at: number for at, number in points.items() if number is not None}


def _number(sign: str, left: float, right: float) -> float | None:
    try:
        result = _SIGNS[sign](left, right)
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


_SIGNS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "^": math.pow,
}


def _gathered(gather: Callable[[list[float]], float]) -> Callable[[Value], Value]:
    """Of one series a number, of several series one series."""

    def gathered(value: Value) -> Value:
        if isinstance(value, float):
            return value
        if isinstance(value, Series):
            if not value.points:
                return replace(value, points={})
            return float(gather(list(value.points.values())))
        moments: dict[int, list[float]] = {}
        for one in value:
            for at, number in one.points.items():
                moments.setdefault(at, []).append(number)
        period = max((one.period for one in value), default=60)
        return Series("", period, {at: float(gather(moments[at])) for at in sorted(moments)})

    return gathered


def _along(change: Callable[[Series], Mapping[int, float]]) -> Callable[[Value], Value]:
    """Of each series another one."""

    def changed(value: Value) -> Value:
        if isinstance(value, float):
            raise errors.validation("A time series is needed, not a number.")
        if isinstance(value, Series):
            return replace(value, points=change(value))
        return tuple(replace(one, points=change(one)) for one in value)

    return changed


def _differences(series: Series, *, per_second: bool = False) -> dict[int, float]:
    moments = sorted(series.points)
    return {
        later: (series.points[later] - series.points[earlier]) / (later - earlier if per_second else 1)
        for earlier, later in pairwise(moments)
    }


def _running_sum(series: Series) -> dict[int, float]:
    total, points = 0.0, {}
    for at in sorted(series.points):
        total += series.points[at]
        points[at] = total
    return points


def _period(value: Value) -> Value:
    if not isinstance(value, Series):
        raise errors.validation("PERIOD takes one metric.")
    return float(value.period)


_FUNCTIONS: Mapping[str, Callable[[Value], Value]] = {
    "ABS": lambda value: _each(value, abs),
    "AVG": _gathered(lambda numbers: math.fsum(numbers) / len(numbers)),
    "CEIL": lambda value: _each(value, lambda number: float(math.ceil(number))),
    "DIFF": _along(_differences),
    "FLOOR": lambda value: _each(value, lambda number: float(math.floor(number))),
    "MAX": _gathered(max),
    "MIN": _gathered(min),
    "PERIOD": _period,
    "RATE": _along(lambda series: _differences(series, per_second=True)),
    "RUNNING_SUM": _along(_running_sum),
    "SUM": _gathered(math.fsum),
}


def _fill(value: Value, how: Node, around: Surroundings) -> Value:
    series_count = len(value) if isinstance(value, tuple) else 1
    if (around.end - around.begin) * series_count > _MOST_PERIODS * _finest(value):
        raise errors.validation("The time range has too many periods to be filled.")
    word = how.value if isinstance(how, Name) else ""
    if word not in ("REPEAT", "LINEAR"):
        number = compute(how, around)
        if not isinstance(number, float):
            raise errors.validation("FILL takes a number, REPEAT or LINEAR as its second argument.")
        return _along(lambda series: _filled(series, around, lambda _: number))(value)
    return _along(lambda series: _filled(series, around, _repeated(series) if word == "REPEAT" else _line(series)))(
        value
    )


def _finest(value: Value) -> int:
    several = value if isinstance(value, tuple) else (value,)
    return min((one.period for one in several if isinstance(one, Series)), default=60)


def _filled(series: Series, around: Surroundings, missing: Callable[[int], float | None]) -> dict[int, float]:
    first = around.begin - around.begin % series.period
    moments = range(first, around.end, series.period)
    return _known({at: series.points[at] if at in series.points else missing(at) for at in moments})


def _repeated(series: Series) -> Callable[[int], float | None]:
    last: list[float] = []
    ordered = sorted(series.points.items(), reverse=True)

    def repeated(at: int) -> float | None:
        while ordered and ordered[-1][0] < at:
            last[:] = [ordered.pop()[1]]
        return last[0] if last else None

    return repeated


def _line(series: Series) -> Callable[[int], float | None]:
    """Between two points as they lie; before the first and after the last there is nothing."""
    ordered = sorted(series.points.items(), reverse=True)
    before: list[tuple[int, float]] = []

    def between(at: int) -> float | None:
        while ordered and ordered[-1][0] < at:
            before[:] = [ordered.pop()]
        if not before or not ordered:
            return None
        (left, low), (right, high) = before[0], ordered[-1]
        return low + (high - low) * (at - left) / (right - left)

    return between
