"""TagQueue, UntagQueue, ListQueueTags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.services.context import Context
from clary.services.sqs import names
from clary.store import tags

_MOST = 50
_KEY, _VALUE = 128, 256


def tag_queue(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_tags(request["Tags"])
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        tags.put(tx, queue.arn, request["Tags"])
        if tags.count(tx, queue.arn) > _MOST:
            raise names.invalid("Tags", len(request["Tags"]), f"A queue may have at most {_MOST} tags.")
    return {}


def untag_queue(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        tags.drop(tx, names.get_queue(context, tx, request).arn, request["TagKeys"])
    return {}


def list_queue_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        found = tags.read(tx, names.get_queue(context, tx, request).arn)
    return {"Tags": found} if found else {}


def check_tags(given: Mapping[str, str]) -> None:
    for key, value in given.items():
        if not 1 <= len(key) <= _KEY or len(value) > _VALUE or key.lower().startswith("aws:"):
            raise names.invalid("Tags", key, "Keys have 1 to 128 characters, values up to 256; aws: is reserved.")
    if len(given) > _MOST:
        raise names.invalid("Tags", len(given), f"A queue may have at most {_MOST} tags.")
