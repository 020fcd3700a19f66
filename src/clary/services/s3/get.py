"""GetObject and HeadObject."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, checksums, conditions, errors
from clary.services.s3.names import check_key, check_version, own_bucket
from clary.services.s3.ranges import Window, window
from clary.store import objects
from clary.store.blobs import BlobMissing, Slice
from clary.store.objects import StoredObject

_ATTEMPTS = 10


def get_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The body is an open `Slice`: an overwrite that happens while it is sent does not tear it."""
    for _ in range(_ATTEMPTS):
        stored, chosen = _look(context, request)
        try:
            body = _open(context, stored, chosen)
        except BlobMissing:
            continue  # overwritten between the row and its bytes
        return {**_describe(request, stored, chosen), "Body": body}
    raise ApiError(f"The bytes of {request['Key']} are damaged.", code="InternalError", status=500)


def head_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    try:
        stored, chosen = _look(context, request)
    except ApiError as error:
        if error.status == 404:
            raise errors.not_found() from None
        raise
    return _describe(request, stored, chosen)


def find_object(context: Context, request: dict[str, Any]) -> StoredObject:
    """The object of a request. Who may not list the bucket does not learn that a key is free."""
    check_key(request["Key"])
    check_version(request)
    with context.database.read() as tx:
        stored = objects.find(tx, own_bucket(context, tx, request), request["Key"])
    if stored is None:
        context.authorize("s3:ListBucket", f"arn:aws:s3:::{request['Bucket']}")
        raise errors.no_such_key(request["Key"])
    return stored


def _look(context: Context, request: dict[str, Any]) -> tuple[StoredObject, Window]:
    if "SSECustomerAlgorithm" in request:
        raise errors.invalid_request("The encryption parameters are not applicable to this object.")
    stored = find_object(context, request)
    conditions.check_read(request, stored)
    sizes = [size for size, _ in stored.document.get("parts", [])]
    return stored, window(request.get("Range"), request.get("PartNumber"), stored.size, sizes)


def _open(context: Context, stored: StoredObject, chosen: Window) -> Slice:
    return objects.open_reader(context.database, context.blobs, stored, chosen.start, chosen.length)


def _describe(request: dict[str, Any], stored: StoredObject, chosen: Window) -> dict[str, Any]:
    answer = {**attributes.shown(stored, request), "ContentLength": chosen.length}
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
