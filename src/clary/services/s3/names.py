"""Names of buckets and keys: what S3 allows, and the ARNs that policies speak of."""

from __future__ import annotations

import re
from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import errors
from clary.store import buckets
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.objects import NewObject

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_MAX_KEY_BYTES = 1024
_VERSION = re.compile(r"null|[a-z0-9]{32}")


def check_bucket_name(name: str) -> None:
    """Raise InvalidBucketName unless the name follows the rules for new buckets."""
    bad = (
        not _BUCKET.fullmatch(name)
        or ".." in name
        or _ADDRESS.fullmatch(name)
        or name.startswith(_RESERVED_STARTS)
        or name.endswith(_RESERVED_ENDS)
    )
    if bad:
        message = "The specified bucket is not valid."
        raise ApiError(message, code="InvalidBucketName", status=400, BucketName=name)


def check_key(key: str) -> None:
    """Any text of 1 to 1024 bytes is a key: keys are data and never become paths."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise ApiError("Couldn't parse the specified URI.", code="InvalidURI", status=400) from None
    if size > _MAX_KEY_BYTES:
        message = "Your key is too long"
        raise ApiError(
            message, code="KeyTooLongError", status=400, Size=str(size), MaxSizeAllowed=str(_MAX_KEY_BYTES)
        )
    if not key:
        raise errors.invalid_argument("A key must not be empty.", "key", key)


def own_bucket(context: Context, tx: Transaction, request: dict[str, Any]) -> Bucket:
    """The bucket of the request, if it is the caller's: what a bucket is like, only its own account decides."""
    bucket = open_bucket(tx, request)
    if bucket.account != context.account:
        raise errors.access_denied()
    return bucket


def open_bucket(tx: Transaction, request: dict[str, Any], name: str | None = None) -> Bucket:
    """The bucket of the request, whoever owns it: the caller has been authorised (see `permission`).

    If the request says whose it expects it to be, it must be so.
    """
    wanted = request["Bucket"] if name is None else name
    expected = request.get("ExpectedBucketOwner" if name is None else "ExpectedSourceBucketOwner")
    bucket = buckets.find(tx, wanted)
    if bucket is None:
        raise errors.no_such_bucket(wanted)
    if expected is not None and expected != bucket.account:
        raise errors.access_denied()
    return bucket


def bucket_arn(_context: Context, request: dict[str, Any]) -> str:
    return f"arn:aws:s3:::{request['Bucket']}"


def object_arn(_context: Context, request: dict[str, Any]) -> str:
    return f"arn:aws:s3:::{request['Bucket']}/{request['Key']}"


def wanted_version(request: dict[str, Any]) -> str | None:
    """The version that a request names; `null` is the one from before versions were kept."""
    version: str | None = request.get("VersionId")
    if version is not None and not _VERSION.fullmatch(version):
        raise errors.invalid_argument("Invalid version id specified", "versionId", version)
    return version


def version_members(bucket: Bucket, version: str) -> dict[str, str]:
    """VersionId for an answer; buckets that never kept versions do not speak of them."""
    return {"VersionId": version} if bucket.versioning else {}


def created_version(bucket: Bucket, new: NewObject) -> dict[str, str]:
    """VersionId for the answer of a write, which S3 gives while versions are kept."""
    return {"VersionId": new.version} if bucket.versioning == "Enabled" else {}


def owner_of_bucket(context: Context, request: dict[str, Any]) -> dict[str, str]:
    """The canonical user to whom everything in the bucket belongs, whoever put it there."""
    found = buckets.access(context.database, request["Bucket"])
    return owner_of(found.account if found else context.account)


def owner_of(account: str) -> dict[str, str]:
    """The canonical user of an account, as listings show it."""
    return {"ID": account.rjust(64, "0"), "DisplayName": account}
