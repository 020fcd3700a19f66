"""AddTags, ListTags, DeleteTags for every SageMaker resource, and tags given at creation."""

from __future__ import annotations

from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import ResourceLimitExceeded, ResourceNotFound, ValidationException
from clary.services.context import Context
from clary.store import resources
from clary.store import tags as tag_store
from clary.store.database import Transaction

_LIMIT = 50


def tagged_arn(_context: Context, request: dict[str, Any]) -> str:
    """The resource for which the caller needs permission."""
    arn: str = request["ResourceArn"].lower()  # as the resource itself has it; policies compare exactly
    return arn


def add_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        arn = _existing(context, tx, request["ResourceArn"])
        put_tags(tx, arn, request["Tags"])
        tx.touch(tag_store.TOUCHED, "tags")
        return {"Tags": _as_list(tag_store.read(tx, arn))}


def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Tags in the order of their keys; the page size is at least 50, as in the model."""
    size = request.get("MaxResults", 100)
    with context.database.read() as tx:
        arn = _existing(context, tx, request["ResourceArn"])
        tags = tag_store.read(tx, arn)
    keys = sorted(tags)
    token = request.get("NextToken")
    if token:
        (last,) = context.pager.decode("ListTags", arn, token)
        keys = [key for key in keys if key > last]
    page: dict[str, Any] = {"Tags": [{"Key": key, "Value": tags[key]} for key in keys[:size]]}
    if len(keys) > size:
        page["NextToken"] = context.pager.encode("ListTags", arn, [keys[size - 1]])
    return page


def delete_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        tag_store.drop(tx, _existing(context, tx, request["ResourceArn"]), request["TagKeys"])
        tx.touch(tag_store.TOUCHED, "tags")
    return {}


def put_tags(tx: Transaction, arn: str, tags: list[dict[str, str]] | None) -> None:
    """Attach tags; duplicate keys in one request and more than 50 in all are refused."""
    pairs = {tag["Key"]: tag["Value"] for tag in tags or []}
    if len(pairs) != len(tags or []):
        raise ValidationException("Duplicate tag keys found.")
    for key in pairs:
        if key.lower().startswith("aws:"):
            raise ValidationException(f"Tag keys starting with 'aws:' are reserved: {key}")
    tag_store.put(tx, arn, pairs)
    if tag_store.count(tx, arn) > _LIMIT:
        raise ResourceLimitExceeded(f"A resource may have at most {_LIMIT} tags.")


def _existing(context: Context, tx: Transaction, arn: str) -> str:
    parsed = parse_arn(arn)
    found = resources.find_by_arn(tx, arn.lower())
    if (
        parsed.service != "sagemaker"
        or found is None
        or (found.account, found.region) != (context.account, context.region)
    ):
        raise ResourceNotFound(f"Requested resource not found: {arn}")
    return found.arn


def _as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
