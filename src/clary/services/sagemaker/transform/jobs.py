"""Transform jobs. The engine does the work (engine/transform_jobs.py); here a job is created, shown and stopped.

The row's document: `request` as it was sent; `model` (the model's container, role and isolation as they were when
the job was created, so that a later DeleteModel does not matter); `role`; `stop_requested`; later `started`,
`ended`, `failure`.
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
from clary.services.sagemaker.transform.checks import check_request
from clary.store import resources, work
from clary.store.resources import Resource

KIND = "transform-job"


def create_transform_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_request(request)
    with context.database.write() as tx:
        model = names.get(tx, context, "model", request["ModelName"]).document["request"]
        role = model.get("ExecutionRoleArn")
        if not role:
            raise ValidationException("The model has no ExecutionRoleArn, so a transform job cannot read its input.")
        check_role(context, tx, role)
        document = {
            "request": {key: value for key, value in request.items() if key != "Tags"},
            "role": role,
            "model": {
                "Container": model.get("PrimaryContainer") or model["Containers"][0],
                "RoleArn": role,
                "Isolated": bool(model.get("EnableNetworkIsolation")),
            },
        }
        job = names.add(tx, context, KIND, request["TransformJobName"], document, "InProgress")
        put_tags(tx, job.arn, request.get("Tags"))
        component = job_components.add(tx, context, job, request)
        automatic.job_created(tx, context, job, component)
        work.enqueue(tx, job, context.now)
    return {"TransformJobArn": job.arn}


def describe_transform_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        job = names.get(tx, context, KIND, request["TransformJobName"])
    return described(job)


def described(job: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a job."""
    return {
        **job.document["request"],
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "TransformStartTime": job.document.get("started"),
        "TransformEndTime": job.document.get("ended"),
        "FailureReason": job.document.get("failure"),
    }


def list_transform_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return list_page(context, request, KIND, member="TransformJobSummaries", summary=_summary, descending=True)


def stop_transform_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Asks the engine to stop the job. Its outputs are not kept."""
    with context.database.write() as tx:
        job = names.get(tx, context, KIND, request["TransformJobName"])
        if job.status in {"Completed", "Failed", "Stopped"}:
            raise ValidationException(
                f"The request was rejected because the transform job is in status {job.status}."
            )
        if job.status == "InProgress":
            changed = {**job.document, "stop_requested": True}
            job = resources.save(tx, job, document=changed, status="Stopping", now=context.now)
            work.enqueue(tx, job, context.now)
    return {}


def _summary(job: Resource) -> dict[str, Any]:
    return {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "CreationTime": job.created_at,
        "TransformEndTime": job.document.get("ended"),
        "LastModifiedTime": job.updated_at,
        "TransformJobStatus": job.status,
        "FailureReason": job.document.get("failure"),
    }
