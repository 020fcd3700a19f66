"""Batch transform jobs."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.names import named
from clary.services.sagemaker.transform import jobs

_arn = named(jobs.KIND, "TransformJobName")

OPERATIONS: Mapping[str, Operation] = {
    "CreateTransformJob": Operation(jobs.create_transform_job, _arn),
    "DescribeTransformJob": Operation(jobs.describe_transform_job, _arn),
    "ListTransformJobs": Operation(jobs.list_transform_jobs),
    "StopTransformJob": Operation(jobs.stop_transform_job, _arn),
}
