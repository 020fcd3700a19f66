"""CopyObject and UploadPartCopy. No bytes move: the copy names the same blobs.

A copy keeps the ETag of its source, also when that came in parts (S3 computes a new one there).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any
from urllib.parse import unquote

from clary.base.crash import crash_here
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, checksums, conditions, errors, permission
from clary.services.s3.get import find_version
from clary.services.s3.multipart import check_part_number, find_upload
from clary.services.s3.names import check_key, created_version, open_bucket, version_members, wanted_version
from clary.services.s3.ranges import Window, copy_window
from clary.services.s3.telling import tell_created
from clary.store import contents, objects, uploads, versions
from clary.store.blobs import BlobMissing, Extent, Slice
from clary.store.database import Transaction
from clary.store.objects import NewObject, StoredObject
from clary.store.uploads import Part, Upload

_ATTEMPTS = 10
_PIECE = 1 << 20
_CHANGES = ("StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption")


@dataclass(frozen=True, slots=True)
class _Source:
    bucket: str
    key: str
    version: str | None = None


def read_source(request: dict[str, Any]) -> dict[str, Any]:
    """Bucket, Key and perhaps VersionId of what is to be copied."""
    path, _, query = str(request["CopySource"]).partition("?versionId=")
    bucket, separator, key = unquote(path).removeprefix("/").partition("/")
    if not separator or not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise errors.invalid_argument(message, "x-amz-copy-source", request["CopySource"])
    check_key(key)
    return {"Bucket": bucket, "Key": key, **({"VersionId": unquote(query)} if query else {})}


def copy_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_key(request["Key"])
    attributes.refuse_unserved(request)
    attributes.authorize_tags(context, request)
    source = _source_of(context, request)
    _refuse_no_change(request, source)
    digest = _wanted_checksum(context, request, source)
    with context.database.write() as tx:
        stored = _find_source(context, tx, request, source)
        origin = version_members(open_bucket(tx, request, source.bucket), stored.version)
        if digest is not None and digest.content != stored.content:
            raise ApiError("The source changed while it was copied.", code="SlowDown", status=503)
        bucket = open_bucket(tx, request)
        if "IfMatch" in request or "IfNoneMatch" in request:
            conditions.check_write(request, request["Key"], objects.find(tx, bucket, request["Key"]))
        new = _new_object(request, stored, digest)
        garbage = objects.put(tx, bucket, new, contents.share(tx, stored.content), context.now)
        tell_created(context, tx, bucket, "CopyObject", new)
    crash_here("s3.copy.before_garbage")
    context.blobs.delete(garbage)
    result = {"ETag": f'"{new.etag}"', "LastModified": context.now.replace(microsecond=0)}
    return {
        "CopyObjectResult": {**result, **attributes.checksum_members(new.document)},
        **created_version(bucket, new),
        **({"CopySourceVersionId": origin["VersionId"]} if origin else {}),
        **attributes.encryption(new.document),
    }


def upload_part_copy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The bytes are read for the part's ETag, but not written again."""
    check_part_number(request)
    source = _source_of(context, request)
    for _ in range(_ATTEMPTS):
        part = _try_part_copy(context, request, source)
        if part is not None:
            upload, copied = part
            result = {"ETag": f'"{copied.etag}"', "LastModified": copied.modified_at.replace(microsecond=0)}
            if copied.checksum:
                result[checksums.member(upload.document["algorithm"])] = copied.checksum
            return {"CopyPartResult": result, **attributes.encryption(upload.document)}
    raise ApiError("The source changed while it was copied.", code="SlowDown", status=503)


@dataclass(frozen=True, slots=True)
class _Digest:
    """A checksum that a copy asks for, and the content it was computed from."""

    content: str | None
    algorithm: str
    value: str


def _source_of(context: Context, request: dict[str, Any]) -> _Source:
    """The source of a copy, if the caller may read it."""
    source = read_source(request)
    version = wanted_version(source)
    permission.check_object(context, source, "s3:GetObject")
    return _Source(source["Bucket"], source["Key"], version)


def _find_source(context: Context, tx: Transaction, request: dict[str, Any], source: _Source) -> StoredObject:
    stored = find_version(tx, open_bucket(tx, request, source.bucket), source.key, source.version)
    conditions.check_copy(request, stored)
    return stored


