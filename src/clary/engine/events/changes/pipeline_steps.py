"""SageMaker Model Building Pipeline Execution Step Status Change; members in camelCase, times in ISO form."""

from __future__ import annotations

from typing import Any

from clary.engine.events.changes.change import Change, Told, with_times
from clary.events.envelope import iso_millis


def told(change: Change) -> Told | None:
    if change.what == "removed" or not change.status:
        return None
    document = change.document
    execution = str(change.facts["parent"])
    pipeline = execution.partition("/execution/")[0]
    cache = document.get("cache")
    detail = {
        "metadata": _camel(document.get("metadata") or {}),
        "stepName": change.name,
        "stepType": document.get("type"),
        "stepStartTime": document.get("started") or change.facts["created_at"],
        "stepEndTime": document.get("ended"),
        "currentStepStatus": change.status,
        "previousStepStatus": change.facts["previous_status"] or None,
        "failureReason": document.get("failure"),
        "cacheHitResult": _camel(cache) if isinstance(cache, dict) else None,
        "pipelineArn": pipeline,
        "pipelineExecutionArn": execution,
    }
    name = "SageMaker Model Building Pipeline Execution Step Status Change"
    return Told(name, with_times(detail, iso_millis), [pipeline, execution])


def _camel(value: Any) -> Any:
    """`{"ProcessingJob": {"Arn": ...}}` as `{"processingJob": {"arn": ...}}`."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _camel(item) for name, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
