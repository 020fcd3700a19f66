"""SageMaker Training Job State Change: the description of the job; times are milliseconds as strings."""

from __future__ import annotations

from clary.engine.events.changes.change import Change, Told, millis_text, with_times


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None
    document = change.document
    output = change.request.get("OutputDataConfig") or {}
    detail = {
        **change.request,
        "TrainingJobName": change.name,
        "TrainingJobArn": change.arn,
        "TuningJobArn": document.get("tuning_job"),
        "TrainingJobStatus": change.status,
        "SecondaryStatus": document.get("secondary"),
        "SecondaryStatusTransitions": document.get("transitions") or [],
        "FailureReason": document.get("failure"),
        "CreationTime": change.facts["created_at"],
        "TrainingStartTime": document.get("started"),
        "TrainingEndTime": document.get("ended"),
        "LastModifiedTime": change.facts["updated_at"],
        "Tags": dict(change.tags),
    }
    if output.get("S3OutputPath"):
        folder = f"{output['S3OutputPath'].rstrip('/')}/{change.name}"
        detail["ModelArtifacts"] = {"S3ModelArtifacts": f"{folder}/output/model.tar.gz"}
    return Told("SageMaker Training Job State Change", with_times(detail, millis_text), [change.arn])