def _refuse_no_change(request: dict[str, Any], source: _Source) -> None:
    same = (request["Bucket"], request["Key"]) == (source.bucket, source.key)
    if (
        same
        and source.version is None
        and request.get("MetadataDirective") != "REPLACE"
        and not any(name in request for name in _CHANGES)
    ):
        raise errors.invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the"
            " object's metadata, storage class, website redirect location or encryption attributes."
        )


def _new_object(request: dict[str, Any], stored: StoredObject, digest: _Digest | None) -> NewObject:
    """The copy: bytes and checksums of the source; headers, metadata and tags as the directives say."""
    fresh = attributes.collect(request)
    document = {name: value for name, value in stored.document.items() if name != "upload"}
    if _directive(request, "MetadataDirective"):
        document |= {"headers": fresh["headers"], "metadata": fresh.get("metadata", {})}
    else:
        added = {name: request[name] for name in _CHANGES[1:] if name in request}
        document["headers"] = {**document.get("headers", {}), **added}
    if _directive(request, "TaggingDirective"):
        document["tags"] = fresh.get("tags", {})
    if digest is not None:
        document |= {"checksums": {digest.algorithm: digest.value}, "checksum_type": checksums.FULL_OBJECT}
    return NewObject(
        key=request["Key"],
        size=stored.size,
        etag=stored.etag,
        storage_class=attributes.storage_class(request),
        checksum=attributes.checksum_mark(document),
        document=document,
    )


def _directive(request: dict[str, Any], name: str) -> bool:
    """Whether a directive says REPLACE."""
    value = request.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise errors.invalid_argument(f"Unknown {name}.", name, value)
    return bool(value == "REPLACE")


def _wanted_checksum(context: Context, request: dict[str, Any], source: _Source) -> _Digest | None:
    """The checksum that the request asks for, unless the source has it already."""
    algorithm = str(request.get("ChecksumAlgorithm", "")).upper()
    if not algorithm:
        return None
    if algorithm not in checksums.ALGORITHMS:
        raise errors.not_implemented(f"Clary does not compute the checksum {algorithm}.")
    for _ in range(_ATTEMPTS):
        with context.database.read() as tx:
            stored = _find_source(context, tx, request, source)
        document = stored.document
        if algorithm in document.get("checksums", {}) and document["checksum_type"] == checksums.FULL_OBJECT:
            return None
        try:
            with objects.open_reader(context.database, context.blobs, stored) as reader:
                return _Digest(stored.content, algorithm, _read_through(reader, algorithm)[1])
        except BlobMissing:
            continue
    raise ApiError("The source changed while it was copied.", code="SlowDown", status=503)


def _try_part_copy(context: Context, request: dict[str, Any], source: _Source) -> tuple[Upload, Part] | None:
    """One attempt; None when the source was overwritten meanwhile."""
    with context.database.read() as tx:
        upload = find_upload(tx, open_bucket(tx, request), request)
        stored = _find_source(context, tx, request, source)
    chosen = copy_window(request.get("CopySourceRange"), stored.size)
    algorithm = upload.document["algorithm"]
    try:
        with objects.open_reader(context.database, context.blobs, stored, chosen.start, chosen.length) as reader:
            etag, checksum = _read_through(reader, algorithm)
    except BlobMissing:
        return None
    with context.database.write() as tx:
        current = versions.find(tx, open_bucket(tx, request, source.bucket), source.key, stored.version)
        if current is None or current.stored.content != stored.content:
            return None
        upload = find_upload(tx, open_bucket(tx, request), request)
        content = contents.add(tx, _extents(tx, stored, chosen))
        part = Part(request["PartNumber"], chosen.length, etag, checksum, context.now, content)
        garbage = uploads.put_part(tx, upload, part)
    crash_here("s3.part.before_garbage")
    context.blobs.delete(garbage)
    return upload, part


def _extents(tx: Transaction, stored: StoredObject, chosen: Window) -> Sequence[Extent]:
    return contents.cut(contents.extents(tx, stored.content), chosen.start, chosen.length)


def _read_through(reader: Slice, algorithm: str) -> tuple[str, str]:
    """MD5 in hexadecimal, and the checksum of the algorithm in base64 (empty for none)."""
    digest = md5(usedforsecurity=False)
    running = checksums.new(algorithm) if algorithm else None
    while piece := reader.read(_PIECE):
        digest.update(piece)
        if running is not None:
            running.update(piece)
    return digest.hexdigest(), checksums.encoded(running) if running else ""
