"""PutObject: bytes become durable first, then one transaction makes them the object."""

from __future__ import annotations

from typing import Any

from clary.base.crash import crash_here
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, checksums, conditions, errors
from clary.services.s3.names import check_key, created_version, open_bucket
from clary.services.s3.telling import tell_created
from clary.store import contents, objects
from clary.store.blobs import Extent, Incoming
from clary.store.buckets import Bucket
from clary.store.objects import NewObject

LARGEST_PUT = 5 * 1024**3


def put_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    incoming = body_of(request)
    try:
        _check(context, request, incoming)
        document = {**attributes.collect(request), **_checksums(incoming)}
        new = NewObject(
            key=request["Key"],
            size=incoming.size,
            etag=incoming.md5.hex(),
            storage_class=attributes.storage_class(request),
            checksum=attributes.checksum_mark(document),
            document=document,
        )
        bucket = _store(context, request, new, objects.adopt(context.blobs, incoming))
    finally:
        incoming.discard()
    return {
        "ETag": f'"{new.etag}"',
        **created_version(bucket, new),
        **attributes.checksum_members(document),
        **attributes.encryption(document),
    }


def body_of(request: dict[str, Any]) -> Incoming:
    """The spooled body of PutObject and UploadPart."""
    body = request["Body"]
    if not isinstance(body, Incoming):
        raise TypeError("a streaming body must have been spooled")
    return body


def check_size(incoming: Incoming) -> None:
    if incoming.size > LARGEST_PUT:
        raise ApiError(
            "Your proposed upload exceeds the maximum allowed size",
            code="EntityTooLarge",
            status=400,
            ProposedSize=str(incoming.size),
            MaxSizeAllowed=str(LARGEST_PUT),
        )


def _check(context: Context, request: dict[str, Any], incoming: Incoming) -> None:
    """Everything that can be refused before the bytes are worth keeping."""
    check_key(request["Key"])
    check_size(incoming)
    checksums.check_md5(request.get("ContentMD5"), incoming.md5)
    if "WriteOffsetBytes" in request:
        raise errors.not_implemented("Objects of this kind of bucket cannot be appended to.")
    attributes.refuse_unserved(request)
    attributes.authorize_tags(context, request)
    with context.database.read() as tx:
        bucket = open_bucket(tx, request)
        conditions.check_write(request, request["Key"], objects.find(tx, bucket, request["Key"]))


def _store(context: Context, request: dict[str, Any], new: NewObject, extents: list[Extent]) -> Bucket:
    try:
        with context.database.write() as tx:
            bucket = open_bucket(tx, request)
            if "IfMatch" in request or "IfNoneMatch" in request:
                conditions.check_write(request, new.key, objects.find(tx, bucket, new.key))
            garbage = objects.put(tx, bucket, new, contents.add(tx, extents), context.now)
            tell_created(context, tx, bucket, "PutObject", new)
    except ApiError:
        context.blobs.delete(extent.blob for extent in extents)
        raise
    crash_here("s3.put.before_garbage")
    context.blobs.delete(garbage)
    return bucket


def _checksums(incoming: Incoming) -> dict[str, Any]:
    if not incoming.checksums:
        return {}
    return {"checksums": dict(incoming.checksums), "checksum_type": checksums.FULL_OBJECT}
