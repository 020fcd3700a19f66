"""Managed policies attached to roles."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.iam import entities

_MAX_ATTACHED = 20


def attach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
        attached = role.document["Attached"]
        if policy.arn not in attached:
            if len(attached) >= _MAX_ATTACHED:
                raise entities.LimitExceeded(f"Cannot exceed quota for PoliciesPerRole: {_MAX_ATTACHED}")
            entities.save_role(tx, context, role, {"Attached": [*attached, policy.arn]})
    return {}


def detach_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        arn = request["PolicyArn"]
        if arn not in role.document["Attached"]:
            raise entities.NoSuchEntity(f"Policy {arn} was not found.")
        left = [attached for attached in role.document["Attached"] if attached != arn]
        entities.save_role(tx, context, role, {"Attached": left})
    return {}


def list_attached_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        rows = [entities.get_policy_row(tx, context, arn) for arn in role.document["Attached"]]
    rows = [row for row in rows if row.document["Path"].startswith(request.get("PathPrefix", "/"))]
    shown, more = entities.page(context, request, "ListAttachedRolePolicies", rows, lambda row: row.arn, role.arn)
    return {"AttachedPolicies": [{"PolicyName": row.name, "PolicyArn": row.arn} for row in shown], **more}


def list_entities_for_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Roles that have the policy attached or as their boundary; there are no users and groups."""
    usage, prefix = request.get("PolicyUsageFilter"), request.get("PathPrefix", "/")
    with context.database.read() as tx:
        arn = entities.get_policy_row(tx, context, request["PolicyArn"]).arn
        rows = entities.role_rows(tx, context)
    found = [
        row
        for row in rows
        if (usage != "PermissionsBoundary" and arn in row.document["Attached"])
        or (usage != "PermissionsPolicy" and arn == row.document.get("Boundary"))
    ]
    wanted = request.get("EntityFilter", "Role") in ("Role", "LocalManagedPolicy", "AWSManagedPolicy")
    found = [row for row in found if wanted and row.document["Path"].startswith(prefix)]
    shown, more = entities.page(context, request, "ListEntitiesForPolicy", found, lambda row: row.name, arn)
    roles = [{"RoleName": row.name, "RoleId": row.document["RoleId"]} for row in shown]
    return {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": roles, **more}
