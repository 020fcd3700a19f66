"""TagResource, UntagResource and ListTagsForResource of services that name what is tagged by its ARN.

Used by events and scheduler; what may be tagged, and the words for too many tags, are theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clary.base.errors import ApiError, ValidationException
from clary.services.context import Context
from clary.store import tags
from clary.store.database import Transaction

MOST = 50


@dataclass(frozen=True, slots=True)
class Tagging:
    """`member` of the request has the ARN; `existing` returns the ARN of what there is, or raises."""

    member: str
    existing: Callable[[Context, Transaction, str], str]
    too_many: Callable[[], ApiError]

    def tag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.write() as tx:
            self.put(tx, self.existing(context, tx, request[self.member]), request["Tags"])
        return {}

    def untag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.write() as tx:
            tags.drop(tx, self.existing(context, tx, request[self.member]), request["TagKeys"])
        return {}

    def list_tags_for_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.read() as tx:
            found = tags.read(tx, self.existing(context, tx, request[self.member]))
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}

    def put(self, tx: Transaction, arn: str, given: list[dict[str, str]] | None) -> None:
        """Also for what is created with tags."""
        pairs = {tag["Key"]: tag["Value"] for tag in given or []}
        if any(key.lower().startswith("aws:") for key in pairs):
            raise ValidationException("Tag keys starting with 'aws:' are reserved for system use.")
        tags.put(tx, arn, pairs)
        if tags.count(tx, arn) > MOST:
            raise self.too_many()
