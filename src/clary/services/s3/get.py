"""GetObject and HeadObject."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, checksums, conditions, errors, permission
from clary.services.s3.names import check_key, open_bucket, version_members, wanted_version
from clary.services.s3.ranges import Window, window
from clary.store import objects, versions
from clary.store.blobs import BlobMissing, Slice
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.objects import StoredObject

_ATTEMPTS = 10


def get_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The body is an open `Slice`: an overwrite that happens while it is sent does not tear it."""
    permission.check_object(context, request, "s3:GetObject")
    for _ in range(_ATTEMPTS):
        bucket, stored, chosen = _look(context, request)
        try:
            body = _open(context, stored, chosen)
        except BlobMissing:
            continue  # overwritten between the row and its bytes
        return {**_describe(request, bucket, stored, chosen), "Body": body}
    raise ApiError(f"The bytes of {request['Key']} are damaged.", code="InternalError", status=500)


def head_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    permission.check_object(context, request, "s3:GetObject")
    try:
        bucket, stored, chosen = _look(context, request)
    except ApiError as error:
        if error.status == 404:
            raise errors.not_found(error.members) from None
        raise
    return _describe(request, bucket, stored, chosen)


def find_object(context: Context, request: dict[str, Any]) -> tuple[Bucket, StoredObject]:
    """The object of a request. Who may not list the bucket does not learn that a key is free."""
    check_key(request["Key"])
    with context.database.read() as tx:
        bucket = open_bucket(tx, request)
        try:
            return bucket, find_version(tx, bucket, request["Key"], wanted_version(request))
        except ApiError as error:
            missing = error
    if missing.code == "NoSuchKey":
        permission.check(context, "s3:ListBucket", request["Bucket"])
    raise missing


def find_version(tx: Transaction, bucket: Bucket, key: str, version: str | None) -> StoredObject:
    """The current object, or the version that is asked for; NoSuchKey, NoSuchVersion or MethodNotAllowed."""
    if version is None:
        stored = objects.find(tx, bucket, key)
        if stored is not None:
            return stored
        over = versions.newest_archived(tx, bucket, key) if bucket.versioning else None
        raise errors.under_marker(key) if over else errors.no_such_key(key)
    found = versions.find(tx, bucket, key, version)
    if found is None:
        raise errors.no_such_version(key, version)
    if found.marker:
        raise errors.is_marker("GET")
    return found.stored


def _refuse_overrides(context: Context, request: dict[str, Any]) -> None:
    """Who hands out a link says what its answer looks like; strangers do not."""
    if context.principal.kind == "anonymous" and any(name.startswith("Response") for name in request):
        text = "Request specific response headers cannot be used for anonymous GET requests."
        raise errors.invalid_request(text)


def _look(context: Context, request: dict[str, Any]) -> tuple[Bucket, StoredObject, Window]:
    _refuse_overrides(context, request)
    if "SSECustomerAlgorithm" in request:
        raise errors.invalid_request("The encryption parameters are not applicable to this object.")
    bucket, stored = find_object(context, request)
    conditions.check_read(request, stored)
    sizes = [size for size, _ in stored.document.get("parts", [])]
    return bucket, stored, window(request.get("Range"), request.get("PartNumber"), stored.size, sizes)


def _open(context: Context, stored: StoredObject, chosen: Window) -> Slice:
    return objects.open_reader(context.database, context.blobs, stored, chosen.start, chosen.length)


def _describe(request: dict[str, Any], bucket: Bucket, stored: StoredObject, chosen: Window) -> dict[str, Any]:
    answer = {**attributes.shown(stored, request), "ContentLength": chosen.length}
    answer |= version_members(bucket, stored.version)
    if chosen.partial:
        answer["ContentRange"] = chosen.content_range(stored.size)
    parts = stored.document.get("parts", [])
    if "PartNumber" in request and parts:
        answer["PartsCount"] = len(parts)
    if request.get("ChecksumMode") == "ENABLED":
        answer |= _checksums(request, stored, chosen)
    return answer


def _checksums(request: dict[str, Any], stored: StoredObject, chosen: Window) -> dict[str, str]:
    """Checksums of exactly the bytes that are answered with; for other ranges none are known."""
    if not chosen.partial:
        return attributes.checksum_members(stored.document)
    parts = stored.document.get("parts", [])
    if "PartNumber" not in request:
        return {}
    if not parts:
        return attributes.checksum_members(stored.document)
    checksum = parts[request["PartNumber"] - 1][1]
    algorithm = next(iter(stored.document.get("checksums", {})), None)
    if not checksum or algorithm is None:
        return {}
    return {checksums.member(algorithm): checksum, "ChecksumType": stored.document["checksum_type"]}
