"""ListPipelineExecutionSteps: what became of the steps that have started. Their rows are made by the engine."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker.pipelines.names import STEP, get_execution
from clary.services.sagemaker.pipelines.paging import list_page
from clary.store.resources import Resource


def list_pipeline_execution_steps(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Newest first unless asked otherwise."""
    if "PipelineExecutionArn" not in request:
        raise ValidationException("PipelineExecutionArn is needed.")
    with context.database.read() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
        member = "PipelineExecutionSteps"
        return list_page(context, tx, request, STEP, member=member, summary=_step, parent=execution.arn)


def _step(step: Resource) -> dict[str, Any]:
    document, reused = step.document, step.document.get("reused")
    return {
        "StepName": step.name,
        "StepDisplayName": document.get("display_name"),
        "StepDescription": document.get("description"),
        "StartTime": document.get("started") or step.created_at,
        "EndTime": document.get("ended"),
        "StepStatus": step.status,
        "CacheHitResult": document.get("cache"),
        "FailureReason": document.get("failure"),
        "Metadata": document.get("metadata"),
        "AttemptCount": document.get("attempt", 0),
        "SelectiveExecutionResult": {"SourcePipelineExecutionArn": reused} if reused else None,
    }
