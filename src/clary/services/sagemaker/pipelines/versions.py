"""Versions of a pipeline: one per definition, numbered from 1."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.pipelines.names import VERSION, get_pipeline, get_version
from clary.services.sagemaker.pipelines.paging import list_page
from clary.store import resources
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
    names.refuse_unserved("UpdatePipelineVersion", request, "PipelineVersionAliasOperations")
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
    return {"PipelineArn": pipeline.arn, "PipelineVersionId": int(version.name)}
