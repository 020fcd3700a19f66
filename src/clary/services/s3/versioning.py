"""PutBucketVersioning, GetBucketVersioning and ListObjectVersions."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.s3 import errors
from clary.services.s3.list import Encode, authorize_listing, encoder, list_window
from clary.services.s3.names import open_bucket, own_bucket, owner_of, wanted_version
from clary.store import buckets, listing, versions
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.listing import Folded
from clary.store.versions import Version

_Entry = Version | Folded


def put_bucket_versioning(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted = request["VersioningConfiguration"]
    if wanted.get("Status") not in ("Enabled", "Suspended"):
        raise errors.malformed_xml()
    if wanted.get("MFADelete") == "Enabled" or "MFA" in request:
        raise errors.not_implemented("Clary does not ask for a second factor before it deletes.")
    with context.database.write() as tx:
        buckets.set_versioning(tx, own_bucket(context, tx, request), wanted["Status"])
    return {}


def get_bucket_versioning(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Empty for a bucket that never kept versions."""
    with context.database.read() as tx:
        status = open_bucket(tx, request).versioning
    return {"Status": status} if status else {}


def list_object_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    authorize_listing(context, request, "s3:ListBucketVersions")
    prefix, delimiter, size = list_window(request)
    with context.database.read() as tx:
        bucket = open_bucket(tx, request)
        start, after = _position(tx, bucket, request, prefix, delimiter)
        found = _entries(tx, bucket, prefix, delimiter, start, after, size + 1) if size else []
        newest = {entry.key: _is_newest(tx, bucket, entry) for entry in found[:1] if isinstance(entry, Version)}
    entries, encode = found[:size], encoder(request)
    page: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "KeyMarker": encode(request.get("KeyMarker", "")),
        "VersionIdMarker": request.get("VersionIdMarker", ""),
        "MaxKeys": size,
        "IsTruncated": len(found) > size,
        "Versions": [],
        "DeleteMarkers": [],
        "CommonPrefixes": [{"Prefix": encode(entry.prefix)} for entry in entries if isinstance(entry, Folded)],
    }
    before = ""
    for entry in entries:
        if isinstance(entry, Version):
            latest = newest.get(entry.key, True) if before != entry.key else False
            page["DeleteMarkers" if entry.marker else "Versions"].append(_shown(bucket, entry, encode, latest))
            before = entry.key
    page |= {name: encode(request[name]) for name in ("Delimiter",) if request.get(name)}
    page |= {name: request[name] for name in ("EncodingType",) if name in request}
    if page["IsTruncated"]:
        last = entries[-1]
        page["NextKeyMarker"] = encode(last.prefix if isinstance(last, Folded) else last.key)
        page["NextVersionIdMarker"] = "" if isinstance(last, Folded) else last.version
    return page


def _position(
    tx: Transaction, bucket: Bucket, request: dict[str, Any], prefix: str, delimiter: str
) -> tuple[bytes, tuple[str, int] | None]:
    """The first key to look at, and behind which version of a key to go on.

    A version that has been deleted since it was named (by who empties a bucket page by page) makes the page begin
    with what is left of its key: nothing is passed over.
    """
    key, version = request.get("KeyMarker", ""), request.get("VersionIdMarker", "")
    if not key:
        if version:
            text = "A version-id marker cannot be specified without a key marker."
            raise errors.invalid_argument(text, "version-id-marker", version)
        return b"", None
    if delimiter and key.startswith(prefix) and delimiter in key[len(prefix) :]:
        cut = key.index(delimiter, len(prefix)) + len(delimiter)
        return listing.behind(Folded(key[:cut])), None
    if not version:
        return listing.behind_key(key), None
    wanted_version({"VersionId": version})
    place = versions.place_of(tx, bucket, key, version)
    return (key.encode(), None) if place is None else (b"", (key, place))


def _entries(
    tx: Transaction,
    bucket: Bucket,
    prefix: str,
    delimiter: str,
    start: bytes,
    after: tuple[str, int] | None,
    limit: int,
) -> list[_Entry]:
    """Versions and folded prefixes; behind every folded prefix the next page starts with a seek."""
    entries: list[_Entry] = []
    while len(entries) < limit:
        found = versions.page(tx, bucket, prefix=prefix, start=start, after=after, limit=limit - len(entries))
        after = None
        for version in found:
            folded = listing.folded(version.key, prefix, delimiter) if delimiter else None
            entries.append(folded or version)
            if folded is not None:
                start = listing.behind(folded)
                break
        else:
            return entries
    return entries


def _is_newest(tx: Transaction, bucket: Bucket, entry: Version) -> bool:
    """Whether the first entry of a page is its key's newest; of all others the page itself tells."""
    newest = versions.page(tx, bucket, start=entry.key.encode(), after=None, limit=1)
    return bool(newest) and newest[0].place == entry.place and newest[0].key == entry.key


def _shown(bucket: Bucket, entry: Version, encode: Encode, latest: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Key": encode(entry.key),
        "VersionId": entry.version,
        "IsLatest": latest,
        "LastModified": entry.modified_at,
        "Owner": owner_of(bucket.account),
    }
    if entry.marker:
        return shown
    shown |= {"ETag": f'"{entry.etag}"', "Size": entry.size, "StorageClass": entry.storage_class}
    if entry.checksum:
        algorithms, _, kind = entry.checksum.partition(":")
        shown |= {"ChecksumAlgorithm": algorithms.split(","), "ChecksumType": kind}
    return shown
