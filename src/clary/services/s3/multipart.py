"""CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload.

Completing moves no bytes: the object is made of the parts' blobs, in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from clary.base.crash import crash_here
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import attributes, checksums, conditions, errors
from clary.services.s3.names import check_key, created_version, open_bucket, version_members
from clary.services.s3.put import body_of, check_size
from clary.services.s3.telling import tell_created
from clary.store import contents, objects, uploads
from clary.store.blobs import Extent, Incoming
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.objects import NewObject, StoredObject
from clary.store.uploads import Part, Upload

SMALLEST_PART = 5 * 1024**2
MOST_PARTS = 10_000


def create_multipart_upload(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_key(request["Key"])
    attributes.refuse_unserved(request)
    attributes.authorize_tags(context, request)
    algorithm, kind = checksums.choose(request)
    document = {**attributes.collect(request), "algorithm": algorithm, "checksum_type": kind}
    with context.database.write() as tx:
        upload = uploads.start(
            tx,
            open_bucket(tx, request),
            request["Key"],
            storage_class=attributes.storage_class(request),
            document=document,
            now=context.now,
        )
    answer = {"Bucket": request["Bucket"], "Key": request["Key"], "UploadId": upload.upload_id}
    if algorithm:
        answer |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    return {**answer, **attributes.encryption(document)}


def upload_part(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    incoming = body_of(request)
    try:
        check_part_number(request)
        check_size(incoming)
        checksums.check_md5(request.get("ContentMD5"), incoming.md5)
        attributes.refuse_unserved(request)
        with context.database.read() as tx:
            upload = find_upload(tx, open_bucket(tx, request), request)
        checksum = _checksum_of(upload, incoming)
        store_part(
            context,
            request,
            objects.adopt(context.blobs, incoming),
            size=incoming.size,
            etag=incoming.md5.hex(),
            checksum=checksum,
        )
    finally:
        incoming.discard()
    return {
        "ETag": f'"{incoming.md5.hex()}"',
        **checksums.members(incoming.checksums),
        **attributes.encryption(upload.document),
    }


def complete_multipart_upload(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A retry of a completion that has succeeded gets the same answer again."""
    wanted = (request.get("MultipartUpload") or {}).get("Parts") or []
    check_key(request["Key"])
    garbage: list[str] = []
    version: dict[str, str] = {}
    with context.database.write() as tx:
        bucket = open_bucket(tx, request)
        upload = uploads.find(tx, bucket, request["Key"], request["UploadId"])
        existing = objects.find(tx, bucket, request["Key"])
        if upload is None:
            document, etag = _completed_before(request, existing, wanted)
            version = version_members(bucket, existing.version) if existing else {}
        else:
            conditions.check_write(request, request["Key"], existing)
            chosen = _choose_parts(wanted, uploads.parts(tx, upload))
            new = _new_object(request, upload, chosen)
            document, etag = new.document, new.etag
            version = created_version(bucket, new)
            content, unused = uploads.join(tx, upload, chosen)
            garbage = [*unused, *objects.put(tx, bucket, new, content, context.now)]
            tell_created(context, tx, bucket, "CompleteMultipartUpload", new)
    crash_here("s3.complete.before_garbage")
    context.blobs.delete(garbage)
    return {
        "Location": f"https://{bucket.name}.s3.{bucket.region}.amazonaws.com/{quote(request['Key'])}",
        "Bucket": bucket.name,
        "Key": request["Key"],
        "ETag": f'"{etag}"',
        **version,
        **attributes.checksum_members(document),
        **attributes.encryption(document),
    }


def abort_multipart_upload(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        garbage = uploads.remove(tx, find_upload(tx, open_bucket(tx, request), request))
    crash_here("s3.abort.before_garbage")
    context.blobs.delete(garbage)
    return {}


def find_upload(tx: Transaction, bucket: Bucket, request: dict[str, Any]) -> Upload:
    """The upload of a request, or NoSuchUpload."""
    upload = uploads.find(tx, bucket, request["Key"], request["UploadId"])
    if upload is None:
        raise errors.no_such_upload(request["UploadId"])
    return upload


def check_part_number(request: dict[str, Any]) -> None:
    if not 1 <= request["PartNumber"] <= MOST_PARTS:
        message = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise errors.invalid_argument(message, "partNumber", request["PartNumber"])


def store_part(
    context: Context, request: dict[str, Any], extents: Sequence[Extent], *, size: int, etag: str, checksum: str
) -> None:
    """Write the row of a part whose blobs are durable and belong to nobody else yet."""
    try:
        with context.database.write() as tx:
            upload = find_upload(tx, open_bucket(tx, request), request)
            content = contents.add(tx, extents)
            part = Part(request["PartNumber"], size, etag, checksum, context.now, content)
            garbage = uploads.put_part(tx, upload, part)
    except ApiError:
        context.blobs.delete(extent.blob for extent in extents)
        raise
    crash_here("s3.part.before_garbage")
    context.blobs.delete(garbage)


def _checksum_of(upload: Upload, incoming: Incoming) -> str:
    """The part's checksum in the algorithm that the upload was started with."""
    algorithm = upload.document["algorithm"]
    if not algorithm:
        return ""
    if algorithm not in incoming.checksums:
        actual = next(iter(incoming.checksums), "null").lower()
        raise errors.invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, actual checksum Type:"
            f" {actual}"
        )
    return incoming.checksums[algorithm]


