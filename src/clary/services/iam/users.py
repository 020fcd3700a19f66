"""Users: create, get, list, rename, delete. Console passwords, MFA and certificates do not exist here."""

from __future__ import annotations

from typing import Any

from clary.base import ids
from clary.services.context import Context
from clary.services.iam import access_keys, entities
from clary.services.iam.entities import USER
from clary.services.iam.tags import tags_of
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource


def create_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "UserId": ids.access_key_id("AIDA"),
        "Path": request.get("Path", "/"),
        "Inline": {},
        "Attached": [],
        "Groups": [],
        "Tags": tags_of(request.get("Tags")),
    }
    with context.database.write() as tx:
        if request.get("PermissionsBoundary"):
            boundary = request["PermissionsBoundary"]
            document["Boundary"] = entities.get_policy_row(tx, context, boundary, entities.NOT_ATTACHABLE).arn
        return {"User": describe(entities.create_row(tx, context, USER, request["UserName"], document))}


def get_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Without a name: the caller; for the account's owner that is the account itself."""
    if "UserName" not in request and context.principal.kind == "root":
        return {"User": _root(context)}
    with context.database.read() as tx:
        return {"User": describe(entities.get_row(tx, context, USER, entities.name_of(context, request, USER)))}


def described_resource(context: Context, request: dict[str, Any]) -> str:
    """Whose description is asked for."""
    if "UserName" not in request and context.principal.kind == "root":
        return context.principal.arn
    return entities.user_resource(context, request)


def list_users(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    with context.database.read() as tx:
        rows = entities.rows_of(tx, context, USER)
    rows = [row for row in rows if row.document["Path"].startswith(prefix)]
    shown, more = entities.page(context, request, "ListUsers", rows, lambda row: row.name, prefix)
    # As on AWS, a list leaves out tags and boundaries.
    return {"Users": [_without(describe(row), "Tags", "PermissionsBoundary") for row in shown], **more}


def update_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Another name or path. Keys, groups and policies stay with the user; the ARN changes."""
    with context.database.write() as tx:
        user = entities.get_row(tx, context, USER, request["UserName"])
        renamed(tx, context, USER, user, request)
    return {}


def renamed(
    tx: Transaction, context: Context, entity: entities.Entity, row: Resource, request: dict[str, Any]
) -> None:
    """Write the row under its new name and path."""
    name = request.get(f"New{entity.member}") or row.name
    path = request.get("NewPath") or row.document["Path"]
    taken = resources.find(tx, context.account, "", entity.kind, name)
    if taken is not None and taken.id != row.id:
        raise entities.EntityAlreadyExists(f"{entity.title} with name {name} already exists.")
    arn = entities.entity_arn(entity, context.account, path, name)
    changed = resources.rename(tx, row, name=name, arn=arn, now=context.now)
    entities.save(tx, context, changed, {"Path": path})


def delete_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Refused while keys, policies or groups hang on it. Sessions of the user end with it."""
    with context.database.write() as tx:
        user = entities.get_row(tx, context, USER, request["UserName"])
        entities.check_bare(user)
        if access_keys.keys_of(tx, user):
            raise entities.DeleteConflict("Cannot delete entity, must delete access keys first.")
        if user.document["Groups"]:
            raise entities.DeleteConflict("Cannot delete entity, must remove users from group first.")
        resources.remove(tx, user)
    return {}


def describe(user: Resource) -> dict[str, Any]:
    document = user.document
    return entities.given(
        {
            "Path": document["Path"],
            "UserName": user.name,
            "UserId": document["UserId"],
            "Arn": user.arn,
            "CreateDate": user.created_at.replace(microsecond=0),
            "PermissionsBoundary": entities.boundary_of(document),
            "Tags": entities.tag_list(document["Tags"]) or None,
        }
    )


def _root(context: Context) -> dict[str, Any]:
    """The account as a user. It is as old as its first role."""
    with context.database.read() as tx:
        roles = entities.rows_of(tx, context, entities.ROLE)
    since = min((role.created_at for role in roles), default=context.now)
    return {
        "Path": "/",
        "UserName": "root",
        "UserId": context.account,
        "Arn": context.principal.arn,
        "CreateDate": since.replace(microsecond=0),
    }


def _without(described: dict[str, Any], *members: str) -> dict[str, Any]:
    return {name: value for name, value in described.items() if name not in members}
