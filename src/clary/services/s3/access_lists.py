"""Access control lists: switched off, as in every bucket that S3 makes today.

What they would say is always the same: the owner may do everything. Setting just that is no error; anything else is
AccessControlListNotSupported. Policies decide who else may do what.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import permission
from clary.services.s3.get import find_object
from clary.services.s3.names import own_bucket, owner_of
from clary.store.buckets import Bucket

_HARMLESS = frozenset({"private", "bucket-owner-full-control"})


def get_bucket_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return _owners(own_bucket(context, tx, request))


def put_bucket_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        _check(request, own_bucket(context, tx, request))
    return {}


def get_object_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    permission.check_object(context, request, "s3:GetObjectAcl")
    bucket, _ = find_object(context, request)
    return _owners(bucket)


def put_object_acl(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    permission.check_object(context, request, "s3:PutObjectAcl")
    bucket, _ = find_object(context, request)
    _check(request, bucket)
    return {}


def _owners(bucket: Bucket) -> dict[str, Any]:
    owner = owner_of(bucket.account)
    grant = {"Grantee": {"Type": "CanonicalUser", **owner}, "Permission": "FULL_CONTROL"}
    return {"Owner": owner, "Grants": [grant]}


def _check(request: dict[str, Any], bucket: Bucket) -> None:
    listed = request.get("AccessControlPolicy")
    grants = any(name.startswith("Grant") for name in request)
    if grants or request.get("ACL", "private") not in _HARMLESS or (listed and not _says_owner_only(listed, bucket)):
        raise ApiError("The bucket does not allow ACLs", code="AccessControlListNotSupported", status=400)


def _says_owner_only(listed: dict[str, Any], bucket: Bucket) -> bool:
    grants = listed.get("Grants") or []
    owner = owner_of(bucket.account)["ID"]
    return all(
        entry.get("Permission") == "FULL_CONTROL" and entry.get("Grantee", {}).get("ID") == owner for entry in grants
    )
