"""Training jobs. The engine does the work (engine/training_jobs.py); here a job is created, shown and stopped.

The row's document: `request` as it was sent; `tuning_job` (ARN) when one made it; `secondary` (SecondaryStatus);
`transitions` (list of Status, StartTime, EndTime, StatusMessage); `stop_requested`; later `started`, `ended`,
`failure`, `artifacts`, `metrics` (FinalMetricDataList).
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import NotServed, ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import job_components
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.store import resources, work
from clary.store.resources import Resource

KIND = "training-job"
_DEFAULT_MAX_RUNTIME = 24 * 60 * 60
# What AWS describes though the request did not say it; `Estimator.attach` of the SDK reads some of it unasked.
_DEFAULTS = {
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}
_OUTPUT_DEFAULTS = {"KmsKeyId": "", "CompressionType": "GZIP"}


def create_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request)
    request.setdefault("StoppingCondition", {}).setdefault("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
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
        job_components.add(tx, context, job, request)
        work.enqueue(tx, job, context.now)
    return {"TrainingJobArn": job.arn}


def describe_training_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(names.get(tx, context, KIND, request["TrainingJobName"]))


def described(job: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a job."""
    document = job.document
    shown = {
        **_DEFAULTS,
        **document["request"],
        "OutputDataConfig": {**_OUTPUT_DEFAULTS, **document["request"]["OutputDataConfig"]},
        "TrainingJobArn": job.arn,
        "TuningJobArn": document.get("tuning_job"),
        "TrainingJobStatus": job.status,
        "SecondaryStatus": document["secondary"],
        "SecondaryStatusTransitions": document["transitions"],
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "ModelArtifacts": {"S3ModelArtifacts": _artifact_uri(document["request"])},
        "TrainingStartTime": document.get("started"),
        "TrainingEndTime": document.get("ended"),
        "FailureReason": document.get("failure"),
        "FinalMetricDataList": document.get("metrics") or None,
    }
    if document.get("started") and document.get("ended"):
        seconds = max(1, round((document["ended"] - document["started"]).total_seconds()))
        shown |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return shown


def list_training_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("ListTrainingJobs", request, "WarmPoolStatusEquals", "TrainingPlanArnEquals")
    return list_page(context, request, KIND, member="TrainingJobSummaries", summary=_summary)


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


def check_request(request: dict[str, Any]) -> None:
    """For tuning jobs, which create training jobs later: raises what `create_training_job` would raise."""
    _refuse(request)


def _tuning_job(context: Context) -> str | None:
    """The tuning job on whose behalf the call is made; only Clary's own calls have a source."""
    source = context.condition_keys.get("aws:sourcearn", "")
    return source if isinstance(source, str) and ":hyper-parameter-tuning-job/" in source else None


def _summary(job: Resource) -> dict[str, Any]:
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.updated_at,
        "TrainingEndTime": job.document.get("ended"),
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.document["secondary"],
    }


def _artifact_uri(request: dict[str, Any]) -> str:
    output = request["OutputDataConfig"].get("S3OutputPath", "").rstrip("/")
    return f"{output}/{request['TrainingJobName']}/output/model.tar.gz"


def _refuse(request: dict[str, Any]) -> None:
    """Parts of the API that this version would otherwise ignore, and combinations that AWS refuses."""
    operation = "CreateTrainingJob"
    names.refuse_unserved(
        operation,
        request,
        "DebugRuleConfigurations",
        "RetryStrategy",
        "CheckpointConfig",
        "SessionChainingConfig",
        "ServerlessJobConfig",
        "MlflowConfig",
        "ModelPackageConfig",
    )
    algorithm = request.get("AlgorithmSpecification")
    if not algorithm or not (algorithm.get("TrainingImage") or algorithm.get("AlgorithmName")):
        raise ValidationException(
            "Either TrainingImage or AlgorithmName must be specified in AlgorithmSpecification."
        )
    names.refuse_unserved(f"{operation} AlgorithmSpecification", algorithm, "AlgorithmName")
    resource_config = request.get("ResourceConfig")
    if not resource_config:
        raise ValidationException("ResourceConfig must be specified.")
    names.refuse_unserved(
        f"{operation} ResourceConfig", resource_config, "InstanceGroups", "KeepAlivePeriodInSeconds"
    )
    if not resource_config.get("InstanceType"):
        raise ValidationException("ResourceConfig must have an InstanceType.")
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise NotServed(f"{operation} with CompressionType NONE is not served by this version of Clary.")
    if not request["OutputDataConfig"].get("S3OutputPath"):
        raise ValidationException("OutputDataConfig must have an S3OutputPath.")
    if resource_config.get("InstanceCount", 1) > 1:
        raise NotServed(f"{operation} with InstanceCount above 1 is not served by this version of Clary.")
    _check_channels(operation, request.get("InputDataConfig") or [], algorithm["TrainingInputMode"])


def _check_channels(operation: str, channels: list[dict[str, Any]], default_mode: str) -> None:
    seen: set[str] = set()
    for channel in channels:
        name = channel["ChannelName"]
        if name in seen:
            raise ValidationException(f"Duplicate channel name {name} in InputDataConfig.")
        seen.add(name)
        source = channel["DataSource"].get("S3DataSource")
        if source is None:
            raise NotServed(f"{operation} with a DataSource other than S3DataSource is not served.")
        if channel.get("InputMode", default_mode) == "Pipe":
            raise NotServed(f"{operation} with InputMode Pipe is not served by this version of Clary.")
        if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
            raise NotServed(f"{operation} with S3DataType {source['S3DataType']} is not served.")
        for member in ("CompressionType", "RecordWrapperType"):
            if channel.get(member, "None") != "None":
                raise NotServed(f"{operation} with {member} {channel[member]} is not served.")
        names.refuse_unserved(f"{operation} channel {name}", channel, "ShuffleConfig")
