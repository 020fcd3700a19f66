"""Roles: create, get, list, update, delete, tag."""

from __future__ import annotations

import json
from typing import Any

from clary.access.documents import parse_trust_policy
from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities
from clary.store import principals, resources
from clary.store.resources import Query, Resource

_HOUR = 3600


def create_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = new_role(
        request["AssumeRolePolicyDocument"],
        path=request.get("Path", "/"),
        description=request.get("Description"),
        duration=request.get("MaxSessionDuration", _HOUR),
    )
    document["Tags"] = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    arn = entities.role_arn(context.account, document["Path"], request["RoleName"])
    with context.database.write() as tx:
        if request.get("PermissionsBoundary"):
            document["Boundary"] = entities.get_policy_row(tx, context, request["PermissionsBoundary"]).arn
        try:
            role = resources.create(
                tx,
                account=context.account,
                region="",
                kind=principals.ROLE,
                name=request["RoleName"],
                arn=arn,
                document=document,
                now=context.now,
            )
        except resources.AlreadyExists as error:
            raise entities.EntityAlreadyExists(f"Role with name {request['RoleName']} already exists.") from error
    return {"Role": describe(role)}


def new_role(trust: str, *, path: str = "/", description: str | None = None, duration: int = _HOUR) -> dict[str, Any]:
    """The document of a new role; MalformedPolicyDocument when the trust policy is not valid."""
    return {
        "RoleId": ids.access_key_id("AROA"),
        "Path": path,
        "Trust": parse_trust_policy(trust),
        "Description": description,
        "MaxSessionDuration": duration,
        "Inline": {},
        "Attached": [],
        "Tags": {},
    }


def get_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"Role": describe(entities.get_role_row(tx, context, request["RoleName"]))}


def list_roles(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        rows = resources.page(tx, Query(context.account, "", principals.ROLE, sort="name", limit=100_000))
    rows = [row for row in rows if row.document["Path"].startswith(request.get("PathPrefix", "/"))]
    shown, more = entities.page(context, request, "ListRoles", rows, lambda row: row.name, "Roles")
    return {"Roles": [describe(role) for role in shown], **more}


def update_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        given: dict[str, Any] = {
            name: request[name] for name in ("Description", "MaxSessionDuration") if name in request
        }
        resources.save(tx, role, document={**role.document, **given}, now=context.now)
    return {}


def update_assume_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    text = request["PolicyDocument"]
    trust = {"Trust": parse_trust_policy(text)}
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        resources.save(tx, role, document={**role.document, **trust}, now=context.now)
    return {}


def delete_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Refused while policies hang on it. Sessions of the role end with it."""
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        if role.document["Attached"]:
            raise entities.DeleteConflict("Cannot delete entity, must detach all policies first.")
        if role.document["Inline"]:
            raise entities.DeleteConflict("Cannot delete entity, must delete policies first.")
        resources.remove(tx, role)
    return {}


def tag_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    added = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        changed = {**role.document, "Tags": {**role.document["Tags"], **added}}
        resources.save(tx, role, document=changed, now=context.now)
    return {}


def untag_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        left = {key: value for key, value in role.document["Tags"].items() if key not in request["TagKeys"]}
        resources.save(tx, role, document={**role.document, "Tags": left}, now=context.now)
    return {}


def list_role_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
    tags = list(role.document["Tags"].items())
    shown, more = entities.page(context, request, "ListRoleTags", tags, lambda tag: tag[0], role.arn)
    return {"Tags": [{"Key": key, "Value": value} for key, value in shown], **more}


def describe(role: Resource) -> dict[str, Any]:
    document = role.document
    described = {
        "Path": document["Path"],
        "RoleName": role.name,
        "RoleId": document["RoleId"],
        "Arn": role.arn,
        "CreateDate": role.created_at.replace(microsecond=0),
        "AssumeRolePolicyDocument": entities.encoded(json.dumps(document["Trust"])),
        "Description": document["Description"],
        "MaxSessionDuration": document["MaxSessionDuration"],
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(document["Tags"].items())],
    }
    if document.get("Boundary"):
        described["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": document["Boundary"],
        }
    return described
