"""S3's own errors, worded as S3 words them. Everything else that can go wrong is in `base.errors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.base.errors import AccessDenied, ApiError


def no_such_bucket(name: str) -> ApiError:
    return ApiError("The specified bucket does not exist", code="NoSuchBucket", status=404, BucketName=name)


def no_such_key(key: str) -> ApiError:
    return ApiError("The specified key does not exist.", code="NoSuchKey", status=404, Key=key)


def under_marker(key: str) -> ApiError:
    """The key is free, and that is so because a delete marker lies over it."""
    message = "The specified key does not exist."
    return ApiError(message, code="NoSuchKey", status=404, Key=key, DeleteMarker="true")


def no_such_version(key: str, version: str) -> ApiError:
    message = "The specified version does not exist."
    return ApiError(message, code="NoSuchVersion", status=404, Key=key, VersionId=version)


def is_marker(method: str) -> ApiError:
    """A delete marker has no bytes, headers or tags."""
    message = "The specified method is not allowed against this resource."
    return ApiError(
        message, code="MethodNotAllowed", status=405, Method=method, ResourceType="DeleteMarker", DeleteMarker="true"
    )


def no_such_upload(upload_id: str) -> ApiError:
    return ApiError(
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
        " completed.",
        code="NoSuchUpload",
        status=404,
        UploadId=upload_id,
    )


def access_denied() -> AccessDenied:
    return AccessDenied("Access Denied")


def not_found(members: Mapping[str, Any] | None = None) -> ApiError:
    """What HEAD answers: it has no body, so the status (and a header for `DeleteMarker`) is all a client sees."""
    return ApiError("Not Found", code="404", status=404, **(members or {}))


def precondition_failed(condition: str) -> ApiError:
    message = "At least one of the pre-conditions you specified did not hold"
    return ApiError(message, code="PreconditionFailed", status=412, Condition=condition)


def not_modified(etag: str) -> ApiError:
    return ApiError("Not Modified", code="NotModified", status=304, ETag=etag)


def invalid_argument(message: str, name: str, value: Any) -> ApiError:
    return ApiError(message, code="InvalidArgument", status=400, ArgumentName=name, ArgumentValue=str(value))


def invalid_request(message: str) -> ApiError:
    return ApiError(message, code="InvalidRequest", status=400)


def malformed_xml() -> ApiError:
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return ApiError(message, code="MalformedXML", status=400)


def not_implemented(message: str) -> ApiError:
    return ApiError(message, code="NotImplemented", status=501)
