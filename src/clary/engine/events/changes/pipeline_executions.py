"""SageMaker Model Building Pipeline Execution Status Change; members in camelCase, times in ISO form."""

from __future__ import annotations

from clary.engine.events.changes.change import Change, Told, with_times
from clary.events.envelope import iso_millis

_ENDED = frozenset({"Succeeded", "Failed", "Stopped"})


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None
    document = change.document
    pipeline = str(change.facts["parent"]) or change.arn.partition("/execution/")[0]
    ended = document.get("ended") or (change.facts["updated_at"] if change.status in _ENDED else None)
    detail = {
        "pipelineExecutionDisplayName": document.get("display_name") or change.name,
        "currentPipelineExecutionStatus": change.status,
        "previousPipelineExecutionStatus": change.facts["previous_status"] or None,
        "executionStartTime": document.get("started") or change.facts["created_at"],
        "executionEndTime": ended,
        "pipelineArn": pipeline,
        "pipelineExecutionArn": change.arn,
        "failureReason": document.get("failure"),
    }
    name = "SageMaker Model Building Pipeline Execution Status Change"
    return Told(name, with_times(detail, iso_millis), [pipeline, change.arn])
