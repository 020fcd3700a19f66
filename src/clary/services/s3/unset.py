"""Settings that no bucket of Clary has: what S3 says of a bucket for which they were never made.

The operations that would make them are refused by name, so these answers are true. Tools that look at every setting
of a bucket before they change one need them. Called through the dispatch table.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3.names import open_bucket, own_bucket


def nothing(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Logging and acceleration are off; a deletion changes nothing."""
    _check(context, request)
    return {}


def get_bucket_request_payment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(context, request)
    return {"Payer": "BucketOwner"}


def list_configurations(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Of analytics, inventories, metrics or tiering."""
    _check(context, request)
    return {"IsTruncated": False}


def get_bucket_replication(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(context, request)
    raise _missing(request, "ReplicationConfigurationNotFoundError", "The replication configuration was not found")


def get_bucket_website(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(context, request)
    message = "The specified bucket does not have a website configuration"
    raise _missing(request, "NoSuchWebsiteConfiguration", message)


def get_object_lock_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(context, request)
    message = "Object Lock configuration does not exist for this bucket"
    raise _missing(request, "ObjectLockConfigurationNotFoundError", message)


def get_object_lock(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The retention or the legal hold of an object."""
    with context.database.read() as tx:
        open_bucket(tx, request)
    raise ApiError("Bucket is missing Object Lock Configuration", code="InvalidRequest", status=400)


def _check(context: Context, request: dict[str, Any]) -> None:
    with context.database.read() as tx:
        own_bucket(context, tx, request)


def _missing(request: dict[str, Any], code: str, message: str) -> ApiError:
    return ApiError(message, code=code, status=404, BucketName=request["Bucket"])