def _choose_parts(wanted: Sequence[dict[str, Any]], present: Sequence[Part]) -> list[Part]:
    """The parts that make the object, by S3's rules: ascending, present, unchanged, none but the last too small."""
    if not 1 <= len(wanted) <= MOST_PARTS:
        raise errors.malformed_xml()
    numbers = [entry.get("PartNumber", 0) for entry in wanted]
    if any(second <= first for first, second in pairwise(numbers)):
        message = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise ApiError(message, code="InvalidPartOrder", status=400)
    by_number = {part.number: part for part in present}
    chosen = [_matching(entry, by_number.get(number)) for number, entry in zip(numbers, wanted, strict=True)]
    for part in chosen[:-1]:
        if part.size < SMALLEST_PART:
            raise ApiError(
                "Your proposed upload is smaller than the minimum allowed size",
                code="EntityTooSmall",
                status=400,
                ProposedSize=str(part.size),
                MinSizeAllowed=str(SMALLEST_PART),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    return chosen


def _matching(entry: dict[str, Any], part: Part | None) -> Part:
    claims = [value for name, value in entry.items() if name.startswith("Checksum")]
    if part is None or part.etag != _bare(entry) or (part.checksum and any(v != part.checksum for v in claims)):
        raise ApiError(
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the"
            " specified entity tag may not match the part's entity tag.",
            code="InvalidPart",
            status=400,
            PartNumber=str(entry.get("PartNumber", "")),
            ETag=_bare(entry),
        )
    return part


def _new_object(request: dict[str, Any], upload: Upload, chosen: Sequence[Part]) -> NewObject:
    size = sum(part.size for part in chosen)
    if request.get("MpuObjectSize", size) != size:
        raise errors.invalid_request("The provided 'x-amz-mp-object-size' header does not match what was computed.")
    document = {name: value for name, value in upload.document.items() if name not in ("algorithm", "checksum_type")}
    document["parts"] = [[part.size, part.checksum] for part in chosen]
    document["upload"] = upload.upload_id
    document |= _whole_checksum(request, upload, chosen)
    return NewObject(
        key=upload.key,
        size=size,
        etag=_etag([part.etag for part in chosen]),
        storage_class=upload.storage_class,
        checksum=attributes.checksum_mark(document),
        document=document,
    )


def _whole_checksum(request: dict[str, Any], upload: Upload, chosen: Sequence[Part]) -> dict[str, Any]:
    algorithm, kind = upload.document["algorithm"], upload.document["checksum_type"]
    if request.get("ChecksumType", kind) != kind:
        raise errors.invalid_request("The upload was created using another checksum type.")
    if not algorithm:
        return {}
    value = checksums.of_parts(algorithm, kind, [(part.checksum, part.size) for part in chosen])
    if (checksums.claimed(request, algorithm) or value) not in (value, value.partition("-")[0]):
        message = f"The {algorithm.lower()} you specified did not match the calculated checksum."
        raise ApiError(message, code="BadDigest", status=400)
    return {"checksums": {algorithm: value}, "checksum_type": kind}


def _completed_before(
    request: dict[str, Any], existing: StoredObject | None, wanted: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], str]:
    """Document and ETag of the object, if this very completion has made it."""
    if (
        existing is None
        or existing.document.get("upload") != request["UploadId"]
        or existing.etag != _etag([_bare(entry) for entry in wanted])
    ):
        raise errors.no_such_upload(request["UploadId"])
    return existing.document, existing.etag


def _bare(entry: dict[str, Any]) -> str:
    return str(entry.get("ETag", "")).strip().strip('"')


def _etag(parts: Sequence[str]) -> str:
    """The MD5 of the parts' MD5s, and their number."""
    try:
        joined = b"".join(bytes.fromhex(part) for part in parts)
    except ValueError:
        return ""
    return f"{md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"
