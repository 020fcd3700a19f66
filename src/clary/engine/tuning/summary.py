"""What a tuning job's own row tells of its trials: counters and the number of the best one. Pure.

Lists and the state-change event answer from it, without reading trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clary.definitions.tuning.job import TuningJob
from clary.engine.tuning.plan import best_of, not_improving
from clary.store.resources import Resource
from clary.store.tuning_trials import Trial


def entries(resource: Resource, job: TuningJob, trials: Sequence[Trial]) -> dict[str, Any]:
    """The row's document with a fresh summary."""
    best = best_of(job, trials)
    return {
        **resource.document,
        "counters": _counters(trials),
        "objectives": _objectives(trials),
        "best": best.number if best else None,
        "not_improving": not_improving(job, trials),
    }


def _counters(trials: Sequence[Trial]) -> dict[str, int]:
    """`TrainingJobStatusCounters`. Errors of the platform itself are those that a retry might mend."""
    failed = [trial for trial in trials if trial.status == "Failed"]
    retryable = sum((trial.failure or "").startswith("InternalServerError") for trial in failed)
    return {
        "Completed": sum(trial.status == "Completed" for trial in trials),
        "InProgress": sum(trial.active for trial in trials),
        "RetryableError": retryable,
        "NonRetryableError": len(failed) - retryable,
        "Stopped": sum(trial.status == "Stopped" for trial in trials),
    }


def _objectives(trials: Sequence[Trial]) -> dict[str, int]:
    """`ObjectiveStatusCounters`."""
    return {
        "Succeeded": sum(trial.objective is not None for trial in trials),
        "Pending": sum(trial.active for trial in trials),
        "Failed": sum(trial.ended and trial.objective is None for trial in trials),
    }
