"""CreateBucket, HeadBucket, ListBuckets, DeleteBucket, GetBucketLocation."""

from __future__ import annotations

import re
from typing import Any

from clary.base.errors import AccessDenied, ApiError, NotServed
from clary.services.context import Context
from clary.services.s3 import attributes, errors, settings
from clary.services.s3.names import check_bucket_name, open_bucket, own_bucket, owner_of
from clary.store import buckets, objects, uploads

_OLDEST_REGION = "us-east-1"
_REGION = re.compile(r"EU|[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_MOST_BUCKETS = 10_000


def create_bucket(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """In us-east-1 creating one's own bucket again is no error; elsewhere it is."""
    name = request["Bucket"]
    check_bucket_name(name)
    _refuse_unserved(request)
    tags = (request.get("CreateBucketConfiguration") or {}).get("Tags") or []
    settings.check_tags(tags)
    region = _region_of(context, request)
    with context.database.write() as tx:
        existing = buckets.find(tx, name)
        if existing is None:
            made = buckets.create(tx, account=context.account, region=region, name=name, now=context.now)
            buckets.set_setting(tx, made, settings.TAGS, tags or None)
        elif existing.account != context.account:
            raise ApiError(
                "The requested bucket name is not available. The bucket namespace is shared by all users of the"
                " system. Please select a different name and try again.",
                code="BucketAlreadyExists",
                status=409,
                BucketName=name,
            )
        elif context.region != _OLDEST_REGION or existing.region != _OLDEST_REGION:
            raise ApiError(
                "Your previous request to create the named bucket succeeded and you already own it.",
                code="BucketAlreadyOwnedByYou",
                status=409,
                BucketName=name,
            )
    return {"Location": f"/{name}", "BucketArn": f"arn:aws:s3:::{name}"}


def _refuse_unserved(request: dict[str, Any]) -> None:
    if request.get("ObjectLockEnabledForBucket"):
        raise errors.not_implemented("Clary does not have object locks.")
    if request.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
        raise NotServed(
            f"CreateBucket with ObjectOwnership {request['ObjectOwnership']} is not served by this version of Clary."
        )
    for member in ("Location", "Bucket"):
        if (request.get("CreateBucketConfiguration") or {}).get(member):
            raise NotServed(f"CreateBucket with {member} (directory buckets) is not served by this version of Clary.")
    attributes.refuse_unserved(request)


def head_bucket(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        try:
            bucket = open_bucket(tx, request)
        except AccessDenied:
            raise ApiError("Forbidden", code="403", status=403) from None
        except ApiError:
            raise errors.not_found() from None
    return {"BucketRegion": bucket.region, "BucketArn": f"arn:aws:s3:::{bucket.name}", "AccessPointAlias": False}


def list_buckets(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """All buckets of the account in one answer, unless the caller asks for pages."""
    prefix, region, size = (
        request.get("Prefix", ""),
        request.get("BucketRegion"),
        request.get("MaxBuckets", _MOST_BUCKETS),
    )
    if not 1 <= size <= _MOST_BUCKETS:
        message = f"Argument max-buckets must be an integer between 1 and {_MOST_BUCKETS}"
        raise errors.invalid_argument(message, "max-buckets", size)
    scope = f"{context.account}/{region}/{prefix}"
    token = request.get("ContinuationToken")
    after = context.pager.decode("ListBuckets", scope, token)[0] if token else ""
    with context.database.read() as tx:
        found = buckets.page(tx, context.account, prefix=prefix, region=region, after=after, limit=size + 1)
    answer: dict[str, Any] = {
        "Buckets": [
            {"Name": bucket.name, "CreationDate": bucket.created_at, "BucketRegion": bucket.region}
            for bucket in found[:size]
        ],
        "Owner": owner_of(context.account),
    }
    if prefix:
        answer["Prefix"] = prefix
    if len(found) > size:
        answer["ContinuationToken"] = context.pager.encode("ListBuckets", scope, [found[size - 1].name])
    return answer


def delete_bucket(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Unfinished uploads go with the bucket, objects do not."""
    with context.database.write() as tx:
        bucket = own_bucket(context, tx, request)
        if objects.has_any(tx, bucket):
            message = "The bucket you tried to delete is not empty"
            raise ApiError(message, code="BucketNotEmpty", status=409, BucketName=bucket.name)
        garbage = uploads.remove_all(tx, bucket)
        buckets.remove(tx, bucket)
    context.blobs.delete(garbage)
    return {}


def get_bucket_location(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The oldest region has no name here, as in S3."""
    with context.database.read() as tx:
        bucket = open_bucket(tx, request)
    return {} if bucket.region == _OLDEST_REGION else {"LocationConstraint": bucket.region}


def _region_of(context: Context, request: dict[str, Any]) -> str:
    """The new bucket's region. Only the oldest region makes buckets for others."""
    wanted = (request.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
    if context.region == _OLDEST_REGION:
        if wanted is not None and (wanted == _OLDEST_REGION or not _REGION.fullmatch(wanted)):
            raise ApiError(
                "The specified location-constraint is not valid",
                code="InvalidLocationConstraint",
                status=400,
                LocationConstraint=wanted,
            )
        return {None: _OLDEST_REGION, "EU": "eu-west-1"}.get(wanted, str(wanted))
    if wanted != context.region:
        raise ApiError(
            f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific endpoint this"
            " request was sent to.",
            code="IllegalLocationConstraintException",
            status=400,
        )
    return context.region
