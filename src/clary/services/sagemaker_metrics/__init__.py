"""The SageMaker Metrics service: BatchPutMetrics of experiment runs, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {}
