"""Managed policies attached to roles."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.iam import entities
from clary.store import resources


def attach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
        if policy.arn not in role.document["Attached"]:
            attached = [*role.document["Attached"], policy.arn]
            resources.save(tx, role, document={**role.document, "Attached": attached}, now=context.now)
    return {}


def detach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        arn = request["PolicyArn"]
        if arn not in role.document["Attached"]:
            raise entities.NoSuchEntity(f"Policy {arn} was not found.")
        left = [attached for attached in role.document["Attached"] if attached != arn]
        resources.save(tx, role, document={**role.document, "Attached": left}, now=context.now)
    return {}


def list_attached_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        rows = [entities.get_policy_row(tx, context, arn) for arn in role.document["Attached"]]
    rows = [row for row in rows if row.document["Path"].startswith(request.get("PathPrefix", "/"))]
    shown, more = entities.page(context, request, "ListAttachedRolePolicies", rows, lambda row: row.arn, role.arn)
    return {"AttachedPolicies": [{"PolicyName": row.name, "PolicyArn": row.arn} for row in shown], **more}
