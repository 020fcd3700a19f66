"""The training jobs of a tuning job: made, found again, stopped and read through Clary's own API.

They are ordinary training jobs. The tuning job is the source of the call that creates one; that is how a training job
knows the tuning job it belongs to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clary.base.errors import ApiError, NotServed, ResourceInUse, ResourceNotFound
from clary.definitions.tuning.child import child_request
from clary.definitions.tuning.job import Definition
from clary.engine.own_calls import Actor, OwnCalls
from clary.store import resources
from clary.store.database import Database
from clary.store.resources import Resource
from clary.store.tuning_trials import Trial

KIND = "training-job"
_SERVICE = "sagemaker"


class Children:
    """Of one tuning job. The permission of whoever made it was checked then; calls are the account owner's."""

    def __init__(self, calls: OwnCalls, database: Database, job: Resource) -> None:
        self._calls = calls
        self._database = database
        self._job = job
        self._actor = Actor(job.account, job.region, source_arn=job.arn)

    def start(self, trial: Trial, definition: Definition) -> Trial:
        """The trial with its training job, which is created unless it exists; a refused request fails the trial."""
        request = child_request(
            trial.name, definition.request, trial.parameters, self._job.document.get("tags") or []
        )
        try:
            self._call("CreateTrainingJob", request)
        except ResourceInUse as taken:
            if not self._is_ours(trial.name):
                return self._refused(trial, taken)
        except ApiError as error:
            if error.status >= 500 and not isinstance(error, NotServed):
                raise  # not the request's fault: it is tried again
            return self._refused(trial, error)
        return self.settled(trial) or trial

    def settled(self, trial: Trial) -> Trial | None:
        """A planned trial with its training job, if that exists."""
        row = self.row(trial)
        if row is None:
            return None
        return replace(trial, status="InProgress", arn=row.arn, created_at=row.created_at)

    def stop(self, trial: Trial) -> None:
        self._call("StopTrainingJob", {"TrainingJobName": trial.name})

    def look(self, trial: Trial, row: Resource | None, metric: str) -> Trial:
        """What is known of the trial now."""
        if row is None:
            return replace(trial, status="Failed", failure="InternalServerError: The training job is gone.")
        if row.status == trial.status and trial.started_at is not None:
            return trial
        try:
            told = self._call("DescribeTrainingJob", {"TrainingJobName": trial.name})
        except ResourceNotFound:
            return self.look(trial, None, metric)
        return replace(
            trial,
            status=told["TrainingJobStatus"],
            started_at=told.get("TrainingStartTime"),
            ended_at=told.get("TrainingEndTime"),
            failure=told.get("FailureReason"),
            objective=_objective(told, metric),
        )

    def row(self, trial: Trial) -> Resource | None:
        """The training job's row: cheap to read, and its id tells whose change it was."""
        with self._database.read() as tx:
            return resources.find(tx, self._job.account, self._job.region, KIND, trial.name)

    def _is_ours(self, name: str) -> bool:
        told = self._call("DescribeTrainingJob", {"TrainingJobName": name})
        return bool(told.get("TuningJobArn") == self._job.arn)

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return self._calls(_SERVICE, operation, parameters, self._actor)

    def _refused(self, trial: Trial, error: ApiError) -> Trial:
        """No training job could be made of it: the same as one that failed at once."""
        arn = self._job.arn.replace(f"{self._job.kind}/{self._job.name.lower()}", f"{KIND}/{trial.name.lower()}")
        reason = f"ClientError: The training job could not be created ({error.code}): {error.message}"
        return replace(trial, status="Failed", arn=arn, failure=reason[:1024], ended_at=trial.created_at)


def _objective(told: Mapping[str, Any], metric: str) -> float | None:
    """The final value of the metric. Training jobs that failed have none, whatever they printed before."""
    if told["TrainingJobStatus"] not in {"Completed", "Stopped"}:
        return None
    for item in told.get("FinalMetricDataList") or []:
        if item.get("MetricName") == metric and math.isfinite(item.get("Value", math.nan)):
            return float(item["Value"])
    return None
