"""Tags of buses and rules."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.events import names
from clary.store import resources, tags
from clary.store.database import Transaction

_MOST = 50


def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        put_tags(tx, _existing(tx, context, request["ResourceARN"]), request["Tags"])
    return {}


def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        tags.drop(tx, _existing(tx, context, request["ResourceARN"]), request["TagKeys"])
    return {}


def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        found = tags.read(tx, _existing(tx, context, request["ResourceARN"]))
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def put_tags(tx: Transaction, arn: str, given: list[dict[str, str]] | None) -> None:
    pairs = {tag["Key"]: tag["Value"] for tag in given or []}
    if any(key.lower().startswith("aws:") for key in pairs):
        raise ValidationException("Tag keys starting with 'aws:' are reserved for system use.")
    tags.put(tx, arn, pairs)
    if tags.count(tx, arn) > _MOST:
        raise names.too_many(f"The maximum number of tags per resource is {_MOST}.")


def _existing(tx: Transaction, context: Context, arn: str) -> str:
    if arn == names.arn(context, f"event-bus/{names.DEFAULT}"):
        return arn
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind not in {names.BUS, names.RULE} or found.account != context.account:
        raise names.not_found(f"The resource {arn} does not exist.")
    return found.arn
