"""GetMetricStatistics: up to 1,440 data points of one metric, for each unit by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clary.services.cloudwatch import errors, series
from clary.services.context import Context
from clary.store.metric_sums import Sums

_MOST = 1440


def get_metric_statistics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names, extended = request.get("Statistics") or [], request.get("ExtendedStatistics") or []
    _check(request, names, extended)
    period = request["Period"]
    begin, end = series.span(request["StartTime"], request["EndTime"], period, aligned=False)
    if (end - begin) / period > _MOST:
        raise errors.contradiction(
            f"You have requested up to {-(-(end - begin) // period):,} datapoints, which exceeds the limit of "
            f"{_MOST:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    with context.database.read() as tx:
        metric = series.metric_of(request["Namespace"], request)
        rows = series.stored_rows(context, tx, metric, period, begin, end)
    units = {row.unit for row in rows} & ({request["Unit"]} if "Unit" in request else {row.unit for row in rows})
    points = [
        _point(at, unit, sums, names, extended)
        for unit in sorted(units)
        for at, sums in series.periods([row for row in rows if row.unit == unit], begin, period).items()
    ]
    return {"Label": request["MetricName"], "Datapoints": points}


def _check(request: dict[str, Any], names: list[str], extended: list[str]) -> None:
    if not names and not extended:
        raise errors.contradiction(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified."
        )
    if names and extended:
        raise errors.contradiction(
            "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both."
        )
    if request["StartTime"] >= request["EndTime"]:
        raise errors.contradiction("The parameter StartTime must be less than the parameter EndTime.")
    series.check_period(request["Period"], "Period", errors.invalid)
    for number, name in enumerate(extended, 1):
        if name in series.SIMPLE:
            raise errors.invalid(f"The value {name} for parameter ExtendedStatistics is not supported.")
        series.check_statistic(name, f"ExtendedStatistics.member.{number}", errors.invalid)


def _point(at: int, unit: str, sums: Sums, names: list[str], extended: list[str]) -> dict[str, Any]:
    point: dict[str, Any] = {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": unit}
    point |= {name: series.statistic(name, sums) for name in names}
    if extended:
        values = {name: series.statistic(name, sums) for name in extended}
        point["ExtendedStatistics"] = {name: value for name, value in values.items() if value is not None}
    return point
