"""GetObjectTagging, PutObjectTagging, DeleteObjectTagging. Tags live in the object's document."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, errors
from clary.services.s3.get import find_object
from clary.services.s3.names import check_version, own_bucket
from clary.store import objects


def get_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = find_object(context, request).document.get("tags", {})
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def put_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    entries = request["Tagging"].get("TagSet") or []
    tags = {entry["Key"]: entry["Value"] for entry in entries}
    if len(tags) != len(entries):
        message = "Cannot provide multiple Tags with the same key"
        raise ApiError(message, code="InvalidTag", status=400)
    attributes.check_tags(tags)
    _replace(context, request, tags)
    return {}


def delete_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _replace(context, request, {})
    return {}


def _replace(context: Context, request: dict[str, Any], tags: dict[str, str]) -> None:
    check_version(request)
    with context.database.write() as tx:
        stored = objects.find(tx, own_bucket(context, tx, request), request["Key"])
        if stored is None:
            raise errors.no_such_key(request["Key"])
        objects.change_document(tx, stored, {**stored.document, "tags": tags})
