"""A tuning job as its request describes it: strategy, objective, limits, criteria and the definitions to train.

The request has been completed by `completed`; what is left out in it has the defaults that AWS describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.definitions.tuning.child import resources_of
from clary.definitions.tuning.ranges import Ranges, combinations, read_ranges

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
_RANGE_LISTS = ("CategoricalParameterRanges", "ContinuousParameterRanges", "IntegerParameterRanges")
_EPOCH_NAMES = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyperparameters from which Hyperband learns MaxResource when it is not given."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One of the definitions from which training jobs are made. `name` is empty for the only one without a name."""

    name: str
    metric: str
    ranges: Ranges
    request: Mapping[str, Any]

    @property
    def regex(self) -> str | None:
        """How the objective is found in the log, if the definition says it."""
        return regex_of(self.request, self.metric)


@dataclass(frozen=True, slots=True)
class TuningJob:
    """What the search and the plan need to know. `target` is the value of the objective that is good enough."""

    strategy: str
    maximize: bool
    definitions: tuple[Definition, ...]
    max_jobs: int
    max_parallel: int
    max_seconds: int | None
    target: float | None
    max_not_improving: int | None
    seed: int
    early_stopping: bool
    resources: tuple[int, int] | None

    def loss(self, objective: float) -> float:
        """The objective so that less is better."""
        return -objective if self.maximize else objective


def definitions_of(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The definitions as they were sent, whichever of the two members they came in."""
    one = request.get("TrainingJobDefinition")
    return [one] if one is not None else list(request.get("TrainingJobDefinitions") or [])


def ranges_of(request: Mapping[str, Any], definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `ParameterRanges` that count for a definition: its own, or those of the whole job."""
    found: Mapping[str, Any] = (
        definition.get("HyperParameterRanges")
        or request["HyperParameterTuningJobConfig"].get("ParameterRanges")
        or {}
    )
    return found


def objective_of(request: Mapping[str, Any], definition: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The objective that counts for a definition."""
    found: Mapping[str, Any] | None = definition.get("TuningObjective") or request[
        "HyperParameterTuningJobConfig"
    ].get("HyperParameterTuningJobObjective")
    return found


def regex_of(definition: Mapping[str, Any], metric: str) -> str | None:
    """The regular expression of a metric among the MetricDefinitions; the last one of several counts."""
    known = definition["AlgorithmSpecification"].get("MetricDefinitions") or []
    return {item["Name"]: item["Regex"] for item in known}.get(metric)


def completed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with what AWS fills in: empty lists of ranges, metric lists, and the objective's hyperparameter."""
    config = dict(request["HyperParameterTuningJobConfig"])
    config.setdefault("TrainingJobEarlyStoppingType", "Off")
    if config.get("ParameterRanges") is not None:
        config["ParameterRanges"] = _all_lists(config["ParameterRanges"])
    whole = {**request, "HyperParameterTuningJobConfig": config}
    if request.get("TrainingJobDefinition") is not None:
        whole["TrainingJobDefinition"] = _complete_definition(request, request["TrainingJobDefinition"])
    else:
        whole["TrainingJobDefinitions"] = [_complete_definition(request, each) for each in definitions_of(request)]
    return whole


def read_tuning_job(request: Mapping[str, Any], seed: int) -> TuningJob:
    """From a completed and checked request; `seed` counts when the request has none."""
    config = request["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    criteria = config.get("TuningJobCompletionCriteria") or {}
    sent = definitions_of(request)
    definitions = tuple(_definition(request, each) for each in sent)
    return TuningJob(
        strategy=config["Strategy"],
        maximize=(objective_of(request, sent[0]) or {})["Type"] == "Maximize",
        definitions=definitions,
        max_jobs=limits.get("MaxNumberOfTrainingJobs") or sum(combinations(d.ranges) or 0 for d in definitions),
        max_parallel=limits["MaxParallelTrainingJobs"],
        max_seconds=limits.get("MaxRuntimeInSeconds"),
        target=criteria.get("TargetObjectiveMetricValue"),
        max_not_improving=(criteria.get("BestObjectiveNotImproving") or {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        ),
        seed=config.get("RandomSeed", seed),
        early_stopping=config.get("TrainingJobEarlyStoppingType") == "Auto",
        resources=hyperband_resources(request) if config["Strategy"] == "Hyperband" else None,
    )


def hyperband_resources(request: Mapping[str, Any]) -> tuple[int, int] | None:
    """Least and most emissions of the objective (epochs) for one training job; None when nothing tells the most."""
    config = request["HyperParameterTuningJobConfig"].get("StrategyConfig") or {}
    given = config.get("HyperbandStrategyConfig") or {}
    most = given.get("MaxResource") or _epochs(definitions_of(request))
    return None if most is None else (given.get("MinResource", 1), most)


def _epochs(definitions: list[dict[str, Any]]) -> int | None:
    for definition in definitions:
        static = definition.get("StaticHyperParameters") or {}
        for name in _EPOCH_NAMES:
            text = static.get(name, "").strip('"')
            if text.isascii() and text.isdigit() and 0 < int(text[:9]) < 10**8:
                return int(text[:9])
    return None


def _definition(request: Mapping[str, Any], sent: Mapping[str, Any]) -> Definition:
    objective = objective_of(request, sent) or {}
    ranges = read_ranges(ranges_of(request, sent))
    return Definition(sent.get("DefinitionName", ""), objective["MetricName"], ranges, sent)


def _complete_definition(request: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    objective = objective_of(request, sent)
    static = dict(sent.get("StaticHyperParameters") or {})
    if objective:
        static[OBJECTIVE_HYPERPARAMETER] = objective["MetricName"]
    algorithm = {"MetricDefinitions": [], **sent["AlgorithmSpecification"]}
    definition = {
        **sent,
        "StaticHyperParameters": static,
        "AlgorithmSpecification": algorithm,
        "ResourceConfig": resources_of(sent),  # read by `HyperparameterTuner.attach`, which sent the other member
    }
    if sent.get("HyperParameterRanges") is not None:
        definition["HyperParameterRanges"] = _all_lists(sent["HyperParameterRanges"])
    return definition


def _all_lists(ranges: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: [] for name in _RANGE_LISTS}, **{name: value for name, value in ranges.items() if value}}
