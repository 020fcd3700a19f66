"""What CreateTransformJob refuses: combinations that AWS refuses too, and parts that this version does not do."""

from __future__ import annotations

import re
from typing import Any

from clary.base.errors import NotServed, ValidationException

OPERATION = "CreateTransformJob"
_MOST_MEGABYTES = 100
_INDEX = r"-?\d{1,9}"
_BRACKET = (
    rf"\*|{_INDEX}(?:,{_INDEX})*|(?:{_INDEX})?:(?:{_INDEX})?(?::(?:{_INDEX})?)?"
    r"|'[^']*'(?:,\s*'[^']*')*|\"[^\"]*\"(?:,\s*\"[^\"]*\")*"
)
_PATH = re.compile(rf"\$(?:\.(?:\*|[^.\[\]'\"*\s]+)|\[(?:{_BRACKET})\])*")
_PROCESSED = frozenset(
    {"text/csv", "application/json", "application/jsonlines", "application/x-jsonlines", "application/jsonl"}
)


def check_request(request: dict[str, Any]) -> None:
    """Raises ValidationException or NotServed."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
        raise NotServed(f"{OPERATION} with S3DataType {source['S3DataType']} is not served by this version of Clary.")
    _check_payload(request)
    if request.get("BatchStrategy") and _split_type(request) == "None" and request["BatchStrategy"] == "SingleRecord":
        raise ValidationException("BatchStrategy SingleRecord needs a SplitType other than None.")
    _check_processing(request)


def _check_payload(request: dict[str, Any]) -> None:
    megabytes = request.get("MaxPayloadInMB", 6)
    if megabytes > _MOST_MEGABYTES:
        raise ValidationException(f"MaxPayloadInMB must not be above {_MOST_MEGABYTES}.")
    if max(1, request.get("MaxConcurrentTransforms", 1)) * megabytes > _MOST_MEGABYTES:
        raise ValidationException(f"MaxConcurrentTransforms * MaxPayloadInMB must not be above {_MOST_MEGABYTES} MB.")


def _check_processing(request: dict[str, Any]) -> None:
    processing = request.get("DataProcessing") or {}
    for member in ("InputFilter", "OutputFilter"):
        expression = processing.get(member)
        if expression and not _PATH.fullmatch(expression.strip()):
            raise ValidationException(f"{member} {expression!r} is not a JSONPath expression that can be used.")
    if processing.get("JoinSource", "None") == "Input":
        _check_join(request)


def _check_join(request: dict[str, Any]) -> None:
    source, target = request["TransformInput"], request["TransformOutput"]
    if not source.get("ContentType") or _media_type(source.get("ContentType")) != _media_type(target.get("Accept")):
        raise ValidationException("With JoinSource Input, ContentType and Accept must be given and be the same.")
    if _media_type(source["ContentType"]) not in _PROCESSED:
        raise ValidationException(f"JoinSource Input does not support the ContentType {source['ContentType']}.")
    if _split_type(request) != target.get("AssembleWith", "None"):
        raise ValidationException("With JoinSource Input, SplitType and AssembleWith must be the same.")


def _split_type(request: dict[str, Any]) -> str:
    return str(request["TransformInput"].get("SplitType", "None"))


def _media_type(value: str | None) -> str:
    return (value or "").split(";", 1)[0].strip().lower()
