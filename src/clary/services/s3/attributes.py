"""What is kept of an object beside its bytes: headers, metadata, tags, checksums; and what S3 features are refused.

An object's document has the members `headers`, `metadata`, `tags`, `checksums`, `checksum_type`, `parts` (size and
checksum of each part of an object that came in parts) and `upload` (the id of the upload that made it). Absent
members are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import checksums, errors, permission
from clary.store.objects import StoredObject

_STORED = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "WebsiteRedirectLocation",
)
# The SageMaker SDK asks for aws:kms on every upload, so it is taken and shown like a bucket's default encryption:
# the bytes are as safe as the disk below them. A client's own key would be a promise that is not kept.
_ENCRYPTIONS = frozenset({"AES256", "aws:kms"})
_OVERRIDES = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
_STORAGE_CLASSES = frozenset(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
)
_KEY_FEATURES = (
    "SSECustomerAlgorithm",
    "SSECustomerKey",
    "SSEKMSEncryptionContext",
    "BucketKeyEnabled",
)
LOCKS = (
    "ObjectLockEventHold",
    "ObjectLockEventHoldDurationDays",
    "ObjectLockEventHoldDurationYears",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
)
GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
HARMLESS_ACLS = frozenset({"private", "bucket-owner-full-control"})
_MAX_METADATA = 2048
_MAX_TAGS = 10


def collect(request: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a new object, from the request that makes it."""
    document: dict[str, Any] = {"headers": _headers(request)}
    metadata = request.get("Metadata") or {}
    if sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items()) > _MAX_METADATA:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise ApiError(message, code="MetadataTooLarge", status=400, MaxSizeAllowed=str(_MAX_METADATA))
    if metadata:
        document["metadata"] = dict(metadata)
    tags = parse_tagging(request.get("Tagging"))
    if tags:
        document["tags"] = tags
    return document


def storage_class(request: Mapping[str, Any]) -> str:
    """The class to keep and to show. All are the same disk; archives, which need a restore, do not exist here."""
    wanted = str(request.get("StorageClass", "STANDARD"))
    if wanted not in _STORAGE_CLASSES:
        raise ApiError("The storage class you specified is not valid", code="InvalidStorageClass", status=400)
    return wanted


def refuse_unserved(request: Mapping[str, Any]) -> None:
    """Say no to what Clary would otherwise only pretend to do: keys, locks and access lists of single objects."""
    if (
        any(name in request for name in _KEY_FEATURES)
        or request.get("ServerSideEncryption", "AES256") not in _ENCRYPTIONS
    ):
        raise errors.not_implemented("Clary does not encrypt objects with keys that the customer provides.")
    if any(name in request for name in LOCKS):
        raise errors.invalid_request("Bucket is missing Object Lock Configuration")
    if any(name in request for name in GRANTS) or request.get("ACL", "private") not in HARMLESS_ACLS:
        raise ApiError("The bucket does not allow ACLs", code="AccessControlListNotSupported", status=400)


def authorize_tags(context: Context, request: Mapping[str, Any]) -> None:
    """Tags in the header of a write need their own permission."""
    if request.get("Tagging"):
        named = {name: request[name] for name in ("Bucket", "Key", "Tagging")}
        permission.check_object(context, named, "s3:PutObjectTagging")


def shown(stored: StoredObject, request: Mapping[str, Any]) -> dict[str, Any]:
    """Headers of GetObject and HeadObject, with the response-* overrides of the request."""
    document = stored.document
    overrides = {name: request[f"Response{name}"] for name in _OVERRIDES if f"Response{name}" in request}
    headers = {
        "AcceptRanges": "bytes",
        "ETag": f'"{stored.etag}"',
        "LastModified": stored.modified_at,
        "Metadata": document.get("metadata", {}),
        **document.get("headers", {"ContentType": "binary/octet-stream"}),
        **overrides,
    }
    if stored.storage_class != "STANDARD":
        headers["StorageClass"] = stored.storage_class
    if document.get("tags"):
        headers["TagCount"] = len(document["tags"])
    return headers


def encryption(document: Mapping[str, Any]) -> dict[str, str]:
    """ServerSideEncryption for the answers of writes, when the request asked for it."""
    headers = document.get("headers", {})
    return {name: headers[name] for name in ("ServerSideEncryption", "SSEKMSKeyId") if name in headers}


def checksum_members(document: Mapping[str, Any]) -> dict[str, str]:
    """Checksums and their type as members of a response."""
    values = document.get("checksums")
    if not values:
        return {}
    return {**checksums.members(values), "ChecksumType": document["checksum_type"]}


def checksum_mark(document: Mapping[str, Any]) -> str:
    """What listings show of it: algorithms and type."""
    values = document.get("checksums")
    return f"{','.join(values)}:{document['checksum_type']}" if values else ""


def parse_tagging(header: str | None) -> dict[str, str]:
    """Tags from the x-amz-tagging header, which is a URL query."""
    if not header:
        return {}
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        pairs = []
    if not pairs or len(dict(pairs)) != len(pairs):
        message = (
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag"
            " name duplicates."
        )
        raise errors.invalid_argument(message, "x-amz-tagging", header)
    check_tags(dict(pairs))
    return dict(pairs)


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise unless the tags keep to S3's limits."""
    if len(tags) > _MAX_TAGS:
        raise ApiError("Object tags cannot be greater than 10", code="BadRequest", status=400)
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or key.startswith("aws:"):
            raise ApiError("The TagKey you have provided is invalid", code="InvalidTag", status=400, TagKey=key)
        if len(value) > 256:
            raise ApiError("The TagValue you have provided is invalid", code="InvalidTag", status=400, TagKey=key)


def _headers(request: Mapping[str, Any]) -> dict[str, Any]:
    headers = {name: request[name] for name in _STORED if name in request}
    headers.setdefault("ContentType", "binary/octet-stream")
    # "aws-chunked" tells how the body travelled, not what it is.
    encodings = [part.strip() for part in str(headers.pop("ContentEncoding", "")).split(",")]
    kept = ",".join(part for part in encodings if part and part != "aws-chunked")
    return {**headers, "ContentEncoding": kept} if kept else headers
