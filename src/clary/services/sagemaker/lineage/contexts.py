"""Contexts: Create, Describe, Update, Delete and List."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.experiments.rows import chosen
from clary.services.sagemaker.lineage import vertices
from clary.services.sagemaker.lineage.vertices import CONTEXT
from clary.store.resources import Resource

_KEPT = ("Source", "ContextType", "Description", "Properties")


def create_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        document = chosen(request, *_KEPT)
        row = vertices.add(tx, context, CONTEXT, request["ContextName"], document, request.get("Tags"))
    return {"ContextArn": row.arn}


def describe_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        row = vertices.get(tx, context, CONTEXT, request["ContextName"])
    return {"ContextName": row.name, "ContextArn": row.arn, **vertices.described(context, row)}


def update_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = vertices.get(tx, context, CONTEXT, request["ContextName"])
        vertices.change(tx, context, row, chosen(request, "Description"), request)
    return {"ContextArn": row.arn}


def delete_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = vertices.get(tx, context, CONTEXT, request["ContextName"])
        vertices.remove(tx, context, row)
    return {"ContextArn": row.arn}


def list_contexts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return vertices.list_page(tx, context, request, CONTEXT, type_member="ContextType", summary=_summary)


def _summary(row: Resource) -> dict[str, Any]:
    return {
        "ContextArn": row.arn,
        "ContextName": row.name,
        **chosen(row.document, "Source", "ContextType"),
        "CreationTime": row.created_at,
        "LastModifiedTime": row.updated_at,
    }
