"""Roles: create, get, list, update. What stands in the way of deleting one is in `instance_profiles`."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.access.documents import MalformedPolicyDocument, parse_trust_policy
from clary.access.statements import as_list
from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.tags import tags_of
from clary.store import accounts, principals
from clary.store.database import Transaction
from clary.store.resources import Resource

_HOUR = 3600
_MAX_TRUST_CHARACTERS = 4096
_NAMED = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):(?:user|role)/.+")


def create_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = new_role(
        request["AssumeRolePolicyDocument"],
        path=request.get("Path", "/"),
        description=request.get("Description"),
        duration=request.get("MaxSessionDuration", _HOUR),
    )
    document["Tags"] = tags_of(request.get("Tags"))
    with context.database.write() as tx:
        _check_principals(context, tx, document["Trust"])
        if request.get("PermissionsBoundary"):
            boundary = request["PermissionsBoundary"]
            document["Boundary"] = entities.get_policy_row(tx, context, boundary, entities.NOT_ATTACHABLE).arn
        role = entities.create_row(tx, context, entities.ROLE, request["RoleName"], document)
    return {"Role": describe(role)}


def new_role(trust: str, *, path: str = "/", description: str | None = None, duration: int = _HOUR) -> dict[str, Any]:
    """The document of a new role; MalformedPolicyDocument when the trust policy is not valid."""
    return principals.new_role(
        ids.access_key_id("AROA"), _trust(trust), path=path, description=description, duration=duration
    )


def _trust(text: str) -> dict[str, Any]:
    entities.check_size(
        _MAX_TRUST_CHARACTERS, f"Cannot exceed quota for ACLSizePerRole: {_MAX_TRUST_CHARACTERS}", text
    )
    return parse_trust_policy(text)


def _check_principals(context: Context, tx: Transaction, trust: dict[str, Any]) -> None:
    """Users and roles of this installation's accounts must exist; who lives elsewhere is not known here."""
    living = accounts.living(tx, context.installation.account)
    for statement in as_list(trust["Statement"]):
        principal = statement["Principal"]
        for text in as_list(principal.get("AWS", [])) if isinstance(principal, dict) else ():
            named = _NAMED.fullmatch(text)
            if named and named[1] in living and not principals.exists(tx, text):
                raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{text}"')


def get_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"Role": describe(entities.get_role_row(tx, context, request["RoleName"]))}


def list_roles(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        rows = entities.rows_of(tx, context, entities.ROLE)
    prefix = request.get("PathPrefix", "/")
    rows = [row for row in rows if row.document["Path"].startswith(prefix)]
    shown, more = entities.page(context, request, "ListRoles", rows, lambda row: row.name, prefix)
    return {"Roles": [describe(role) for role in shown], **more}


def update_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        changes: dict[str, Any] = {
            name: request[name] for name in ("Description", "MaxSessionDuration") if name in request
        }
        entities.save(tx, context, role, changes)
    return {}


def update_role_description(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        return {"Role": describe(entities.save(tx, context, role, {"Description": request["Description"]}))}


def update_assume_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    trust = _trust(request["PolicyDocument"])
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        _check_principals(context, tx, trust)
        entities.save(tx, context, role, {"Trust": trust})
    return {}


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
        "Tags": entities.tag_list(document["Tags"]),
        "PermissionsBoundary": entities.boundary_of(document),
    }
    return entities.given(described)
