"""The SageMaker Metrics service: BatchPutMetrics of experiment runs, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker_metrics import points

OPERATIONS: Mapping[str, Operation] = {
    "BatchPutMetrics": Operation(points.batch_put_metrics, points.component_arn, action="sagemaker:BatchPutMetrics"),
}
