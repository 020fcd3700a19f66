"""The trial component that every job gets: what it was given and what it makes, beside the job's own description.

Called by the handlers that create jobs, in their transaction. What changes while the job runs (status, times, final
metrics) is looked up in the job's row when the component is described.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import metrics, rows
from clary.store import associations, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_LONGEST = 2500
_MOST_PARAMETERS = 300
_MOST_ARTIFACTS = 30
_TYPES = {
    "training-job": "SageMakerTrainingJob",
    "processing-job": "SageMakerProcessingJob",
    "transform-job": "SageMakerTransformJob",
}


def add(tx: Transaction, context: Context, job: Resource, request: dict[str, Any]) -> Resource:
    """Make the component of a new job, and put it into the trial that ExperimentConfig names. An experiment or a
    trial that is not there yet is made: pipelines name theirs after themselves."""
    config = request.get("ExperimentConfig") or {}
    name = f"{job.name.lower()}-aws-{job.kind}"
    document = {
        "DisplayName": config.get("TrialComponentDisplayName") or name,
        "Source": {"SourceArn": job.arn, "SourceType": _TYPES[job.kind]},
        **_PARTS[job.kind](request, job.name),
    }
    if config.get("RunName"):
        document["RunName"] = config["RunName"]
    component = rows.add(tx, context, rows.COMPONENT, name, document, None)
    trial = _trial(tx, context, config)
    if trial is not None:
        associations.join(tx, trial.id, component.id)
    return component


def seen(tx: Transaction, component: Resource) -> dict[str, Any]:
    """What the job's row says now: Status, StartTime, EndTime; nothing for components that people made."""
    job = job_of(tx, component)
    return state(job.status, job.document) if job else {}


def state(status: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Status and times of a component as its job has them; of the document only what is named here."""
    found: dict[str, Any] = {"Status": {"PrimaryStatus": status, "Message": document.get("failure") or ""}}
    for member, entry in (("StartTime", "started"), ("EndTime", "ended")):
        if document.get(entry):
            found[member] = document[entry]
    return found


def final_metrics(tx: Transaction, component: Resource) -> list[dict[str, Any]]:
    """The last values that the job's log has shown, as summaries of one point each."""
    job = job_of(tx, component)
    return metrics.of_job(component.arn, job.document.get("metrics") if job else None)


def job_of(tx: Transaction, component: Resource) -> Resource | None:
    """The job that the component was made for, if it still exists."""
    source = component.document.get("Source", {}).get("SourceArn")
    return resources.find_by_arn(tx, source) if source else None


def _trial(tx: Transaction, context: Context, config: dict[str, Any]) -> Resource | None:
    """The trial that the configuration names; with an experiment alone there is none."""
    experiment = _ensure(tx, context, rows.EXPERIMENT, config.get("ExperimentName"), {})
    if experiment is None:
        known = config.get("TrialName")
        return names.get(tx, context, rows.TRIAL, known) if known else None
    trial = _ensure(tx, context, rows.TRIAL, config.get("TrialName"), {"ExperimentName": experiment.name})
    if trial is not None:
        associations.join(tx, experiment.id, trial.id)
    return trial


def _ensure(
    tx: Transaction, context: Context, kind: str, name: str | None, document: dict[str, Any]
) -> Resource | None:
    if not name:
        return None
    found = resources.find(tx, context.account, context.region, kind, name)
    return found or rows.add(tx, context, kind, name, document, None)


def _training(request: dict[str, Any], name: str) -> dict[str, Any]:
    config = request["ResourceConfig"]
    parameters = {
        **(request.get("HyperParameters") or {}),
        "SageMaker.ImageUri": request["AlgorithmSpecification"].get("TrainingImage", ""),
        "SageMaker.InstanceType": config.get("InstanceType", ""),
        "SageMaker.InstanceCount": str(config.get("InstanceCount", 1)),
    }
    inputs = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in request.get("InputDataConfig") or []
    }
    output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return _document(parameters, inputs, {"SageMaker.ModelArtifact": f"{output}/{name}/output/model.tar.gz"})


def _processing(request: dict[str, Any], _name: str) -> dict[str, Any]:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    parameters = {
        **(request.get("Environment") or {}),
        "SageMaker.ImageUri": request["AppSpecification"]["ImageUri"],
        "SageMaker.InstanceType": cluster["InstanceType"],
        "SageMaker.InstanceCount": str(cluster["InstanceCount"]),
    }
    inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in request.get("ProcessingInputs") or []}
    listed = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    return _document(parameters, inputs, {item["OutputName"]: item["S3Output"]["S3Uri"] for item in listed})


def _transform(request: dict[str, Any], _name: str) -> dict[str, Any]:
    machines = request["TransformResources"]
    parameters = {
        "SageMaker.ModelName": request["ModelName"],
        "SageMaker.InstanceType": machines["InstanceType"],
        "SageMaker.InstanceCount": str(machines["InstanceCount"]),
    }
    source = request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    output = request["TransformOutput"]["S3OutputPath"]
    return _document(parameters, {"SageMaker.TransformInput": source}, {"SageMaker.TransformOutput": output})


_PARTS = {"training-job": _training, "processing-job": _processing, "transform-job": _transform}


def _document(parameters: dict[str, str], inputs: dict[str, str], outputs: dict[str, str]) -> dict[str, Any]:
    chosen = list(parameters.items())[:_MOST_PARAMETERS]
    return {
        "Parameters": {name: _value(text) for name, text in chosen},
        "InputArtifacts": _artifacts(inputs),
        "OutputArtifacts": _artifacts(outputs),
    }


def _artifacts(uris: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"Value": uri[:_LONGEST]} for name, uri in list(uris.items())[:_MOST_ARTIFACTS] if uri}


def _value(text: str) -> dict[str, Any]:
    """Numbers are kept as such, so that Search can compare them."""
    try:
        number = float(text)
    except ValueError:
        return {"StringValue": text[:_LONGEST]}
    return {"NumberValue": number} if abs(number) < float("inf") else {"StringValue": text[:_LONGEST]}
