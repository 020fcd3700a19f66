"""GetObjectTagging, PutObjectTagging, DeleteObjectTagging. Tags live in the object's document."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, permission
from clary.services.s3.get import find_object, find_version
from clary.services.s3.names import open_bucket, version_members, wanted_version
from clary.store import versions


def get_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    permission.check_object(context, request, "s3:GetObjectTagging")
    bucket, stored = find_object(context, request)
    tags = stored.document.get("tags", {})
    shown = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"TagSet": shown, **version_members(bucket, stored.version)}


def put_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    permission.check_object(context, request, "s3:PutObjectTagging")
    entries = request["Tagging"].get("TagSet") or []
    tags = {entry["Key"]: entry["Value"] for entry in entries}
    if len(tags) != len(entries):
        message = "Cannot provide multiple Tags with the same key"
        raise ApiError(message, code="InvalidTag", status=400)
    attributes.check_tags(tags)
    return _replace(context, request, tags)


def delete_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    permission.check_object(context, request, "s3:DeleteObjectTagging")
    return _replace(context, request, {})


def _replace(context: Context, request: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    with context.database.write() as tx:
        bucket = open_bucket(tx, request)
        stored = find_version(tx, bucket, request["Key"], wanted_version(request))
        versions.change_document(tx, bucket, stored, {**stored.document, "tags": tags})
    return version_members(bucket, stored.version)
