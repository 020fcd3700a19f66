"""Training jobs. The engine does the work (engine/training_jobs.py); here a job is created, shown and stopped.

The row's document: `request` as it was sent; `tuning_job` (ARN) when one made it; `secondary` (SecondaryStatus);
`transitions` (list of Status, StartTime, EndTime, StatusMessage); `stop_requested`; later `started`, `ended`,
`failure`, `metrics` (FinalMetricDataList); `reused_by` (name of the job that took its warm pool over),
`pool_given_up` (when).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clary.base.errors import ValidationException
from clary.definitions.algorithm_metrics import metric_definitions
from clary.runtimes.images import split_image, tells_metrics
from clary.services.context import Context
from clary.services.sagemaker import names, warm_pools
from clary.services.sagemaker.experiments import job_components
from clary.services.sagemaker.lineage import automatic
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.training_requests import DEFAULT_MAX_RUNTIME, check_request
from clary.store import resources, work
from clary.store.resources import Resource

KIND = "training-job"
# What AWS describes though the request did not say it; `Estimator.attach` of the SDK reads some of it unasked.
_DEFAULTS = {
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}
_OUTPUT_DEFAULTS = {"KmsKeyId": "", "CompressionType": "GZIP"}


def create_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_request(request)
    request.setdefault("StoppingCondition", {}).setdefault("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
    document = {
        "request": {key: value for key, value in request.items() if key != "Tags"},
        "secondary": "Starting",
        "transitions": [
            {"Status": "Starting", "StartTime": context.now, "StatusMessage": "Starting the training job"}
        ],
    }
    tuning_job = _tuning_job(context)
    if tuning_job:
        document["tuning_job"] = tuning_job
    with context.database.write() as tx:
        check_role(context, tx, request["RoleArn"])
        job = names.add(tx, context, KIND, request["TrainingJobName"], document, "InProgress")
        put_tags(tx, job.arn, request.get("Tags"))
        component = job_components.add(tx, context, job, request)
        automatic.job_created(tx, context, job, component)
        warm_pools.take_over(tx, job, context.now)
        work.enqueue(tx, job, context.now)
    return {"TrainingJobArn": job.arn}


def describe_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        job = names.get(tx, context, KIND, request["TrainingJobName"])
    return {**described(job), "WarmPoolStatus": warm_pools.status_of(job, context.now) or None}


def described(job: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a job."""
    document = job.document
    shown = {
        **_DEFAULTS,
        **document["request"],
        **_own_metrics(document["request"]),
        "OutputDataConfig": output_config(document["request"]["OutputDataConfig"]),
        "TrainingJobArn": job.arn,
        "TuningJobArn": document.get("tuning_job"),
        "TrainingJobStatus": job.status,
        "SecondaryStatus": document["secondary"],
        "SecondaryStatusTransitions": document["transitions"],
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "ModelArtifacts": {"S3ModelArtifacts": artifact_uri(document["request"])},
        "TrainingStartTime": document.get("started"),
        "TrainingEndTime": document.get("ended"),
        "FailureReason": document.get("failure"),
        "FinalMetricDataList": document.get("metrics") or None,
    }
    seconds = seconds_between(document.get("started"), document.get("ended"))
    if seconds is not None:
        shown |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return shown


def _own_metrics(request: dict[str, Any]) -> dict[str, Any]:
    """The algorithm with the metrics of a built-in one, as AWS fills them in; else nothing."""
    given = request.get("AlgorithmSpecification") or {}
    image = given.get("TrainingImage") or ""
    own = (request.get("HyperParameters") or {}, request.get("Environment"), given.get("ContainerEntrypoint"))
    if given.get("MetricDefinitions") or not tells_metrics(image, *own):
        return {}
    return {"AlgorithmSpecification": {**given, "MetricDefinitions": metric_definitions(split_image(image)[0])}}


def output_config(given: dict[str, Any]) -> dict[str, Any]:
    return {**_OUTPUT_DEFAULTS, **given}


def seconds_between(started: datetime | None, ended: datetime | None) -> int | None:
    """What is billed; None while the job has not ended."""
    return max(1, round((ended - started).total_seconds())) if started and ended else None


def list_training_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("ListTrainingJobs", request, "TrainingPlanArnEquals")
    wanted = request.get("WarmPoolStatusEquals")

    def keep(job: Resource) -> bool:
        return warm_pools.status_of(job, context.now).get("Status") == wanted

    def summary(job: Resource) -> dict[str, Any]:
        return _summary(job, context.now)

    return list_page(
        context, request, KIND, member="TrainingJobSummaries", summary=summary, keep=keep if wanted else None
    )


def stop_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Asks the engine to stop the job; a job that has ended already is left as it is."""
    with context.database.write() as tx:
        job = names.get(tx, context, KIND, request["TrainingJobName"])
        if job.status == "InProgress":
            transitions = [dict(step) for step in job.document["transitions"]]
            transitions[-1].setdefault("EndTime", context.now)
            transitions.append(
                {"Status": "Stopping", "StartTime": context.now, "StatusMessage": "Stopping the training job"}
            )
            changed = {**job.document, "secondary": "Stopping", "transitions": transitions, "stop_requested": True}
            job = resources.save(tx, job, document=changed, status="Stopping", now=context.now)
            work.enqueue(tx, job, context.now)
    return {}


def update_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """How long a warm pool is kept; what else could be changed has no effect here."""
    names.refuse_unserved(
        "UpdateTrainingJob", request, "ProfilerConfig", "ProfilerRuleConfigurations", "RemoteDebugConfig"
    )
    if not request.get("ResourceConfig"):
        raise ValidationException("UpdateTrainingJob needs something to update, such as ResourceConfig.")
    with context.database.write() as tx:
        job = names.get(tx, context, KIND, request["TrainingJobName"])
        seconds = request["ResourceConfig"]["KeepAlivePeriodInSeconds"]
        resources.save(tx, job, document=warm_pools.change(job, seconds, context.now), now=context.now)
    return {"TrainingJobArn": job.arn}


def _tuning_job(context: Context) -> str | None:
    """The tuning job on whose behalf the call is made; only Clary's own calls have a source."""
    source = context.condition_keys.get("aws:sourcearn", "")
    return source if isinstance(source, str) and ":hyper-parameter-tuning-job/" in source else None


def _summary(job: Resource, now: datetime) -> dict[str, Any]:
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "TrainingEndTime": job.document.get("ended"),
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.document["secondary"],
        "WarmPoolStatus": warm_pools.status_of(job, now) or None,
    }


def artifact_uri(request: dict[str, Any]) -> str:
    config = request["OutputDataConfig"]
    folder = f"{config.get('S3OutputPath', '').rstrip('/')}/{request['TrainingJobName']}/output"
    return f"{folder}/model/" if config.get("CompressionType") == "NONE" else f"{folder}/model.tar.gz"
