"""SageMaker Processing Job State Change: as described; enum values of inputs in upper snake case, times in ms."""

from __future__ import annotations

from typing import Any

from clary.engine.events.changes.change import Change, Told, millis, with_times
from clary.engine.events.changes.words import upper_snake

_ENUMS = frozenset(
    {
        "S3DataType",
        "S3InputMode",
        "S3DataDistributionType",
        "S3CompressionType",
        "S3UploadMode",
        "InputMode",
        "DataDistributionType",
    }
)


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None
    request = dict(change.request)
    document = change.document
    for member in ("ProcessingInputs", "ProcessingOutputConfig"):
        if member in request:
            request[member] = _in_upper_case(request[member])
    detail = {
        **request,
        "ProcessingJobName": change.name,
        "ProcessingJobArn": change.arn,
        "ProcessingJobStatus": change.status,
        "FailureReason": document.get("failure"),
        "ExitMessage": document.get("exit_message"),
        "CreationTime": change.facts["created_at"],
        "ProcessingStartTime": document.get("started"),
        "ProcessingEndTime": document.get("ended"),
        "LastModifiedTime": change.facts["updated_at"],
        "Tags": dict(change.tags),
    }
    return Told("SageMaker Processing Job State Change", with_times(detail, millis), [change.arn])


def _in_upper_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: upper_snake(item) if name in _ENUMS and isinstance(item, str) else _in_upper_case(item)
            for name, item in value.items()
        }
    return [_in_upper_case(item) for item in value] if isinstance(value, list) else value
