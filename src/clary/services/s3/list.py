"""ListObjectsV2 and ListObjects. Both check s3:ListBucket themselves, because policies ask for the prefix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import errors, permission
from clary.services.s3.names import open_bucket, owner_of_bucket
from clary.store import listing
from clary.store.listing import Entry, Folded, Listed

_MOST = 1000

Encode = Callable[[str], str]


def list_objects_v2(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    authorize_listing(context, request)
    prefix, delimiter, size = list_window(request)
    token, after = request.get("ContinuationToken"), request.get("StartAfter", "")
    scope = f"{context.account}/{request['Bucket']}/{prefix}/{delimiter}"
    start = listing.behind_key(after) if after else b""
    if token is not None:
        start = _read_token(context, scope, token)
    entries, more = _entries(context, request, start, size)
    encode = encoder(request)
    page = _page(context, request, entries, encode, owners=bool(request.get("FetchOwner")))
    page |= {"KeyCount": len(entries), "MaxKeys": size, "IsTruncated": more}
    if after:
        page["StartAfter"] = encode(after)
    if token is not None:
        page["ContinuationToken"] = token
    if more:
        page["NextContinuationToken"] = context.pager.encode("ListObjectsV2", scope, _position(entries[-1]))
    return page


def list_objects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A marker inside of what is folded to one entry passes over that entry: it was the last of the page before."""
    authorize_listing(context, request)
    prefix, delimiter, size = list_window(request)
    marker = request.get("Marker", "")
    start = _behind_marker(marker, prefix, delimiter)
    entries, more = _entries(context, request, start, size)
    encode = encoder(request)
    page = _page(context, request, entries, encode, owners=True)
    page |= {"Marker": encode(marker), "MaxKeys": size, "IsTruncated": more}
    if more and delimiter:
        last = entries[-1]
        page["NextMarker"] = encode(last.prefix if isinstance(last, Folded) else last.key)
    return page


def authorize_listing(context: Context, request: dict[str, Any], action: str = "s3:ListBucket") -> None:
    """The permission, with the keys that policies use to limit listings to folders."""
    keys = {"s3:prefix": request.get("Prefix", ""), "s3:delimiter": request.get("Delimiter", "")}
    if "MaxKeys" in request:
        keys["s3:max-keys"] = str(request["MaxKeys"])
    permission.check(context, action, request["Bucket"], keys={name: value for name, value in keys.items() if value})


def list_window(request: dict[str, Any], size_name: str = "MaxKeys") -> tuple[str, str, int]:
    """Prefix, delimiter and page size; a larger size than allowed is cut, a negative one refused."""
    size = request.get(size_name, _MOST)
    if size < 0:
        name = {"MaxKeys": "maxKeys", "MaxUploads": "max-uploads"}.get(size_name, size_name)
        raise errors.invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, size)
    return request.get("Prefix", ""), request.get("Delimiter", ""), min(size, _MOST)


def encoder(request: dict[str, Any]) -> Encode:
    """How keys are written: as they are, or URL-encoded, so that XML can carry every character."""
    wanted = request.get("EncodingType")
    if wanted is None:
        return str
    if wanted != "url":
        raise errors.invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", wanted)
    return lambda text: quote_plus(text, safe="/*")


def _entries(context: Context, request: dict[str, Any], start: bytes, size: int) -> tuple[list[Entry], bool]:
    prefix, delimiter, _ = list_window(request)
    with context.database.read() as tx:
        bucket = open_bucket(tx, request)
        if size == 0:
            return [], False
        found = listing.page(tx, bucket, prefix=prefix, delimiter=delimiter, start=start, limit=size + 1)
    return found[:size], len(found) > size


def _page(
    context: Context, request: dict[str, Any], entries: list[Entry], encode: Encode, *, owners: bool
) -> dict[str, Any]:
    owner = {"Owner": owner_of_bucket(context, request)} if owners else {}
    page: dict[str, Any] = {
        "Name": request["Bucket"],
        "Prefix": encode(request.get("Prefix", "")),
        "Contents": [{**_listed(entry, encode), **owner} for entry in entries if isinstance(entry, Listed)],
        "CommonPrefixes": [{"Prefix": encode(entry.prefix)} for entry in entries if isinstance(entry, Folded)],
    }
    if request.get("Delimiter"):
        page["Delimiter"] = encode(request["Delimiter"])
    if "EncodingType" in request:
        page["EncodingType"] = request["EncodingType"]
    return page


def _listed(entry: Listed, encode: Encode) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Key": encode(entry.key),
        "LastModified": entry.modified_at,
        "ETag": f'"{entry.etag}"',
        "Size": entry.size,
        "StorageClass": entry.storage_class,
    }
    if entry.checksum:
        algorithms, _, kind = entry.checksum.partition(":")
        shown |= {"ChecksumAlgorithm": algorithms.split(","), "ChecksumType": kind}
    return shown


def _position(entry: Entry) -> list[Any]:
    return [entry.prefix, True] if isinstance(entry, Folded) else [entry.key, False]


def _read_token(context: Context, scope: str, token: str) -> bytes:
    try:
        text, folded = context.pager.decode("ListObjectsV2", scope, token)
    except ApiError:
        message = "The continuation token provided is incorrect"
        raise errors.invalid_argument(message, "continuation-token", token) from None
    return (listing.behind(Folded(text)) if folded else listing.behind_key(text)) or b""


def _behind_marker(marker: str, prefix: str, delimiter: str) -> bytes:
    if not marker:
        return b""
    if delimiter and marker.startswith(prefix) and delimiter in marker[len(prefix) :]:
        cut = marker.index(delimiter, len(prefix)) + len(delimiter)
        return listing.behind(Folded(marker[:cut]))
    return listing.behind_key(marker)
