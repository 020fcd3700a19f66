"""Create, update, describe, list and delete pipelines. Each new definition is a new version."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ConflictException, ValidationException
from clary.definitions.document import read_definition
from clary.services.context import Context
from clary.services.repeats import check_repeat, fingerprint, once
from clary.services.sagemaker.pipelines.aliases import aliases_of, assigned, chosen_version
from clary.services.sagemaker.pipelines.definition_text import read_text
from clary.services.sagemaker.pipelines.names import (
    CALLBACK,
    EXECUTION,
    PIPELINE,
    STEP,
    VERSION,
    get_pipeline,
    pipeline_arn,
)
from clary.services.sagemaker.pipelines.paging import list_page
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.user_context import user_context
from clary.store import resources
from clary.store import tags as tag_store
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_RUNNING = ("Executing", "Stopping")


def create_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    text = read_text(context, request, "CreatePipeline")
    if not text:
        raise ValidationException("A PipelineDefinition or a PipelineDefinitionS3Location is needed.")
    read_definition(text)
    name, arn = request["PipelineName"], pipeline_arn(context, request["PipelineName"])
    with context.database.write() as tx:
        check_role(context, tx, request["RoleArn"])
        existing = resources.find(tx, context.account, context.region, PIPELINE, name)
        said = fingerprint(request)
        if existing is not None and existing.document["token"] == request["ClientRequestToken"]:
            check_repeat(existing.document.get("said"), said, request["ClientRequestToken"])
            return {"PipelineArn": existing.arn}
        if existing is not None:
            raise ValidationException(
                f"Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            )
        document = {
            "display_name": request.get("PipelineDisplayName") or name,
            "description": request.get("PipelineDescription"),
            "role": request["RoleArn"],
            "version": 1,
            "parallelism": _parallelism(request),
            "created_by": user_context(context),
            "last_modified_by": user_context(context),
            "token": request["ClientRequestToken"],
            "said": said,
            "aliases": assigned({}, 1, request.get("PipelineVersionAliases") or [], []),
        }
        pipeline = resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=PIPELINE,
            name=name,
            arn=arn,
            document=document,
            status="Active",
            now=context.now,
        )
        _add_version(tx, context, pipeline, 1, text)
        put_tags(tx, arn, request.get("Tags"))
    return {"PipelineArn": arn}


def update_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    text = read_text(context, request, "UpdatePipeline")
    if text is not None:
        read_definition(text)
    elif request.get("PipelineVersionAliases"):
        raise ValidationException("Aliases are given to a new version: they need a definition that is new, too.")
    with context.database.write() as tx:
        if "RoleArn" in request:
            check_role(context, tx, request["RoleArn"])
        pipeline = get_pipeline(tx, context, request["PipelineName"])
        document = {**pipeline.document, "last_modified_by": user_context(context), "modified": context.now}
        for member, entry in (
            ("PipelineDisplayName", "display_name"),
            ("PipelineDescription", "description"),
            ("RoleArn", "role"),
        ):
            if member in request:
                document[entry] = request[member]
        if "ParallelismConfiguration" in request:
            document["parallelism"] = _parallelism(request)
        if text is not None:
            document["version"] += 1
            aliases = request.get("PipelineVersionAliases") or []
            document["aliases"] = assigned(document, document["version"], aliases, [])
            _add_version(tx, context, pipeline, document["version"], text)
        resources.save(tx, pipeline, document=document, now=context.now)
    return {"PipelineArn": pipeline.arn, "PipelineVersionId": document["version"]}


def describe_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        pipeline = get_pipeline(tx, context, request["PipelineName"])
        version = chosen_version(tx, pipeline, request)
    return {
        **described(pipeline),
        "PipelineDefinition": version.document["definition"],
        "PipelineVersionDisplayName": version.document.get("display_name"),
        "PipelineVersionDescription": version.document.get("description"),
        "PipelineVersionAliases": aliases_of(pipeline, int(version.name)),
    }


def described(pipeline: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a pipeline."""
    document = pipeline.document
    return {
        "PipelineArn": pipeline.arn,
        "PipelineName": pipeline.name,
        "PipelineDisplayName": document["display_name"],
        "PipelineDescription": document["description"],
        "RoleArn": document["role"],
        "PipelineStatus": pipeline.status,
        "CreationTime": pipeline.created_at,
        "LastModifiedTime": document.get("modified") or pipeline.updated_at,
        "LastRunTime": document.get("last_run"),
        "CreatedBy": document["created_by"],
        "LastModifiedBy": document["last_modified_by"],
        "ParallelismConfiguration": parallelism_member(document["parallelism"]),
    }


def list_pipelines(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("ManagedBy") == "AWS":
        return {"PipelineSummaries": []}
    prefix = request.get("PipelineNamePrefix")
    with context.database.read() as tx:
        return list_page(
            context, tx, request, PIPELINE, member="PipelineSummaries", summary=_summary, name_prefix=prefix
        )


def delete_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Goes with everything that belongs to it; refused while an execution runs."""
    token = request["ClientRequestToken"]
    with context.database.write() as tx:
        return once(
            context, tx, "DeletePipeline", token, request, lambda: _delete(context, tx, request["PipelineName"])
        )


def _delete(context: Context, tx: Transaction, name: str) -> dict[str, Any]:
    pipeline = get_pipeline(tx, context, name)
    for status in _RUNNING:
        query = Query(context.account, context.region, EXECUTION, parent=pipeline.arn, status=status, limit=1)
        if resources.page(tx, query):
            raise ConflictException(f"Pipeline {pipeline.arn} cannot be deleted: an execution of it is {status}.")
    for kind in (VERSION, EXECUTION, STEP, CALLBACK):
        resources.remove_below(tx, pipeline, kind)
    resources.remove(tx, pipeline)
    tag_store.drop_all(tx, pipeline.arn)
    return {"PipelineArn": pipeline.arn}


def parallelism_member(most: int | None) -> dict[str, int] | None:
    return None if most is None else {"MaxParallelExecutionSteps": most}


def _parallelism(request: dict[str, Any]) -> int | None:
    most: int | None = (request.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps")
    return most


def _add_version(tx: Transaction, context: Context, pipeline: Resource, number: int, text: str) -> None:
    resources.create(
        tx,
        account=context.account,
        region=context.region,
        kind=VERSION,
        name=str(number),
        arn=f"{pipeline.arn}/version/{number}",
        parent=pipeline.arn,
        document={"definition": text, "created_by": user_context(context)},
        now=context.now,
    )


def _summary(pipeline: Resource) -> dict[str, Any]:
    return {
        "PipelineArn": pipeline.arn,
        "PipelineName": pipeline.name,
        "PipelineDisplayName": pipeline.document["display_name"],
        "PipelineDescription": pipeline.document["description"],
        "RoleArn": pipeline.document["role"],
        "CreationTime": pipeline.created_at,
        "LastModifiedTime": pipeline.document.get("modified") or pipeline.updated_at,
        "LastExecutionTime": pipeline.document.get("last_run"),
    }
