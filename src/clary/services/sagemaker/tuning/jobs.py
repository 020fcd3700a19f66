"""Tuning jobs: created, shown, listed, stopped and deleted. The engine makes their training jobs (engine/tuning).

The row's document: `request` as it was sent, completed (definitions/tuning/job.py); `tags` for the training jobs;
`counters`, `objectives`, `best` (number of a trial) and `not_improving`, which the engine keeps; later `ended` and
`failure`. Trials are in a table of their own (store/tuning_trials.py).
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ResourceInUse, ValidationException
from clary.definitions.tuning.job import completed, definitions_of
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.tuning import checks, trials
from clary.store import resources, tags, tuning_trials, work
from clary.store.database import Transaction
from clary.store.resources import Resource

KIND = trials.KIND
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_NO_JOBS = {"Completed": 0, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
_NO_OBJECTIVES = {"Succeeded": 0, "Pending": 0, "Failed": 0}
_SHOWN = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobConfig",
    "TrainingJobDefinition",
    "TrainingJobDefinitions",
    "WarmStartConfig",
)


def create_hyper_parameter_tuning_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    checks.check_request(request)
    document = {
        "request": completed({key: value for key, value in request.items() if key != "Tags"}),
        "tags": request.get("Tags") or [],
        "counters": _NO_JOBS,
        "objectives": _NO_OBJECTIVES,
    }
    with context.database.write() as tx:
        for role in sorted({definition["RoleArn"] for definition in definitions_of(request)}):
            check_role(context, tx, role)
        checks.check_parents(context, tx, request)
        job = names.add(tx, context, KIND, request["HyperParameterTuningJobName"], document, "InProgress")
        put_tags(tx, job.arn, request.get("Tags"))
        work.enqueue(tx, job, context.now)
    return {"HyperParameterTuningJobArn": job.arn}


def describe_hyper_parameter_tuning_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(tx, names.get(tx, context, KIND, request["HyperParameterTuningJobName"]))


def described(tx: Transaction, job: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a tuning job."""
    document = job.document
    return {
        **{member: document["request"][member] for member in _SHOWN if member in document["request"]},
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobStatus": job.status,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "HyperParameterTuningEndTime": document.get("ended"),
        "TrainingJobStatusCounters": document["counters"],
        "ObjectiveStatusCounters": document["objectives"],
        "BestTrainingJob": trials.best_of(tx, job),
        "OverallBestTrainingJob": trials.overall_best(tx, job),
        "FailureReason": document.get("failure"),
        "TuningJobCompletionDetails": _completion(document),
        "ConsumedResources": {
            "RuntimeInSeconds": int(((document.get("ended") or job.updated_at) - job.created_at).total_seconds())
        },
    }


def list_hyper_parameter_tuning_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return list_page(
        context, {"SortBy": "Name", **request}, KIND, member="HyperParameterTuningJobSummaries", summary=_summary
    )


def stop_hyper_parameter_tuning_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Asks the engine to stop the training jobs; AWS refuses it for a tuning job that has ended."""
    with context.database.write() as tx:
        job = names.get(tx, context, KIND, request["HyperParameterTuningJobName"])
        if job.status in _ENDED:
            raise ValidationException(f"The tuning job {job.name} cannot be stopped: it is {job.status} already.")
        if job.status == "InProgress":
            job = resources.save(tx, job, status="Stopping", now=context.now)
            work.enqueue(tx, job, context.now)
    return {}


def delete_hyper_parameter_tuning_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Removes the tuning job's own records; its training jobs stay."""
    with context.database.write() as tx:
        job = names.get(tx, context, KIND, request["HyperParameterTuningJobName"])
        if job.status not in _ENDED:
            raise ResourceInUse(f"The tuning job {job.name} is {job.status}; stop it before deleting it.")
        tuning_trials.remove_all(tx, job.id)
        tags.drop_all(tx, job.arn)
        resources.remove(tx, job, now=context.now)
    return {}


def _completion(document: dict[str, Any]) -> dict[str, Any] | None:
    criteria = document["request"]["HyperParameterTuningJobConfig"].get("TuningJobCompletionCriteria") or {}
    if "BestObjectiveNotImproving" not in criteria:
        return None
    return {"NumberOfTrainingJobsObjectiveNotImproving": document.get("not_improving", 0)}


def _summary(job: Resource) -> dict[str, Any]:
    config = job.document["request"]["HyperParameterTuningJobConfig"]
    return {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobStatus": job.status,
        "Strategy": config["Strategy"],
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "HyperParameterTuningEndTime": job.document.get("ended"),
        "TrainingJobStatusCounters": job.document["counters"],
        "ObjectiveStatusCounters": job.document["objectives"],
        "ResourceLimits": config["ResourceLimits"],
    }
