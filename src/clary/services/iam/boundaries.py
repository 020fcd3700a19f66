"""Permissions boundaries of users and roles: a managed policy that limits what their own policies can allow."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.entities import Entity
from clary.services.operation import Handler


def putting(entity: Entity) -> Handler:
    """PutUserPermissionsBoundary, PutRolePermissionsBoundary."""

    def put(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.write() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            policy = entities.get_policy_row(tx, context, request["PermissionsBoundary"], entities.NOT_ATTACHABLE)
            entities.save(tx, context, row, {"Boundary": policy.arn})
        return {}

    return put


def deleting(entity: Entity) -> Handler:
    """DeleteUserPermissionsBoundary, DeleteRolePermissionsBoundary."""

    def delete(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.write() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            if not row.document.get("Boundary"):
                raise entities.NoSuchEntity(f"The {entity.word} {row.name} has no permissions boundary.")
            entities.save(tx, context, row, {"Boundary": None})
        return {}

    return delete
