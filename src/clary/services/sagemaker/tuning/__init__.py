"""Hyperparameter tuning jobs."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.names import named
from clary.services.sagemaker.tuning import jobs, trials

_arn = named(jobs.KIND, "HyperParameterTuningJobName")

OPERATIONS: Mapping[str, Operation] = {
    "CreateHyperParameterTuningJob": Operation(jobs.create_hyper_parameter_tuning_job, _arn),
    "DeleteHyperParameterTuningJob": Operation(jobs.delete_hyper_parameter_tuning_job, _arn),
    "DescribeHyperParameterTuningJob": Operation(jobs.describe_hyper_parameter_tuning_job, _arn),
    "ListHyperParameterTuningJobs": Operation(jobs.list_hyper_parameter_tuning_jobs),
    "ListTrainingJobsForHyperParameterTuningJob": Operation(
        trials.list_training_jobs_for_hyper_parameter_tuning_job, _arn
    ),
    "StopHyperParameterTuningJob": Operation(jobs.stop_hyper_parameter_tuning_job, _arn),
}
