"""S3 where another S3 keeps the objects (`s3_endpoint_url`): calls are authorised here and passed on to it.

Everybody who speaks to Clary's S3, scripts inside jobs included, reaches the buckets of that store, with the rights
that Clary's own policies give; the key that opens the store stays here. What a bucket is like (policy, CORS,
lifecycle ...) is that store's own affair and refused. Called through the dispatch table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

from clary.base.errors import AccessDenied, ApiError, NotServed
from clary.services.context import Context
from clary.services.operation import Operation
from clary.services.s3 import attributes, checksums, errors, permission
from clary.services.s3.copy import read_source
from clary.services.s3.delete import failure_of
from clary.services.s3.list import authorize_listing
from clary.store import accounts, storage
from clary.store.blobs import Incoming

_EXPECTED_OWNERS = ("ExpectedBucketOwner", "ExpectedSourceBucketOwner")
_DEFAULT_REGION = "us-east-1"
# Members that ask for more than the operation itself: that store may serve what Clary's own refuses.
_MORE_OF_OBJECT = {
    **dict.fromkeys(("ACL", *attributes.GRANTS), "s3:PutObjectAcl"),
    **dict.fromkeys(attributes.LOCKS, "s3:PutObjectRetention"),
    "ObjectLockLegalHoldStatus": "s3:PutObjectLegalHold",
    "BypassGovernanceRetention": "s3:BypassGovernanceRetention",
}
_MORE_OF_BUCKET = {
    **dict.fromkeys(("ACL", *attributes.GRANTS), "s3:PutBucketAcl"),
    "ObjectLockEnabledForBucket": "s3:PutBucketObjectLockConfiguration",
    "ObjectOwnership": "s3:PutBucketOwnershipControls",
}
Change = Callable[[Context, dict[str, Any]], dict[str, Any]]


def instead(name: str, operation: Operation) -> Operation:
    """The row of the dispatch table whose handler passes the call on where objects are kept elsewhere."""

    @wraps(operation.handler)
    def handler(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if context.settings.s3_endpoint_url:
            return pass_on(context, name, request)
        return operation.handler(context, request)

    return replace(operation, handler=handler)


def pass_on(context: Context, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Rows that are open to all are authorised here, as their handlers would."""
    prepare = _PREPARED.get(name)
    if prepare is None:
        raise NotServed(f"{name} is not served while objects are kept in another S3 (CLARY_S3_ENDPOINT_URL).")
    if name == "DeleteObjects":
        return _delete_objects(context, request)
    told = {member: value for member, value in prepare(context, request).items() if member not in _EXPECTED_OWNERS}
    _authorize_more(context, request)
    _check_owners(context, request)
    try:
        return _perform(context, name, told)
    except ApiError as error:
        if name in ("GetObject", "HeadObject") and error.code in ("NoSuchKey", "404"):
            permission.check(context, "s3:ListBucket", request["Bucket"])  # who may not list learns of no key
        raise


def _check_owners(context: Context, request: Mapping[str, Any]) -> None:
    """All accounts of this installation share the buckets, so each of them owns every bucket, and nobody else does.
    The store itself has accounts of its own, of which callers know nothing: it is not asked."""
    expected = {request[member] for member in _EXPECTED_OWNERS if request.get(member) is not None}
    if not expected:
        return
    with context.database.read() as tx:
        owners = set(accounts.living(tx, context.installation.account))
    if not expected <= owners:
        raise errors.access_denied()


