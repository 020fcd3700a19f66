"""Answers to Callback steps. The token leads to the step's row; the engine reads the answer there."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ConflictException, ResourceNotFound
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.pipelines.names import CALLBACK
from clary.store import resources, work


def send_success(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    outputs = {entry["Name"]: entry["Value"] for entry in request.get("OutputParameters") or []}
    return _answer(context, request, {"status": "Success", "outputs": outputs})


def send_failure(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _answer(context, request, {"status": "Failure", "reason": request.get("FailureReason", "")})


def _answer(context: Context, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Twice the same answer is one; a different one comes too late."""
    with context.database.write() as tx:
        token = resources.find_by_arn(tx, names.arn(context, CALLBACK, request["CallbackToken"]))
        known_token = token is not None and token.name == request["CallbackToken"]  # ARNs are lower case
        step = resources.find_by_id(tx, token.document["step_id"]) if token and known_token else None
        execution = resources.find_by_arn(tx, step.parent) if step else None
        if token is None or step is None or execution is None:
            raise ResourceNotFound("The callback token is not known.")
        context.authorize(f"sagemaker:SendPipelineExecutionStep{answer['status']}", execution.parent)
        if step.document["attempt"] != token.document["attempt"]:
            raise ConflictException(f"The step {step.name} of {execution.arn} has been started anew since.")
        known = step.document.get("callback")
        if known is None and step.status in {"Starting", "Executing", "Stopping"}:
            resources.save(tx, step, document={**step.document, "callback": answer}, now=context.now)
            work.enqueue(tx, execution, context.now)
        elif known != answer:
            raise ConflictException(f"The step {step.name} of {execution.arn} has been answered already.")
    return {"PipelineExecutionArn": execution.arn}
