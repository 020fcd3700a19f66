"""Tuning steps: a tuning job. References may name its training jobs by rank: `TrainingJobSummaries[0]`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clary.engine.pipelines.steps.jobs import JobStep
from clary.engine.pipelines.steps.port import Sight, Task

_TOP = 50


class TuningStep:
    """A job step whose properties are put together from two answers."""

    _job = JobStep("HyperParameterTuningJob", "TuningJob", longest=32, experiments=False)

    def start(self, task: Task) -> Sight:
        return self._job.start(task)

    def look(self, task: Task) -> Sight:
        return self._ranked(task, self._job.look(task))

    def settle(self, task: Task) -> Sight:
        return self._ranked(task, self._job.settle(task))

    def stop(self, task: Task) -> None:
        self._job.stop(task)

    def _ranked(self, task: Task, sight: Sight) -> Sight:
        if sight.status != "Succeeded" or sight.properties is None:
            return sight
        asked: dict[str, Any] = {
            "HyperParameterTuningJobName": sight.properties["HyperParameterTuningJobName"],
            "SortBy": "FinalObjectiveMetricValue",
            "SortOrder": _best_first(sight.properties),
            "MaxResults": _TOP,
        }
        told = task.call("sagemaker", "ListTrainingJobsForHyperParameterTuningJob", asked)
        return replace(sight, properties={**sight.properties, "TrainingJobSummaries": told["TrainingJobSummaries"]})


def _best_first(told: Any) -> str:
    config = told.get("HyperParameterTuningJobConfig") or {}
    objective = config.get("HyperParameterTuningJobObjective") or {}
    return "Ascending" if objective.get("Type") == "Minimize" else "Descending"
