"""What can be searched: which rows, where their properties are, and how each row becomes the record clients get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clary.base.errors import NotServed, ValidationException
from clary.services.sagemaker import endpoints, models, training_jobs
from clary.services.sagemaker.experiments import experiments
from clary.services.sagemaker.experiments.rows import COMPONENT, EXPERIMENT, TRIAL
from clary.services.sagemaker.pipelines import executions, pipelines, versions
from clary.services.sagemaker.registry import groups, packages
from clary.services.sagemaker.search import components, properties
from clary.services.sagemaker.search.places import Batch, Place
from clary.services.sagemaker.tuning import jobs as tuning_jobs
from clary.store.database import Transaction
from clary.store.resources import Resource

Render = Callable[[Transaction, Resource], dict[str, Any]]
_COLUMNS = frozenset({"name", "status", "parent", "created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class Kind:
    """`member` of the SearchRecord; `batches` are properties kept outside of the rows, read for all at once;
    `rendered` those that only a rendered row tells."""

    kind: str
    member: str
    render: Render
    places: Mapping[str, Place]
    batches: Mapping[str, Batch] = field(default_factory=dict)
    rendered: frozenset[str] = frozenset()
    tagged: bool = True

    def column(self, path: str) -> str | None:
        """The column that is the property, if there is one that the database can compare and sort."""
        place = self.places.get(path)
        return place.fields[0] if place and len(place.fields) == 1 and place.fields[0] in _COLUMNS else None

    def folded(self) -> str:
        """The name of the resource, which is compared whatever its case."""
        return next((each for each in self.places if self.column(each) == "name"), "")

    def names(self) -> set[str]:
        return {*self.places, *self.batches, *self.rendered} | ({"Tags"} if self.tagged else set())

    def property_path(self, path: str) -> str:
        """The path with the property spelt as it is; analytics of the SDK sort by `metrics.loss.min`."""
        head, dot, rest = path.partition(".")
        for name in self.names():
            if name.lower() == head.lower():
                return f"{name}{dot}{rest}"
        raise ValidationException(f"Unknown property name: {path}")


def find_kind(resource: str) -> Kind:
    """By the name that Search gives it; NotServed for kinds that do not exist here."""
    found = _KINDS.get(resource)
    if found is None:
        raise NotServed(f"Search with Resource {resource} is not served by this version of Clary.")
    return found


def _alone(described: Callable[[Resource], dict[str, Any]]) -> Render:
    """For kinds whose rows tell everything."""
    return lambda _tx, row: described(row)


def _execution(_tx: Transaction, row: Resource) -> dict[str, Any]:
    return {**executions.described(row), "PipelineParameters": executions.parameter_list(row)}


_KINDS: Mapping[str, Kind] = {
    "TrainingJob": Kind(training_jobs.KIND, "TrainingJob", _alone(training_jobs.described), properties.TRAINING_JOB),
    "HyperParameterTuningJob": Kind(
        "hyper-parameter-tuning-job",
        "HyperParameterTuningJob",
        tuning_jobs.described,
        properties.TUNING_JOB,
        rendered=frozenset(
            {"BestTrainingJob", "OverallBestTrainingJob", "TuningJobCompletionDetails", "ConsumedResources"}
        ),
    ),
    "Experiment": Kind(EXPERIMENT, "Experiment", _alone(experiments.described), properties.EXPERIMENT),
    "ExperimentTrial": Kind(
        TRIAL,
        "Trial",
        components.trial,
        properties.TRIAL,
        {"TrialComponentSummaries": components.summaries},
    ),
    "ExperimentTrialComponent": Kind(
        COMPONENT,
        "TrialComponent",
        components.component,
        properties.COMPONENT,
        {
            "EndTime": components.end_time,
            "Metrics": components.reported,
            "Parents": components.parents,
            "StartTime": components.start_time,
            "Status": components.status,
        },
        rendered=frozenset({"SourceDetail"}),
    ),
    "Endpoint": Kind(
        "endpoint",
        "Endpoint",
        _alone(endpoints.described),
        properties.ENDPOINT,
        rendered=frozenset(
            {"DataCaptureConfig", "MonitoringSchedules", "ProductionVariants", "ShadowProductionVariants"}
        ),
    ),
    # Flat, so that filters find ModelName; the answer has it under Model, as the dashboard's record says.
    "Model": Kind("model", "Model", _alone(models.described), properties.MODEL),
    "ModelPackage": Kind("model-package", "ModelPackage", _alone(packages.described), properties.PACKAGE),
    "ModelPackageGroup": Kind(
        "model-package-group", "ModelPackageGroup", _alone(groups.described), properties.PACKAGE_GROUP
    ),
    "Pipeline": Kind("pipeline", "Pipeline", _alone(pipelines.described), properties.PIPELINE),
    "PipelineExecution": Kind(
        "pipeline-execution", "PipelineExecution", _execution, properties.EXECUTION, tagged=False
    ),
    "PipelineVersion": Kind(
        "pipeline-version", "PipelineVersion", _alone(versions.described), properties.VERSION, tagged=False
    ),
}
