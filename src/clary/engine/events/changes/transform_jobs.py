"""SageMaker Transform Job State Change: as described; times in ISO form."""

from __future__ import annotations

from clary.engine.events.changes.change import Change, Told, with_times
from clary.events.envelope import iso_millis


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None
    document = change.document
    detail = {
        **change.request,
        "TransformJobName": change.name,
        "TransformJobArn": change.arn,
        "TransformJobStatus": change.status,
        "FailureReason": document.get("failure"),
        "CreationTime": change.facts["created_at"],
        "TransformStartTime": document.get("started"),
        "TransformEndTime": document.get("ended"),
        "Tags": dict(change.tags),
    }
    return Told("SageMaker Transform Job State Change", with_times(detail, iso_millis), [change.arn])
