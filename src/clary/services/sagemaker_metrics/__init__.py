"""The SageMaker Metrics service: BatchPutMetrics and BatchGetMetrics of experiment runs, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker_metrics import points, queries

OPERATIONS: Mapping[str, Operation] = {
    "BatchGetMetrics": Operation(queries.batch_get_metrics, open_to_all=True),
    "BatchPutMetrics": Operation(points.batch_put_metrics, points.component_arn, action="sagemaker:BatchPutMetrics"),
}
