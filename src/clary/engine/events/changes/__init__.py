"""State-change events of SageMaker, one module per kind of resource. Pure: from an outbox entry to an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clary.engine.events.changes import (
    deployments,
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

__all__ = ["Change", "events_of"]

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


def events_of(change: Change) -> list[dict[str, Any]]:
    """The events, none for changes that SageMaker does not tell."""
    builders = [_BUILDERS[change.kind]]
    if change.kind == "endpoint":
        builders.append(deployments.told)
    return [_event(change, told) for builder in builders if (told := builder(change)) is not None]


def _event(change: Change, told: Told) -> dict[str, Any]:
    return envelope(
        source="aws.sagemaker",
        detail_type=told.detail_type,
        detail={name: value for name, value in told.detail.items() if value is not None},
        account=change.account,
        region=change.region,
        time=change.at,
        resources=told.resources,
        event_id=derived_id("outbox", change.account, change.entry, told.detail_type),
    )
