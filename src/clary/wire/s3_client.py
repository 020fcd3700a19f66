"""Another S3, spoken to through botocore: what jobs and endpoints need of objects, and calls that are passed on.

Loaded only where an installation is told to keep its objects elsewhere: botocore's client costs memory and time.
Paths are in path style, because most servers that speak S3 have no names for their buckets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.session import Session

from clary.base.errors import ApiError
from clary.base.log import get_logger
from clary.wire.http import Stream

log = get_logger(__name__)

_PIECE = 1024 * 1024
_PART = 64 * 1024 * 1024
_FORBIDDEN = 403
# Faults of the key that come with another status or with none, and what else comes with this one.
_KEY_FAULTS = frozenset({"InvalidToken", "ExpiredToken", "AuthorizationHeaderMalformed", "AccessDenied"})
_OTHER_FAULTS = frozenset({"InvalidObjectState", "QuotaExceeded"})
_UNSET = (None, None, None, None)


class S3Client:
    """All methods raise ApiError with the code and status of the other side; but that it refuses this installation's
    key is no fault of whoever calls, and told as 503. Threads may share one."""

    def __init__(self, endpoint_url: str, region: str, access_key_id: str, secret_access_key: str) -> None:
        # The user's own profile and configuration file are for other programs.
        session = Session(session_vars={"profile": _UNSET, "config_file": (None, None, os.devnull, None)})
        self._client = session.create_client(
            "s3",
            region_name=region,
            endpoint_url=endpoint_url,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=10,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 5},
                max_pool_connections=32,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        """(key, size, ETag) of every object below the prefix, in the order of the keys."""
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Bucket=bucket, Prefix=prefix, **token)
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["Size"], entry["ETag"].strip('"')
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def size(self, bucket: str, key: str) -> int:
        return int(self._call("head_object", Bucket=bucket, Key=key)["ContentLength"])

    def get(self, bucket: str, key: str, target: Path) -> None:
        """Into a new file, which is there only when all of it has come."""
        answer = self._call("get_object", Bucket=bucket, Key=key)
        try:
            with target.open("xb") as file:
                for piece in answer["Body"].iter_chunks(_PIECE):
                    file.write(piece)
        except BotoCoreError as error:
            target.unlink(missing_ok=True)
            raise _unreachable(error) from error

    def put(self, bucket: str, key: str, file: Any, size: int) -> None:
        """From an open file; large ones in parts."""
        if size <= _PART:
            self._call("put_object", Bucket=bucket, Key=key, Body=file)
            return
        named = {"Bucket": bucket, "Key": key}
        upload = {**named, "UploadId": self._call("create_multipart_upload", **named)["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            while body := file.read(_PART):
                number = len(parts) + 1
                etag = self._call("upload_part", **upload, PartNumber=number, Body=body)["ETag"]
                parts.append({"PartNumber": number, "ETag": etag})
            self._call("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
        except BaseException:
            self._call("abort_multipart_upload", **upload)
            raise

    def perform(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Any operation, by its name in the API; the body of an object comes as a `Stream`."""
        answer = self._call(xform_name(operation), **request)
        answer.pop("ResponseMetadata", None)
        if operation == "DeleteObjects":
            answer = {**answer, "Errors": [_own(entry) for entry in answer.get("Errors") or []]}
        if operation == "GetObject":
            answer["Body"] = Stream(answer["Body"], answer["ContentLength"])
        return answer

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as error:
            told, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            if _is_of_key(status, told.get("Code", "")):
                raise _refused(told, request.get("Bucket", "")) from error
            raise ApiError(told.get("Message", ""), code=told.get("Code", ""), status=status) from error
        except ParamValidationError as error:
            raise ApiError(str(error), code="InvalidRequest", status=400) from error
        except BotoCoreError as error:
            raise _unreachable(error) from error
        return answer


def _unreachable(error: Exception) -> ApiError:
    message = f"The S3 that this installation uses did not answer: {error}"
    return ApiError(message, code="ServiceUnavailable", status=503)


def _is_of_key(status: int, code: str) -> bool:
    return code in _KEY_FAULTS or (status == _FORBIDDEN and code not in _OTHER_FAULTS)


def _refused(told: Mapping[str, Any], bucket: str) -> ApiError:
    code, words = told.get("Code") or "403", told.get("Message") or ""
    log.error("the other S3 refuses this installation's key", extra={"bucket": bucket, "code": code, "reason": words})
    message = (
        f"The S3 that this installation uses refuses its key ({code}: {words}). Whoever runs Clary finds the settings"
        " in CLARY_S3_ACCESS_KEY_ID, CLARY_S3_SECRET_ACCESS_KEY and CLARY_S3_REGION; the key needs the right to do"
        " this there."
    )
    return ApiError(message, code="ServiceUnavailable", status=503)


def _own(entry: dict[str, Any]) -> dict[str, Any]:
    """What became of one key of many."""
    if entry.get("Code") not in _KEY_FAULTS:
        return entry
    refused = _refused(entry, "")
    return {**entry, "Code": refused.code, "Message": refused.message}
