"""BatchGetMetrics: series of trial components, point by point or summed up by minutes, hours or iterations.

Each query is answered by itself: one that cannot be says why in its own result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import AccessDenied
from clary.services.context import Context
from clary.store import metric_series, resources
from clary.store.database import Transaction
from clary.store.metric_series import Point, Summary

_COMPONENT = "experiment-trial-component"
_MOST_VALUES = 10_000  # in one answer to a query; a longer series is cut and says so
_LAST_SECOND = 253_402_300_799  # of the year 9999
_SECONDS: Mapping[str, int] = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}
_STATISTICS: Mapping[str, Callable[[Summary], float]] = {
    "Min": lambda summary: summary.min,
    "Max": lambda summary: summary.max,
    "Avg": lambda summary: summary.mean,
    "Count": lambda summary: float(summary.count),
    "StdDev": lambda summary: summary.deviation,
    "Last": lambda summary: summary.last,
}


class _Refused(Exception):
    """Why a query has no answer."""


def batch_get_metrics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"MetricQueryResults": [_result(context, tx, query) for query in request["MetricQueries"]]}


def _result(context: Context, tx: Transaction, query: dict[str, Any]) -> dict[str, Any]:
    try:
        found = _series(context, tx, query)
    except _Refused as refused:
        return {"Status": "ValidationError", "Message": str(refused), "XAxisValues": [], "MetricValues": []}
    shown = found[:_MOST_VALUES]
    answer: dict[str, Any] = {
        "Status": "Complete",
        "XAxisValues": [x for x, _ in shown],
        "MetricValues": [value for _, value in shown],
    }
    if len(found) > _MOST_VALUES:
        answer |= {"Status": "Truncated", "Message": f"The series has more than {_MOST_VALUES} values."}
    return answer


def _series(context: Context, tx: Transaction, query: dict[str, Any]) -> list[tuple[int, float]]:
    """Values of the x-axis, growing, and of the metric."""
    begin, end = _moment(query.get("Start")), _moment(query.get("End"))
    if begin and end and begin > end:
        raise _Refused("Start must not be later than End.")
    component = _component(context, tx, query["ResourceArn"])
    points = metric_series.read(tx, component, query["MetricName"], begin=begin, end=end)
    groups: dict[int, list[Point]] = {}
    for point in points:
        if point.step is not None or "IterationNumber" not in {query["Period"], query["XAxisType"]}:
            groups.setdefault(_group(query["Period"], point), []).append(point)
    statistic = _STATISTICS[query["MetricStat"]]
    found = [(_x(query, key, groups[key]), statistic(metric_series.summed_up(None, groups[key]))) for key in groups]
    return sorted(found)


def _group(period: str, point: Point) -> int:
    """The iteration, or the epoch second at which the point's period begins. Points that were reported without a
    step belong to no iteration."""
    if period == "IterationNumber":
        return point.step or 0
    seconds = int(point.at.timestamp())
    return seconds - seconds % _SECONDS[period]


def _x(query: dict[str, Any], key: int, points: list[Point]) -> int:
    """What groups the points is the axis, too, unless the other one is asked for: then the last of them counts."""
    if query["XAxisType"] == "IterationNumber":
        return points[-1].step or 0
    return int(points[-1].at.timestamp()) if query["Period"] == "IterationNumber" else key


def _component(context: Context, tx: Transaction, arn: str) -> int:
    """The id of the component's row, if the caller may read it."""
    parsed = parse_arn(arn)
    if (parsed.account, parsed.region) != (context.account, context.region):
        raise _Refused(f"{arn} is of another account or region.")
    try:
        context.authorize("sagemaker:BatchGetMetrics", arn.lower())
    except AccessDenied as denied:
        raise _Refused(denied.message) from denied
    row = resources.find_by_arn(tx, arn.lower())
    if row is None or row.kind != _COMPONENT:
        raise _Refused(f"{arn} is not a trial component that exists.")
    return row.id


def _moment(seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    if not 0 <= seconds <= _LAST_SECOND:
        raise _Refused("Start and End are seconds since 1970.")
    return datetime.fromtimestamp(seconds, UTC)
