"""Versions of a pipeline: one per definition, numbered from 1."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.pipelines.aliases import aliases_of, assigned
from clary.services.sagemaker.pipelines.names import VERSION, get_pipeline, get_version
from clary.services.sagemaker.pipelines.paging import list_page
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource


def list_pipeline_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        pipeline = get_pipeline(tx, context, request["PipelineName"])

        def summary(version: Resource) -> dict[str, Any]:
            return {
                "PipelineArn": pipeline.arn,
                "PipelineVersionId": int(version.name),
                "CreationTime": version.created_at,
                "PipelineVersionDisplayName": version.document.get("display_name"),
                "PipelineVersionDescription": version.document.get("description"),
                "PipelineVersionAliases": aliases_of(pipeline, int(version.name)),
                "LastExecutionPipelineExecutionArn": pipeline.document.get("last_executions", {}).get(version.name),
            }

        member = "PipelineVersionSummaries"
        return list_page(context, tx, request, VERSION, member=member, summary=summary, parent=pipeline.arn)


def described(version: Resource) -> dict[str, Any]:
    """What Search tells of a version."""
    return {
        "PipelineArn": version.parent,
        "PipelineVersionId": int(version.name),
        "PipelineVersionDisplayName": version.document.get("display_name"),
        "PipelineVersionDescription": version.document.get("description"),
        "CreationTime": version.created_at,
        "LastModifiedTime": version.updated_at,
        "CreatedBy": version.document["created_by"],
    }


def update_pipeline_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        pipeline = get_pipeline(tx, context, request["PipelineArn"])
        version = get_version(tx, pipeline, request["PipelineVersionId"])
        document = dict(version.document)
        for member, entry in (
            ("PipelineVersionDisplayName", "display_name"),
            ("PipelineVersionDescription", "description"),
        ):
            if member in request:
                document[entry] = request[member]
        resources.save(tx, version, document=document, now=context.now)
        if "PipelineVersionAliasOperations" in request:
            _change_aliases(tx, context, pipeline, int(version.name), request["PipelineVersionAliasOperations"])
    return {"PipelineArn": pipeline.arn, "PipelineVersionId": int(version.name)}


def _change_aliases(
    tx: Transaction, context: Context, pipeline: Resource, version: int, operations: dict[str, Any]
) -> None:
    """No modification of the pipeline itself: the time of the last one is kept beside."""
    aliases = assigned(pipeline.document, version, operations.get("Add") or [], operations.get("Remove") or [])
    document = {**pipeline.document, "aliases": aliases}
    document.setdefault("modified", pipeline.updated_at)
    resources.save(tx, pipeline, document=document, now=context.now)
