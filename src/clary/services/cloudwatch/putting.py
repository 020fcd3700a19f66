"""PutMetricData: values, or what is known of many values, of metrics with up to 30 dimensions."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from clary.services.cloudwatch import errors
from clary.services.context import Context
from clary.store import metric_data
from clary.store.metric_data import Metric, Sample
from clary.store.metric_sums import Sums, of_values

_MOST = 1000
_MOST_VALUES = 150
_OLDEST = timedelta(days=14)
_YOUNGEST = timedelta(hours=2)
_LARGEST = 2.0**360


def put_metric_data(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    namespace, data = request["Namespace"], request.get("MetricData") or []
    if request.get("EntityMetricData"):
        raise errors.not_served("PutMetricData with EntityMetricData")
    if namespace.startswith("AWS/"):
        raise errors.invalid(f"The value {namespace} for parameter Namespace is invalid.")
    if not data:
        raise errors.missing("The parameter MetricData must be specified.")
    if len(data) > _MOST:
        raise errors.invalid(f"The collection MetricData must not have a size greater than {_MOST}.")
    samples = [_sample(context, namespace, f"MetricData.member.{n}", datum) for n, datum in enumerate(data, 1)]
    with context.database.write() as tx:
        metric_data.add(tx, context.account, context.region, samples)
    return {}


def _sample(context: Context, namespace: str, where: str, datum: dict[str, Any]) -> Sample:
    resolution = datum.get("StorageResolution", metric_data.MINUTE)
    if resolution not in (1, metric_data.MINUTE):
        raise errors.invalid(f"The value {resolution} for parameter {where}.StorageResolution is invalid.")
    at = datum.get("Timestamp") or context.now
    _check_time(context.now, at, f"{where}.Timestamp")
    return Sample(
        Metric(namespace, datum["MetricName"], metric_data.dimensions_of(_dimensions(where, datum))),
        int(at.timestamp()),
        datum.get("Unit") or "None",
        _sums(where, datum),
        fine=resolution == 1,
    )


def _check_time(now: datetime, at: datetime, where: str) -> None:
    if at < now - _OLDEST:
        raise errors.invalid(f"The parameter {where} must specify a time no more than two weeks in the past.")
    if at > now + _YOUNGEST:
        raise errors.invalid(f"The parameter {where} must specify a time no more than two hours in the future.")


def _dimensions(where: str, datum: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = [(each["Name"], each["Value"]) for each in datum.get("Dimensions") or []]
    if len({name for name, _ in pairs}) < len(pairs):
        raise errors.invalid(f"The parameter {where}.Dimensions has a dimension more than once.")
    return pairs


def _sums(where: str, datum: dict[str, Any]) -> Sums:
    given = [name for name in ("Value", "StatisticValues", "Values") if datum.get(name) not in (None, [], {})]
    if len(given) > 1:
        raise errors.contradiction(
            f"The parameters {where}.{given[0]} and {where}.{given[1]} are mutually exclusive and you have specified "
            "both."
        )
    if not given:
        raise errors.missing(
            f"At least one of the parameters {where}.Value, Values or StatisticValues must be given."
        )
    if given == ["StatisticValues"]:
        return _from_statistics(f"{where}.StatisticValues", datum["StatisticValues"])
    if given == ["Value"]:
        return of_values({_number(f"{where}.Value", datum["Value"]): 1.0})
    return _from_values(where, datum["Values"], datum.get("Counts"))


def _from_statistics(where: str, given: dict[str, Any]) -> Sums:
    count, total, low, high = (
        _number(f"{where}.{name}", given[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if count <= 0:
        raise errors.invalid(f"The parameter {where}.SampleCount must be greater than 0.")
    if low > high:
        raise errors.contradiction(f"The parameter {where}.Maximum must be greater than {where}.Minimum.")
    return Sums(count, total, low, high, {low: count} if low == high else None)


def _from_values(where: str, values: list[float], counts: list[float] | None) -> Sums:
    if len(values) > _MOST_VALUES:
        raise errors.invalid(f"The collection {where}.Values must not have a size greater than {_MOST_VALUES}.")
    if counts is not None and len(counts) != len(values):
        raise errors.invalid(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    together: dict[float, float] = {}
    for value, count in zip(values, counts or [1.0] * len(values), strict=True):
        if _number(f"{where}.Counts", count) <= 0:
            raise errors.invalid(f"The values of the parameter {where}.Counts must be greater than 0.")
        number = _number(f"{where}.Values", value)
        together[number] = together.get(number, 0.0) + count
    return of_values(together)


def _number(where: str, value: float) -> float:
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise errors.invalid(f"The value {value} for parameter {where} is invalid.")
    return float(value)
