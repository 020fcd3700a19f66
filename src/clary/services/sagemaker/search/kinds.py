"""What can be searched: which rows, and how each becomes the record that filters look at and clients get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clary.base.errors import NotServed
from clary.services.sagemaker import endpoints, models, training_jobs
from clary.services.sagemaker.experiments import components, experiments, trials
from clary.services.sagemaker.experiments.rows import COMPONENT, EXPERIMENT, TRIAL
from clary.services.sagemaker.pipelines import executions, pipelines, versions
from clary.services.sagemaker.registry import groups, packages
from clary.services.sagemaker.tuning import jobs as tuning_jobs
from clary.store import associations, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

Render = Callable[[Transaction, Resource], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`member` of the SearchRecord; `columns` are properties that the table itself can filter by and sort."""

    kind: str
    member: str
    render: Render
    columns: Mapping[str, str]


def find_kind(resource: str) -> Kind:
    """By the name that Search gives it; NotServed for kinds that do not exist here."""
    found = _KINDS.get(resource)
    if found is None:
        raise NotServed(f"Search with Resource {resource} is not served by this version of Clary.")
    return found


def _columns(prefix: str, *, status: str = "", parent: str = "") -> dict[str, str]:
    columns = {f"{prefix}Name": "name", "CreationTime": "created_at", "LastModifiedTime": "updated_at"}
    if status:
        columns[status] = "status"
    if parent:
        columns[parent] = "parent"
    return columns


def _component(tx: Transaction, row: Resource) -> dict[str, Any]:
    """With the trials and experiments that it is part of."""
    found = [resources.find_by_id(tx, above) for above in sorted(associations.above_of(tx, row.id))]
    parents = [
        {"TrialName": trial.name, "ExperimentName": trial.document["ExperimentName"]} for trial in found if trial
    ]
    return {**components.described(tx, row), "Parents": parents}


def _training_job(_tx: Transaction, row: Resource) -> dict[str, Any]:
    """Final metrics also under the name that people search by: `Metrics.<name>`. It is no member of the answer."""
    record = training_jobs.described(row)
    return {**record, "Metrics": record.get("FinalMetricDataList")}


def _execution(_tx: Transaction, row: Resource) -> dict[str, Any]:
    return {**executions.described(row), "PipelineParameters": executions.parameter_list(row)}


def _model(_tx: Transaction, row: Resource) -> dict[str, Any]:
    """Flat, so that filters find ModelName; the answer has it under Model, as the dashboard's record says."""
    return models.described(row)


_KINDS: Mapping[str, Kind] = {
    "TrainingJob": Kind(
        "training-job",
        "TrainingJob",
        _training_job,
        _columns("TrainingJob", status="TrainingJobStatus"),
    ),
    "HyperParameterTuningJob": Kind(
        "hyper-parameter-tuning-job",
        "HyperParameterTuningJob",
        tuning_jobs.described,
        _columns("HyperParameterTuningJob", status="HyperParameterTuningJobStatus"),
    ),
    "Experiment": Kind(EXPERIMENT, "Experiment", lambda _tx, row: experiments.described(row), _columns("Experiment")),
    "ExperimentTrial": Kind(TRIAL, "Trial", lambda _tx, row: trials.described(row), _columns("Trial")),
    "ExperimentTrialComponent": Kind(COMPONENT, "TrialComponent", _component, _columns("TrialComponent")),
    "Endpoint": Kind(
        "endpoint",
        "Endpoint",
        lambda _tx, row: endpoints.described(row),
        _columns("Endpoint", status="EndpointStatus"),
    ),
    "Model": Kind("model", "Model", _model, _columns("Model")),
    "ModelPackage": Kind(
        "model-package",
        "ModelPackage",
        lambda _tx, row: packages.described(row),
        {"CreationTime": "created_at", "LastModifiedTime": "updated_at", "ModelPackageStatus": "status"},
    ),
    "ModelPackageGroup": Kind(
        "model-package-group",
        "ModelPackageGroup",
        lambda _tx, row: groups.described(row),
        _columns("ModelPackageGroup", status="ModelPackageGroupStatus"),
    ),
    "Pipeline": Kind(
        "pipeline",
        "Pipeline",
        lambda _tx, row: pipelines.described(row),
        _columns("Pipeline", status="PipelineStatus"),
    ),
    "PipelineExecution": Kind(
        "pipeline-execution",
        "PipelineExecution",
        _execution,
        {
            "CreationTime": "created_at",
            "LastModifiedTime": "updated_at",
            "PipelineArn": "parent",
            "PipelineExecutionStatus": "status",
        },
    ),
    "PipelineVersion": Kind(
        "pipeline-version",
        "PipelineVersion",
        lambda _tx, row: versions.described(row),
        {"CreationTime": "created_at", "LastModifiedTime": "updated_at", "PipelineArn": "parent"},
    ),
}
