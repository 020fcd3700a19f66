"""Tags of users, roles and managed policies. Keys keep their case but are told apart without it, as in conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.entities import Entity
from clary.services.operation import Handler
from clary.store.database import Transaction
from clary.store.resources import Resource

Find: TypeAlias = Callable[[Transaction, Context, dict[str, Any]], Resource]

_MAX_TAGS = 50


def named(entity: Entity) -> Find:
    """The user or role that a request names."""
    return lambda tx, context, request: entities.get_row(tx, context, entity, request[entity.member])


def own_policy(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    return entities.get_own_policy_row(tx, context, request["PolicyArn"])


def any_policy(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    return entities.get_policy_row(tx, context, request["PolicyArn"])


def tagging(find: Find) -> Handler:
    """TagUser, TagRole, TagPolicy."""

    def tag(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        added = tags_of(request["Tags"])
        with context.database.write() as tx:
            row = find(tx, context, request)
            replaced = {key.lower() for key in added}
            kept = {key: value for key, value in row.document["Tags"].items() if key.lower() not in replaced}
            if len(kept) + len(added) > _MAX_TAGS:
                word = row.kind.removeprefix("iam-")
                raise entities.LimitExceeded(
                    f"The number of tags has reached the maximum limit for the following {word}: {row.name}"
                )
            entities.save(tx, context, row, {"Tags": {**kept, **added}})
        return {}

    return tag


def untagging(find: Find) -> Handler:
    """UntagUser, UntagRole, UntagPolicy."""

    def untag(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        gone = {key.lower() for key in request["TagKeys"]}
        with context.database.write() as tx:
            row = find(tx, context, request)
            left = {key: value for key, value in row.document["Tags"].items() if key.lower() not in gone}
            entities.save(tx, context, row, {"Tags": left})
        return {}

    return untag


def listing(operation: str, find: Find) -> Handler:
    """ListUserTags, ListRoleTags, ListPolicyTags."""

    def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.read() as tx:
            row = find(tx, context, request)
        tags = list(row.document["Tags"].items())
        shown, more = entities.page(context, request, operation, tags, lambda tag: tag[0], row.arn)
        return {"Tags": [{"Key": key, "Value": value} for key, value in shown], **more}

    return list_tags


def tags_of(tags: Sequence[dict[str, str]] | None) -> dict[str, str]:
    found = {tag["Key"]: tag["Value"] for tag in tags or []}
    if len({key.lower() for key in found}) != len(tags or []):
        raise entities.InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return found
