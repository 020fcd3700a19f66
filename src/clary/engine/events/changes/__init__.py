"""State-change events of SageMaker, one module per kind of resource. Pure: from an outbox entry to an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clary.engine.events.changes import (
    endpoints,
    model_packages,
    models,
    pipeline_executions,
    pipeline_steps,
    processing_jobs,
    training_jobs,
    transform_jobs,
    tuning_jobs,
)
from clary.engine.events.changes.change import Change, Told
from clary.events.envelope import derived_id, envelope

__all__ = ["Change", "event_of"]

_BUILDERS: Mapping[str, Callable[[Change], Told | None]] = {
    "training-job": training_jobs.told,
    "processing-job": processing_jobs.told,
    "transform-job": transform_jobs.told,
    "hyper-parameter-tuning-job": tuning_jobs.told,
    "endpoint": endpoints.told,
    "model": models.told,
    "model-package": model_packages.told,
    "pipeline-execution": pipeline_executions.told,
    "pipeline-step": pipeline_steps.told,
}


def event_of(change: Change) -> dict[str, Any] | None:
    """The event, or None for changes that SageMaker does not tell."""
    told = _BUILDERS[change.kind](change)
    if told is None:
        return None
    return envelope(
        source="aws.sagemaker",
        detail_type=told.detail_type,
        detail={name: value for name, value in told.detail.items() if value is not None},
        account=change.account,
        region=change.region,
        time=change.at,
        resources=told.resources,
        event_id=derived_id("outbox", change.account, change.entry),
    )
