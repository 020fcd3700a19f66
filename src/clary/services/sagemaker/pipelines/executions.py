"""Executions: describe, list, stop, retry, rename. They are started in `starting` and carried out by the engine."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ConflictException
from clary.services.context import Context
from clary.services.repeats import check_repeat, fingerprint
from clary.services.sagemaker.pipelines.aliases import aliases_of, number_of
from clary.services.sagemaker.pipelines.names import (
    EXECUTION,
    get_execution,
    get_pipeline,
    get_pipeline_of,
    get_version,
)
from clary.services.sagemaker.pipelines.paging import list_page
from clary.services.sagemaker.pipelines.pipelines import parallelism_member
from clary.services.sagemaker.user_context import user_context
from clary.store import resources, work
from clary.store.resources import Resource


def describe_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
        pipeline = get_pipeline_of(tx, execution)
    aliases = aliases_of(pipeline, execution.document["version"])
    return {**described(execution), "PipelineVersionAliases": aliases}


def described(execution: Resource) -> dict[str, Any]:
    """What Describe and Search tell of an execution."""
    document = execution.document
    return {
        "PipelineArn": execution.parent,
        "PipelineExecutionArn": execution.arn,
        "PipelineExecutionDisplayName": document["display_name"],
        "PipelineExecutionStatus": execution.status,
        "PipelineExecutionDescription": document["description"],
        "PipelineExperimentConfig": document.get("experiment"),
        "FailureReason": document.get("failure"),
        "CreationTime": execution.created_at,
        "LastModifiedTime": execution.updated_at,
        "CreatedBy": document["created_by"],
        "LastModifiedBy": document["last_modified_by"],
        "ParallelismConfiguration": parallelism_member(document["parallelism"]),
        "SelectiveExecutionConfig": selective_member(document.get("selective")),
        "PipelineVersionId": document["version"],
        "RoleArn": document["role"],
    }


def describe_definition(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
        version = get_version(tx, get_pipeline_of(tx, execution), execution.document["version"])
    return {"PipelineDefinition": version.document["definition"], "CreationTime": version.created_at}


def list_pipeline_executions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        pipeline = get_pipeline(tx, context, request["PipelineName"])
        alias = request.get("PipelineVersionAlias")
        version = number_of(pipeline, alias) if alias else None
        return list_page(
            context,
            tx,
            request,
            EXECUTION,
            member="PipelineExecutionSummaries",
            summary=_summary,
            parent=pipeline.arn,
            keep=(lambda execution: execution.document["version"] == version) if alias else None,
        )


def parameter_list(execution: Resource) -> list[dict[str, str]]:
    """Parameters as texts, in the order of the definition."""
    return parameter_texts(execution.document["parameters"])


def parameter_texts(parameters: dict[str, Any]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": _text(value)} for name, value in parameters.items()]


def list_parameters(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
    parameters = parameter_list(execution)
    size, token = request.get("MaxResults", 50), request.get("NextToken")
    begin = int(context.pager.decode("ListParameters", execution.arn, token)[0]) if token else 0
    page: dict[str, Any] = {"PipelineParameters": parameters[begin : begin + size]}
    if len(parameters) > begin + size:
        page["NextToken"] = context.pager.encode("ListParameters", execution.arn, [begin + size])
    return page


def stop_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Asks the engine to stop it."""
    with context.database.write() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
        token = request["ClientRequestToken"]
        if execution.document.get("stop_token") == token:
            return {"PipelineExecutionArn": execution.arn}
        if execution.status not in {"Executing", "Stopping"}:
            raise ConflictException(
                f"Only running pipeline executions can be stopped; {execution.arn} is {execution.status}."
            )
        if execution.status == "Executing":
            document = {
                **execution.document,
                "stop_requested": True,
                "stop_token": token,
                "last_modified_by": user_context(context),
            }
            execution = resources.save(tx, execution, document=document, status="Stopping", now=context.now)
            work.enqueue(tx, execution, context.now)
    return {"PipelineExecutionArn": execution.arn}


def retry_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Runs what failed or was stopped again, in place; what succeeded stays."""
    with context.database.write() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
        token, said = request["ClientRequestToken"], fingerprint(request)
        if execution.document.get("retry_token") == token:
            check_repeat(execution.document.get("retry_said"), said, token)
            return {"PipelineExecutionArn": execution.arn}
        if execution.status not in {"Failed", "Stopped"}:
            raise ConflictException(
                f"Only failed and stopped pipeline executions can be retried; {execution.arn} is {execution.status}."
            )
        document = {
            **execution.document,
            "attempt": execution.document["attempt"] + 1,
            "stop_requested": False,
            "failure": None,
            "retry_token": token,
            "retry_said": said,
            "last_modified_by": user_context(context),
        }
        if "ParallelismConfiguration" in request:
            document["parallelism"] = request["ParallelismConfiguration"]["MaxParallelExecutionSteps"]
        execution = resources.save(tx, execution, document=document, status="Executing", now=context.now)
        work.enqueue(tx, execution, context.now)
    return {"PipelineExecutionArn": execution.arn}


def update_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        execution = get_execution(tx, context, request["PipelineExecutionArn"])
        document = {**execution.document, "last_modified_by": user_context(context)}
        for member, entry in (
            ("PipelineExecutionDescription", "description"),
            ("PipelineExecutionDisplayName", "display_name"),
        ):
            if member in request:
                document[entry] = request[member]
        if "ParallelismConfiguration" in request:
            document["parallelism"] = request["ParallelismConfiguration"]["MaxParallelExecutionSteps"]
        execution = resources.save(tx, execution, document=document, now=context.now)
        if execution.status == "Executing":
            work.enqueue(tx, execution, context.now)  # more steps may run now
    return {"PipelineExecutionArn": execution.arn}


def _summary(execution: Resource) -> dict[str, Any]:
    return {
        "PipelineExecutionArn": execution.arn,
        "StartTime": execution.created_at,
        "PipelineExecutionStatus": execution.status,
        "PipelineExecutionDescription": execution.document["description"],
        "PipelineExecutionDisplayName": execution.document["display_name"],
        "PipelineExecutionFailureReason": execution.document.get("failure"),
    }


def selective_member(selective: dict[str, Any] | None) -> dict[str, Any] | None:
    if selective is None:
        return None
    steps = [{"StepName": name} for name in selective["steps"]]
    source = {"SourcePipelineExecutionArn": selective["source"]} if selective["source"] else {}
    return {**source, "SelectedSteps": steps}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
