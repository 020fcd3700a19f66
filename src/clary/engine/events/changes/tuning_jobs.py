"""SageMaker HyperParameter Tuning Job State Change: status, counters and what the job was created with."""

from __future__ import annotations

from clary.engine.events.changes.change import Change, Told, millis, with_times


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None
    document = change.document
    detail = {
        **change.request,
        "HyperParameterTuningJobName": change.name,
        "HyperParameterTuningJobArn": change.arn,
        "HyperParameterTuningJobStatus": change.status,
        "TrainingJobStatusCounters": document.get("counters"),
        "ObjectiveStatusCounters": document.get("objectives"),
        "FailureReason": document.get("failure"),
        "CreationTime": change.facts["created_at"],
        "HyperParameterTuningEndTime": document.get("ended"),
        "LastModifiedTime": change.facts["updated_at"],
        "Tags": dict(change.tags),
    }
    return Told("SageMaker HyperParameter Tuning Job State Change", with_times(detail, millis), [change.arn])
