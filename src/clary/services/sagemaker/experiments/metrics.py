"""Summaries of the metrics of a trial component, as DescribeTrialComponent and Search show them."""

from __future__ import annotations

from statistics import fmean, pstdev
from typing import Any

from clary.store import metric_series
from clary.store.database import Transaction
from clary.store.metric_series import Point
from clary.store.resources import Resource


def summaries(tx: Transaction, component: Resource) -> list[dict[str, Any]]:
    series: dict[str, list[Point]] = {}
    for point in metric_series.read(tx, component.id):
        series.setdefault(point.name, []).append(point)
    return [_summary(component.arn, name, series[name]) for name in sorted(series)]


def _summary(arn: str, name: str, points: list[Point]) -> dict[str, Any]:
    values = [point.value for point in points]
    return {
        "MetricName": name,
        "SourceArn": arn,
        "TimeStamp": points[-1].at,
        "Max": max(values),
        "Min": min(values),
        "Last": values[-1],
        "Count": len(values),
        "Avg": fmean(values),
        "StdDev": pstdev(values),
    }
