"""The dispatch table: every operation that is served, by service. docs/coverage.md is generated from it."""

from __future__ import annotations

from collections.abc import Mapping

from clary.base.errors import NotServed
from clary.services import (
    cloudtrail,
    cloudwatch,
    events,
    iam,
    lambda_functions,
    logs,
    organizations,
    s3,
    sagemaker,
    sagemaker_metrics,
    scheduler,
    sns,
    sqs,
    ssm,
    sts,
)
from clary.services.operation import Operation
from clary.wire.routing import Target

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "cloudtrail": cloudtrail.OPERATIONS,
    "cloudwatch": cloudwatch.OPERATIONS,
    "events": events.OPERATIONS,
    "iam": iam.OPERATIONS,
    "lambda": lambda_functions.OPERATIONS,
    "logs": logs.OPERATIONS,
    "organizations": organizations.OPERATIONS,
    "s3": s3.OPERATIONS,
    "sagemaker": sagemaker.OPERATIONS,
    "sagemaker-metrics": sagemaker_metrics.OPERATIONS,
    "scheduler": scheduler.OPERATIONS,
    "sns": sns.OPERATIONS,
    "sqs": sqs.OPERATIONS,
    "ssm": ssm.OPERATIONS,
    "sts": sts.OPERATIONS,
}

SERVED_BY_DOORS: Mapping[str, frozenset[str]] = {
    "sagemaker-runtime": frozenset({"InvokeEndpoint", "InvokeEndpointWithResponseStream"})
}
"""Operations that never reach control, because doors answer them from their snapshot."""


def find_operation(target: Target) -> Operation:
    """The row of the table, or NotServed with the operation's name."""
    name = target.operation.name
    operation = OPERATIONS.get(target.service, {}).get(name)
    if operation is None:
        raise NotServed(f"{target.service}:{name} is not served by this version of Clary; see docs/coverage.md.")
    return operation
