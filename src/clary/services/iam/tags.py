"""Tags of roles. Keys keep their case but are told apart without it, as in conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clary.services.context import Context
from clary.services.iam import entities

_MAX_TAGS = 50


def tag_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    added = tags_of(request["Tags"])
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        replaced = {key.lower() for key in added}
        kept = {key: value for key, value in role.document["Tags"].items() if key.lower() not in replaced}
        if len(kept) + len(added) > _MAX_TAGS:
            raise entities.LimitExceeded(
                "The number of tags has reached the maximum limit for the following role: " + role.name
            )
        entities.save_role(tx, context, role, {"Tags": {**kept, **added}})
    return {}


def untag_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    gone = {key.lower() for key in request["TagKeys"]}
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        left = {key: value for key, value in role.document["Tags"].items() if key.lower() not in gone}
        entities.save_role(tx, context, role, {"Tags": left})
    return {}


def list_role_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
    tags = list(role.document["Tags"].items())
    shown, more = entities.page(context, request, "ListRoleTags", tags, lambda tag: tag[0], role.arn)
    return {"Tags": [{"Key": key, "Value": value} for key, value in shown], **more}


def tags_of(tags: Sequence[dict[str, str]] | None) -> dict[str, str]:
    found = {tag["Key"]: tag["Value"] for tag in tags or []}
    if len({key.lower() for key in found}) != len(tags or []):
        raise entities.InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return found
