"""Policies that are written into a role."""

from __future__ import annotations

from typing import Any

from clary.access.documents import parse_policy
from clary.services.context import Context
from clary.services.iam import entities
from clary.store.resources import Resource

_MAX_CHARACTERS = 10_240


def put_role_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    parse_policy(request["PolicyDocument"])
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        inline = {**role.document["Inline"], request["PolicyName"]: request["PolicyDocument"]}
        message = f"Maximum policy size of {_MAX_CHARACTERS} bytes exceeded for role {role.name}"
        entities.check_size(_MAX_CHARACTERS, message, *inline.values())
        entities.save_role(tx, context, role, {"Inline": inline})
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
        entities.save_role(tx, context, role, {"Inline": left})
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
