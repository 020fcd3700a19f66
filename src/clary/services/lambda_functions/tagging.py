"""TagResource, UntagResource and ListTags of functions."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.store import tags
from clary.store.database import Transaction
from clary.store.resources import Resource

_LIMIT = 50


def tagged_arn(context: Context, request: dict[str, Any]) -> str:
    return names.parse(context, request["Resource"]).arn


def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        function = _function(tx, context, request)
        tags.put(tx, function.arn, request["Tags"])
        if tags.count(tx, function.arn) > _LIMIT:
            raise names.invalid(f"A function may have at most {_LIMIT} tags.")
    return {}


def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        tags.drop(tx, _function(tx, context, request).arn, request["TagKeys"])
    return {}


def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"Tags": tags.read(tx, _function(tx, context, request).arn)}


def _function(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    who = names.parse(context, request["Resource"])
    if who.qualifier:
        raise names.invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return names.get(tx, who)
