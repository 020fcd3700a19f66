"""BatchPutMetrics: values that a run reports for its trial component."""

from __future__ import annotations

from math import isfinite
from typing import Any

from clary.base.arns import sagemaker_arn
from clary.services.context import Context
from clary.store import metric_series, resources
from clary.store.metric_series import Point

_COMPONENT = "experiment-trial-component"
_MOST = 50_000  # points of one component; a run that reports more is told so


def component_arn(context: Context, request: dict[str, Any]) -> str:
    return sagemaker_arn(context.region, context.account, _COMPONENT, request["TrialComponentName"])


def batch_put_metrics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Each value is taken or refused by itself; of an unknown component all are refused."""
    data = request["MetricData"]
    taken: list[Point] = []
    errors: list[dict[str, Any]] = []
    with context.database.write() as tx:
        row = resources.find(tx, context.account, context.region, _COMPONENT, request["TrialComponentName"])
        free = 0 if row is None else _MOST - metric_series.count(tx, row.id)
        for index, each in enumerate(data):
            if row is None or not isfinite(each["Value"]):
                errors.append({"Code": "VALIDATION_ERROR", "MetricIndex": index})
            elif len(taken) >= free:
                errors.append({"Code": "METRIC_LIMIT_EXCEEDED", "MetricIndex": index})
            else:
                taken.append(Point(each["MetricName"], each["Timestamp"], each.get("Step"), each["Value"]))
        if row is not None:
            metric_series.add(tx, row.id, taken)
    return {"Errors": errors} if errors else {}
