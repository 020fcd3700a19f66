"""Permissions boundaries of roles: a managed policy that limits what the role's own policies can allow."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.iam import entities


def put_role_permissions_boundary(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        policy = entities.get_policy_row(tx, context, request["PermissionsBoundary"])
        entities.save_role(tx, context, role, {"Boundary": policy.arn})
    return {}


def delete_role_permissions_boundary(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        if not role.document.get("Boundary"):
            raise entities.NoSuchEntity(f"The role {role.name} has no permissions boundary.")
        entities.save_role(tx, context, role, {"Boundary": None})
    return {}
