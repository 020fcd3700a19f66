"""SageMaker Model State Change: a model was created or deleted."""

from __future__ import annotations

from clary.engine.events.changes.change import Change, Told, millis, with_times


def told(change: Change) -> Told | None:
    if change.what == "changed":
        return None
    detail = {
        **change.request,
        "ModelName": change.name,
        "ModelArn": change.arn,
        "CreationTime": change.facts["created_at"],
        "Tags": dict(change.tags),
    }
    return Told("SageMaker Model State Change", with_times(detail, millis), [change.arn])
