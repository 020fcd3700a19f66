"""Names, ARNs and rows of pipelines and executions, and who did something."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ResourceNotFound
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

PIPELINE = "pipeline"
VERSION = "pipeline-version"
EXECUTION = "pipeline-execution"
STEP = "pipeline-step"
CALLBACK = "callback-token"


def pipeline_arn(context: Context, name: str) -> str:
    return names.arn(context, PIPELINE, plain_name(name))


def plain_name(name_or_arn: str) -> str:
    """Pipelines are named by name or by ARN."""
    return name_or_arn.partition("pipeline/")[2] if name_or_arn.startswith("arn:") else name_or_arn


def named_pipeline(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    return pipeline_arn(context, request.get("PipelineName") or request.get("PipelineArn") or "")


def named_execution(_context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table; ARNs are lower case, and policies compare exactly."""
    return str(request.get("PipelineExecutionArn") or "*").lower()


def get_pipeline(tx: Transaction, context: Context, name: str) -> Resource:
    found = resources.find(tx, context.account, context.region, PIPELINE, plain_name(name))
    if found is None or (name.startswith("arn:") and name.lower() != found.arn):
        arn = name if name.startswith("arn:") else pipeline_arn(context, name)
        raise ResourceNotFound(f"Pipeline '{arn}' does not exist.")
    return found


def get_version(tx: Transaction, pipeline: Resource, number: int) -> Resource:
    found = resources.find(tx, pipeline.account, pipeline.region, VERSION, str(number), parent=pipeline.arn)
    if found is None:
        raise ResourceNotFound(f"Pipeline '{pipeline.arn}' has no version {number}.")
    return found


def get_execution(tx: Transaction, context: Context, arn: str) -> Resource:
    found = resources.find_by_arn(tx, arn.lower())
    if found is None or found.kind != EXECUTION or (found.account, found.region) != (context.account, context.region):
        raise ResourceNotFound(f"Pipeline execution with ARN {arn} does not exist.")
    return found


def get_pipeline_of(tx: Transaction, execution: Resource) -> Resource:
    found = resources.find_by_arn(tx, execution.parent)
    if found is None:
        raise ResourceNotFound(f"Pipeline '{execution.parent}' does not exist.")
    return found
