"""The training jobs of a tuning job as lists and Describe show them, each with its objective and tuned values."""

from __future__ import annotations

from typing import Any

from clary.definitions.tuning.job import definitions_of, objective_of
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.store import resources, tuning_trials
from clary.store.database import Transaction
from clary.store.resources import Resource
from clary.store.tuning_trials import Trial, TrialQuery

KIND = "hyper-parameter-tuning-job"
_SORTS = {"Name": "name", "CreationTime": "created_at", "Status": "status", "FinalObjectiveMetricValue": "objective"}


def list_training_jobs_for_hyper_parameter_tuning_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """By name unless asked otherwise. Sorted by objective, training jobs without one are left out, as at AWS."""
    sort = _SORTS[request.get("SortBy", "Name")]
    order = request.get("SortOrder", "Ascending")
    size = request.get("MaxResults", 10)
    token = request.get("NextToken")
    with context.database.read() as tx:
        job = names.get(tx, context, KIND, request["HyperParameterTuningJobName"])
        scope = f"{job.arn}/{job.id}/{sort}/{order}/{request.get('StatusEquals', '')}"
        query = TrialQuery(
            job.id,
            status=request.get("StatusEquals"),
            sort=sort,
            descending=order == "Descending",
            limit=size + 1,
            after=context.pager.decode(f"List/{KIND}/trials", scope, token) if token else None,
        )
        rows = tuning_trials.page(tx, query)
    page: dict[str, Any] = {"TrainingJobSummaries": [summary(job, trial) for trial in rows[:size]]}
    if len(rows) > size:
        position = tuning_trials.position(rows[size - 1], sort)
        page["NextToken"] = context.pager.encode(f"List/{KIND}/trials", scope, position)
    return page


def best_of(tx: Transaction, job: Resource) -> dict[str, Any] | None:
    """The training job with the best objective so far, while the tuning job runs as well."""
    trial = _best_trial(tx, job)
    return None if trial is None else summary(job, trial)


def overall_best(tx: Transaction, job: Resource) -> dict[str, Any] | None:
    """The best one of this tuning job and its parents, for warm starts with the same data and algorithm."""
    config = job.document["request"].get("WarmStartConfig") or {}
    if config.get("WarmStartType") != "IdenticalDataAndAlgorithm":
        return None
    parents = [parent.get("HyperParameterTuningJobName", "") for parent in config["ParentHyperParameterTuningJobs"]]
    rows = [job, *(resources.find(tx, job.account, job.region, KIND, name) for name in parents)]
    found = [(trial, row) for row in rows if row is not None and (trial := _best_trial(tx, row)) is not None]
    if not found:
        return None
    sign = -1.0 if _objective(job, found[0][0])["Type"] == "Maximize" else 1.0
    trial, row = min(found, key=lambda pair: sign * (pair[0].objective or 0.0))
    return {**summary(row, trial), "TuningJobName": row.name}


def summary(job: Resource, trial: Trial) -> dict[str, Any]:
    """A `HyperParameterTrainingJobSummary`."""
    objective = _objective(job, trial)
    found: dict[str, Any] = {
        "TrainingJobName": trial.name,
        "TrainingJobArn": trial.arn,
        "CreationTime": trial.created_at,
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": trial.parameters,
        "ObjectiveStatus": "Pending" if trial.active else "Failed" if trial.objective is None else "Succeeded",
    }
    if trial.objective is not None:
        found["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": objective["Type"],
            "MetricName": objective["MetricName"],
            "Value": trial.objective,
        }
    optional = {
        "TrainingJobDefinitionName": trial.definition or None,
        "TrainingStartTime": trial.started_at,
        "TrainingEndTime": trial.ended_at,
        "FailureReason": trial.failure,
    }
    return {**found, **{member: value for member, value in optional.items() if value is not None}}


def _best_trial(tx: Transaction, job: Resource) -> Trial | None:
    number = job.document.get("best")
    return None if number is None else tuning_trials.find(tx, job.id, number)


def _objective(job: Resource, trial: Trial) -> dict[str, Any]:
    request = job.document["request"]
    sent = {definition.get("DefinitionName", ""): definition for definition in definitions_of(request)}
    return dict(objective_of(request, sent[trial.definition]) or {})
