"""Actions: Create, Describe, Update, Delete and List."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.experiments.rows import chosen
from clary.services.sagemaker.lineage import vertices
from clary.services.sagemaker.lineage.vertices import ACTION
from clary.store.resources import Resource

_KEPT = ("Source", "ActionType", "Description", "Status", "Properties", "MetadataProperties")


def create_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        document = chosen(request, *_KEPT)
        row = vertices.add(tx, context, ACTION, request["ActionName"], document, request.get("Tags"))
    return {"ActionArn": row.arn}


def describe_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        row = vertices.get(tx, context, ACTION, request["ActionName"])
    return {"ActionName": row.name, "ActionArn": row.arn, **vertices.described(context, row)}


def update_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = vertices.get(tx, context, ACTION, request["ActionName"])
        vertices.change(tx, context, row, chosen(request, "Description", "Status"), request)
    return {"ActionArn": row.arn}


def delete_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = vertices.get(tx, context, ACTION, request["ActionName"])
        vertices.remove(tx, context, row)
    return {"ActionArn": row.arn}


def list_actions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return vertices.list_page(tx, context, request, ACTION, type_member="ActionType", summary=_summary)


def _summary(row: Resource) -> dict[str, Any]:
    return {
        "ActionArn": row.arn,
        "ActionName": row.name,
        **chosen(row.document, "Source", "ActionType", "Status"),
        "CreationTime": row.created_at,
        "LastModifiedTime": row.updated_at,
    }
