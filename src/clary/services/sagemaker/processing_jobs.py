"""Processing jobs. The engine does the work (engine/processing_jobs.py); here a job is created, shown and stopped.

The row's document: `request` as it was sent; `stop_requested`; later `started`, `ended`, `failure`,
`exit_message`.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import job_components
from clary.services.sagemaker.lineage import automatic
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.store import resources, work
from clary.store.resources import Resource

KIND = "processing-job"
_DEFAULT_MAX_RUNTIME = 24 * 60 * 60
_ROOT = "/opt/ml/processing/"


def create_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request)
    request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": _DEFAULT_MAX_RUNTIME})
    document = {"request": {key: value for key, value in request.items() if key != "Tags"}}
    with context.database.write() as tx:
        check_role(context, tx, request["RoleArn"])
        job = names.add(tx, context, KIND, request["ProcessingJobName"], document, "InProgress")
        put_tags(tx, job.arn, request.get("Tags"))
        component = job_components.add(tx, context, job, request)
        automatic.job_created(tx, context, job, component)
        work.enqueue(tx, job, context.now)
    return {"ProcessingJobArn": job.arn}


def describe_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        job = names.get(tx, context, KIND, request["ProcessingJobName"])
    return described(job)


def described(job: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a job."""
    return {
        **job.document["request"],
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": job.status,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "ProcessingStartTime": job.document.get("started"),
        "ProcessingEndTime": job.document.get("ended"),
        "FailureReason": job.document.get("failure"),
        "ExitMessage": job.document.get("exit_message"),
    }


def list_processing_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return list_page(context, request, KIND, member="ProcessingJobSummaries", summary=_summary)


def stop_processing_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Asks the engine to stop the job; a job that has ended already is left as it is."""
    with context.database.write() as tx:
        job = names.get(tx, context, KIND, request["ProcessingJobName"])
        if job.status == "InProgress":
            changed = {**job.document, "stop_requested": True}
            job = resources.save(tx, job, document=changed, status="Stopping", now=context.now)
            work.enqueue(tx, job, context.now)
    return {}


def _summary(job: Resource) -> dict[str, Any]:
    return {
        "ProcessingJobName": job.name,
        "ProcessingJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "ProcessingEndTime": job.document.get("ended"),
        "ProcessingJobStatus": job.status,
        "FailureReason": job.document.get("failure"),
        "ExitMessage": job.document.get("exit_message"),
    }


def _refuse(request: dict[str, Any]) -> None:
    """Parts of the API that this version would otherwise ignore, and combinations that AWS refuses."""
    operation = "CreateProcessingJob"
    cluster = request["ProcessingResources"]["ClusterConfig"]
    names.refuse_unserved(f"{operation} ClusterConfig", cluster, "InstancePreferences")
    if not cluster.get("InstanceType") or not cluster.get("InstanceCount"):
        raise ValidationException("ClusterConfig must have an InstanceType and an InstanceCount.")
    for item in request.get("ProcessingInputs", []):
        names.refuse_unserved(operation, item, "DatasetDefinition", "AppManaged")
        _check_input(item)
    for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", []):
        names.refuse_unserved(operation, item, "FeatureStoreOutput", "AppManaged")
        _check_output(item)


def _check_input(item: dict[str, Any]) -> None:
    source = item.get("S3Input")
    if not source:
        raise ValidationException(f"ProcessingInput {item['InputName']} must have an S3Input.")
    _check_path(item["InputName"], source.get("LocalPath", ""))
    if source.get("S3CompressionType") == "Gzip" and source.get("S3InputMode") != "Pipe":
        raise ValidationException(
            f"S3CompressionType Gzip of {item['InputName']} can only be used with S3InputMode Pipe."
        )


def _check_output(item: dict[str, Any]) -> None:
    target = item.get("S3Output")
    if not target:
        raise ValidationException(f"ProcessingOutput {item['OutputName']} must have an S3Output.")
    _check_path(item["OutputName"], target.get("LocalPath", ""))


def _check_path(name: str, path: str) -> None:
    parts = path.split("/")
    if not path.startswith(_ROOT) or ".." in parts:
        raise ValidationException(f"LocalPath of {name} must start with {_ROOT}, but is {path!r}.")
