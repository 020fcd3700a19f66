"""Policies that are written into a user, a group or a role."""

from __future__ import annotations

from typing import Any

from clary.access.documents import parse_policy
from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.entities import Entity
from clary.services.operation import Handler
from clary.store.resources import Resource

_MAX_CHARACTERS = {"user": 2048, "group": 5120, "role": 10_240}


def putting(entity: Entity) -> Handler:
    """PutUserPolicy, PutGroupPolicy, PutRolePolicy."""
    limit = _MAX_CHARACTERS[entity.word]

    def put(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        parse_policy(request["PolicyDocument"])
        with context.database.write() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            inline = {**row.document["Inline"], request["PolicyName"]: request["PolicyDocument"]}
            message = f"Maximum policy size of {limit} bytes exceeded for {entity.word} {row.name}"
            entities.check_size(limit, message, *inline.values())
            entities.save(tx, context, row, {"Inline": inline})
        return {}

    return put


def getting(entity: Entity) -> Handler:
    """GetUserPolicy, GetGroupPolicy, GetRolePolicy."""

    def get(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.read() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
        return {
            entity.member: row.name,
            "PolicyName": request["PolicyName"],
            "PolicyDocument": entities.encoded(_text(entity, row, request["PolicyName"])),
        }

    return get


def deleting(entity: Entity) -> Handler:
    """DeleteUserPolicy, DeleteGroupPolicy, DeleteRolePolicy."""

    def delete(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.write() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            _text(entity, row, request["PolicyName"])
            left = {name: text for name, text in row.document["Inline"].items() if name != request["PolicyName"]}
            entities.save(tx, context, row, {"Inline": left})
        return {}

    return delete


def listing(entity: Entity) -> Handler:
    """ListUserPolicies, ListGroupPolicies, ListRolePolicies."""
    operation = f"List{entity.title}Policies"

    def list_names(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.read() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
        shown, more = entities.page(context, request, operation, list(row.document["Inline"]), str, row.arn)
        return {"PolicyNames": shown, **more}

    return list_names


def _text(entity: Entity, row: Resource, name: str) -> str:
    if name not in row.document["Inline"]:
        raise entities.NoSuchEntity(f"The {entity.word} policy with name {name} cannot be found.")
    text: str = row.document["Inline"][name]
    return text
