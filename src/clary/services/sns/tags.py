"""TagResource, UntagResource, ListTagsForResource of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clary.services.context import Context
from clary.services.sns import names
from clary.store import tags
from clary.store.database import Transaction
from clary.store.resources import Resource

_MOST = 50


def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        put_tags(tx, _topic(tx, request).arn, request["Tags"])
    return {}


def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        tags.drop(tx, _topic(tx, request).arn, request["TagKeys"])
    return {}


def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        found = tags.read(tx, _topic(tx, request).arn)
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def put_tags(tx: Transaction, arn: str, given: Sequence[dict[str, str]]) -> None:
    pairs = {tag["Key"]: tag["Value"] for tag in given}
    if len(pairs) != len(given) or any(key.lower().startswith("aws:") for key in pairs):
        raise names.invalid("Tags Reason: keys must be distinct and must not begin with aws:")
    tags.put(tx, arn, pairs)
    if tags.count(tx, arn) > _MOST:
        raise names.failure("TagLimitExceeded", f"Could not complete request: tag quota of {_MOST} exceeded")


def _topic(tx: Transaction, request: dict[str, Any]) -> Resource:
    topic = names.find_topic(tx, request["ResourceArn"])
    if topic is None:
        raise names.failure("ResourceNotFound", "Resource does not exist", 404)
    return topic
