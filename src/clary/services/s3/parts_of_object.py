"""GetObjectAttributes: what is known of an object and of the parts it came in, without its bytes."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.s3 import attributes, checksums, conditions, errors, permission
from clary.services.s3.get import find_object
from clary.services.s3.names import version_members
from clary.store.objects import StoredObject

_MOST = 1000
_KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


def get_object_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for action in ("s3:GetObject", "s3:GetObjectAttributes"):
        permission.check_object(context, request, action)
    wanted = {name for entry in request["ObjectAttributes"] for name in entry.split(",")}
    unknown = wanted - set(_KNOWN)
    if unknown or not wanted:
        message = "Invalid attribute name specified."
        raise errors.invalid_argument(message, "x-amz-object-attributes", ",".join(sorted(unknown))[:200])
    bucket, stored = find_object(context, request)
    conditions.check_read(request, stored)
    answer: dict[str, Any] = {"LastModified": stored.modified_at, **version_members(bucket, stored.version)}
    if "ETag" in wanted:
        answer["ETag"] = stored.etag
    if "ObjectSize" in wanted:
        answer["ObjectSize"] = stored.size
    if "StorageClass" in wanted:
        answer["StorageClass"] = stored.storage_class
    if "Checksum" in wanted and stored.document.get("checksums"):
        answer["Checksum"] = _without_count(attributes.checksum_members(stored.document))
    if "ObjectParts" in wanted and stored.document.get("parts"):
        answer["ObjectParts"] = _parts(request, stored)
    return answer


def _without_count(members: dict[str, str]) -> dict[str, str]:
    """Composite checksums are shown here without the number of parts behind them."""
    return {name: value if name == "ChecksumType" else value.partition("-")[0] for name, value in members.items()}


def _parts(request: dict[str, Any], stored: StoredObject) -> dict[str, Any]:
    """Single parts are told of objects whose parts have checksums of their own."""
    parts = stored.document["parts"]
    answer: dict[str, Any] = {"TotalPartsCount": len(parts)}
    algorithm = next(iter(stored.document.get("checksums", {})), None)
    if algorithm is None or not all(checksum for _, checksum in parts):
        return answer
    after, size = request.get("PartNumberMarker", 0), min(request.get("MaxParts", _MOST), _MOST)
    if after < 0 or size < 0:
        raise errors.invalid_argument("The marker and the number of parts are not negative.", "max-parts", size)
    shown = [
        {"PartNumber": number, "Size": length, checksums.member(algorithm): checksum}
        for number, (length, checksum) in enumerate(parts, 1)
    ][after : after + size]
    answer |= {"PartNumberMarker": after, "MaxParts": size, "IsTruncated": after + size < len(parts), "Parts": shown}
    return answer | ({"NextPartNumberMarker": after + len(shown)} if shown else {})