def _perform(context: Context, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    other = storage.other_storage(context.settings)
    body = request.get("Body")
    if not isinstance(body, Incoming):
        return other.perform(name, request)
    with body.path.open("rb") as file:
        return other.perform(name, {**request, "Body": file})


def _delete_objects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Only the keys that the caller may delete are passed on; the answer tells of all."""
    if not request["Delete"].get("Objects"):
        raise errors.malformed_xml()
    _check_owners(context, request)
    allowed, failed = [], []
    for entry in request["Delete"]["Objects"]:
        try:
            permission.check_object(context, {**entry, "Bucket": request["Bucket"]}, "s3:DeleteObject")
            allowed.append(entry)
        except AccessDenied as error:
            failed.append(failure_of(entry, error))
    answer: dict[str, Any] = {}
    if allowed:
        wanted = {**request["Delete"], "Objects": allowed}
        answer = _perform(context, "DeleteObjects", {"Bucket": request["Bucket"], "Delete": wanted})
    failed = [*failed, *answer.get("Errors", [])]
    return {**answer, **({"Errors": failed} if failed else {})}


# -- what is authorised, and what becomes of the request ------------------------------------------------------------


def _authorize_more(context: Context, request: dict[str, Any]) -> None:
    """Access lists and locks in the header of a write need their own permissions, as tags do."""
    if request.get("ACL") in attributes.HARMLESS_ACLS:
        request = {name: value for name, value in request.items() if name != "ACL"}
    needed = _MORE_OF_OBJECT if "Key" in request else _MORE_OF_BUCKET
    for action in sorted({needed[name] for name, value in request.items() if name in needed and value}):
        if "Key" in request:
            permission.check_object(context, {"Bucket": request["Bucket"], "Key": request["Key"]}, action)
        else:
            permission.check(context, action, request["Bucket"])


def _as_it_is(_context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return request


def _object(*actions: str) -> Change:
    def check(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        for action in actions:
            permission.check_object(context, request, action)
        return request

    return check


def _listing(action: str) -> Change:
    def check(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        authorize_listing(context, request, action)
        return request

    return check


def _new(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    attributes.authorize_tags(context, request)
    return request


def _body(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The body has been taken off the wire and proven: how it travelled is not passed on, its checksums are."""
    changed = {name: value for name, value in _new(context, request).items() if name != "ContentLength"}
    incoming = request.get("Body")
    if isinstance(incoming, Incoming):
        checksums.check_md5(request.get("ContentMD5"), incoming.md5)
        changed.pop("ChecksumAlgorithm", None)
        changed |= {f"Checksum{algorithm}": value for algorithm, value in incoming.checksums.items()}
    return changed


def _copy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    source = read_source(request)
    permission.check_object(context, source, "s3:GetObject")
    return {**_new(context, request), "CopySource": source}


def _bucket(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The new bucket is where that store is, whatever region this installation plays."""
    changed = {name: value for name, value in request.items() if name != "CreateBucketConfiguration"}
    region = context.settings.s3_region or _DEFAULT_REGION
    if region != _DEFAULT_REGION:
        changed["CreateBucketConfiguration"] = {"LocationConstraint": region}
    return changed


_PREPARED: Mapping[str, Change] = {
    **dict.fromkeys(
        (
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "DeleteBucket",
            "DeleteObjects",
            "GetBucketLocation",
            "GetBucketVersioning",
            "HeadBucket",
            "ListBuckets",
            "ListMultipartUploads",
            "ListParts",
            "PutBucketVersioning",
        ),
        _as_it_is,
    ),
    "CopyObject": _copy,
    "CreateBucket": _bucket,
    "CreateMultipartUpload": _new,
    "DeleteObject": _object("s3:DeleteObject"),
    "DeleteObjectTagging": _object("s3:DeleteObjectTagging"),
    "GetObject": _object("s3:GetObject"),
    "GetObjectAttributes": _object("s3:GetObject", "s3:GetObjectAttributes"),
    "GetObjectTagging": _object("s3:GetObjectTagging"),
    "HeadObject": _object("s3:GetObject"),
    "ListObjectVersions": _listing("s3:ListBucketVersions"),
    "ListObjects": _listing("s3:ListBucket"),
    "ListObjectsV2": _listing("s3:ListBucket"),
    "PutObject": _body,
    "PutObjectTagging": _object("s3:PutObjectTagging"),
    "UploadPart": _body,
    "UploadPartCopy": _copy,
}
