"""Policies that are written into a role."""

from __future__ import annotations

from typing import Any

from clary.access.documents import parse_policy
from clary.services.context import Context
from clary.services.iam import entities
from clary.store import resources
from clary.store.resources import Resource


def put_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    parse_policy(request["PolicyDocument"])
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        inline = {**role.document["Inline"], request["PolicyName"]: request["PolicyDocument"]}
        resources.save(tx, role, document={**role.document, "Inline": inline}, now=context.now)
    return {}


def get_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
    text = _text(role, request["PolicyName"])
    return {
        "RoleName": role.name,
        "PolicyName": request["PolicyName"],
        "PolicyDocument": entities.encoded(text),
    }


def delete_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        _text(role, request["PolicyName"])
        left = {name: text for name, text in role.document["Inline"].items() if name != request["PolicyName"]}
        resources.save(tx, role, document={**role.document, "Inline": left}, now=context.now)
    return {}


def list_role_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
    shown, more = entities.page(context, request, "ListRolePolicies", list(role.document["Inline"]), str, role.arn)
    return {"PolicyNames": shown, **more}


def _text(role: Resource, name: str) -> str:
    if name not in role.document["Inline"]:
        raise entities.NoSuchEntity(f"The role policy with name {name} cannot be found.")
    text: str = role.document["Inline"][name]
    return text
