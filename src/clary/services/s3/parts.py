"""ListParts and ListMultipartUploads."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.s3.list import encoder, list_window
from clary.services.s3.multipart import find_upload
from clary.services.s3.names import open_bucket, owner_of, owner_of_bucket
from clary.store import listing, uploads
from clary.store.listing import Folded
from clary.store.uploads import Upload

_MOST = 1000


def list_parts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    after, size = _number(request.get("PartNumberMarker", 0)), min(request.get("MaxParts", _MOST), _MOST)
    with context.database.read() as tx:
        upload = find_upload(tx, open_bucket(tx, request), request)
        found = uploads.parts(tx, upload, after=after, limit=size + 1)
    algorithm, kind = upload.document["algorithm"], upload.document["checksum_type"]
    page: dict[str, Any] = {
        "Bucket": request["Bucket"],
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": after,
        "MaxParts": size,
        "IsTruncated": len(found) > size,
        "StorageClass": upload.storage_class,
        "Owner": owner_of_bucket(context, request),
        "Initiator": owner_of_bucket(context, request),
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified_at,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                **({f"Checksum{algorithm}": part.checksum} if part.checksum else {}),
            }
            for part in found[:size]
        ],
    }
    if page["Parts"]:
        page["NextPartNumberMarker"] = page["Parts"][-1]["PartNumber"]
    return page | ({"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {})


def list_multipart_uploads(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Uploads by key and id. A page is cut out of all uploads behind the marker: there are never many."""
    prefix, delimiter, size = list_window(request, "MaxUploads")
    key_marker, id_marker = request.get("KeyMarker", ""), request.get("UploadIdMarker", "")
    start = b"" if not key_marker else key_marker.encode() if id_marker else listing.behind_key(key_marker)
    if delimiter and key_marker.startswith(prefix) and delimiter in key_marker[len(prefix) :]:
        start = listing.behind(Folded(key_marker[: key_marker.index(delimiter, len(prefix)) + len(delimiter)]))
    with context.database.read() as tx:
        bucket = open_bucket(tx, request)
        found = uploads.page(
            tx, bucket, prefix=prefix, start=start, upload_id=id_marker, limit=100_000 if delimiter else size + 1
        )
    entries = _entries(found, prefix, delimiter)
    encode = encoder(request)
    shown = entries[:size]
    page: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": encode(key_marker),
        "UploadIdMarker": id_marker,
        "Prefix": encode(prefix),
        "MaxUploads": size,
        "IsTruncated": 0 < size < len(entries),
        "Uploads": [
            _shown(entry, encode(entry.key), owner_of(bucket.account)) for entry in shown if isinstance(entry, Upload)
        ],
        "CommonPrefixes": [{"Prefix": encode(entry.prefix)} for entry in shown if isinstance(entry, Folded)],
    }
    if delimiter:
        page["Delimiter"] = encode(delimiter)
    if "EncodingType" in request:
        page["EncodingType"] = request["EncodingType"]
    if page["IsTruncated"]:
        last = shown[-1]
        page["NextKeyMarker"] = encode(last.key if isinstance(last, Upload) else last.prefix)
        page["NextUploadIdMarker"] = last.upload_id if isinstance(last, Upload) else ""
    return page


def _entries(found: list[Upload], prefix: str, delimiter: str) -> list[Upload | Folded]:
    entries: list[Upload | Folded] = []
    for upload in found:
        folded = listing.folded(upload.key, prefix, delimiter) if delimiter else None
        if folded is None or not entries or entries[-1] != folded:
            entries.append(folded or upload)
    return entries


def _shown(upload: Upload, key: str, owner: dict[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "UploadId": upload.upload_id,
        "Key": key,
        "Initiated": upload.started_at,
        "StorageClass": upload.storage_class,
        "Owner": owner,
        "Initiator": owner,
    }
    if upload.document["algorithm"]:
        shown["ChecksumAlgorithm"] = upload.document["algorithm"]
        shown["ChecksumType"] = upload.document["checksum_type"]
    return shown


def _number(marker: Any) -> int:
    """A part number marker; the model has it as text."""
    text = str(marker)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
