"""The course of one metric: stored minutes or seconds put together to periods, and statistics of these.

Shared by GetMetricStatistics and GetMetricData.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from clary.base.errors import ApiError
from clary.services.cloudwatch import errors
from clary.services.context import Context
from clary.store import metric_data
from clary.store.database import Transaction
from clary.store.metric_data import MINUTE, Metric, Row
from clary.store.metric_sums import Sums

MOST_ROWS = 200_000
_FINE_PERIODS = frozenset((1, 5, 10, 20, 30))
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_TRIMMED = re.compile(r"(tm|wm|tc|ts|pr|iqm|TM|WM|TC|TS|PR|IQM)(\d.*|\(.*\))?")
SIMPLE = {
    "SampleCount": lambda sums: sums.count,
    "Average": lambda sums: sums.average,
    "Sum": lambda sums: sums.total,
    "Minimum": lambda sums: sums.low,
    "Maximum": lambda sums: sums.high,
}


def metric_of(namespace: str, given: Mapping[str, Any]) -> Metric:
    pairs = [(each["Name"], each["Value"]) for each in given.get("Dimensions") or []]
    return Metric(namespace, given["MetricName"], metric_data.dimensions_of(pairs))


def check_period(period: int, where: str, fault: Callable[[str], ApiError]) -> None:
    """`fault` makes the error: the operations have different codes for the same mistake."""
    if period % MINUTE and period not in _FINE_PERIODS:
        raise fault(
            f"The parameter {where} must be a value in the set [ 1, 5, 10, 20, 30 ] or a multiple of {MINUTE}."
        )


def check_statistic(name: str, where: str, fault: Callable[[str], ApiError]) -> None:
    if name in SIMPLE or _PERCENTILE.fullmatch(name):
        return
    if _TRIMMED.fullmatch(name):
        raise errors.not_served(f"The statistic {name}")
    raise fault(f"The value {name} for parameter {where} is not a valid statistic.")


def statistic(name: str, sums: Sums) -> float | None:
    """None where it is not known: percentiles of values that only came as sums."""
    if name in SIMPLE:
        return float(SIMPLE[name](sums))
    return sums.percentile(float(name[1:]))


def span(start: datetime, end: datetime, period: int, *, aligned: bool) -> tuple[int, int]:
    """Whole seconds or minutes; `aligned`: the first period begins where all periods since 1970 would."""
    step = period if aligned or period < MINUTE else MINUTE
    begin = int(start.timestamp() // step) * step
    return begin, _upwards(end.timestamp())


def stored_rows(
    context: Context, tx: Transaction, metric: Metric, period: int, begin: int, end: int, most: int = MOST_ROWS
) -> list[Row]:
    """What is stored in the span; a caller who asks for more than can be put together in one answer is told so."""
    known = metric_data.find(tx, context.account, context.region, metric)
    if known is None:
        return []
    seconds = MINUTE if period % MINUTE == 0 else 1
    rows = metric_data.read(tx, known, seconds, begin, end, most + 1)
    if len(rows) > most:
        raise errors.contradiction("The time range has too many stored values for one request; make it shorter.")
    return rows


def periods(rows: Iterable[Row], begin: int, period: int) -> dict[int, Sums]:
    """By the second in which each period begins, growing."""
    found: dict[int, Sums] = {}
    for row in rows:
        at = begin + (row.at - begin) // period * period
        known = found.get(at)
        found[at] = row.sums if known is None else known.joined(row.sums)
    return found


def _upwards(moment: float) -> int:
    whole = int(moment)
    return whole if whole == moment else whole + 1
