"""What a tuning job must fulfil before it is made: everything that would otherwise fail every training job later."""

from __future__ import annotations

from typing import Any

from clary.base.errors import NotServed, ResourceLimitExceeded, ResourceNotFound, ValidationException
from clary.definitions.algorithm_metrics import metric_definitions
from clary.definitions.tuning.child import child_request
from clary.definitions.tuning.job import (
    OBJECTIVE_HYPERPARAMETER,
    definitions_of,
    hyperband_resources,
    objective_of,
    ranges_of,
)
from clary.definitions.tuning.ranges import Categorical, RangeError, Ranges, combinations, read_ranges
from clary.runtimes.images import has_family, split_image, tells_metrics, trains_alone
from clary.services.context import Context
from clary.services.sagemaker import names, training_requests
from clary.services.sagemaker.tuning.trials import KIND
from clary.store import resources
from clary.store.database import Transaction

_OPERATION = "CreateHyperParameterTuningJob"
_MOST_JOBS = 750
_MOST_PARALLEL = 100
_MOST_RANGES = 30
_MOST_HYPERPARAMETERS = 100
_MOST_EPOCHS = 20_000


def check_request(request: dict[str, Any]) -> None:
    """Parts that this version does not serve, and requests that AWS refuses."""
    config = request["HyperParameterTuningJobConfig"]
    names.refuse_unserved(_OPERATION, request, "Autotune")
    criteria = config.get("TuningJobCompletionCriteria") or {}
    if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
        raise NotServed(f"{_OPERATION} with ConvergenceDetected is not served by this version of Clary.")
    _check_shape(request, config)
    found = [_checked_ranges(request, definition) for definition in definitions_of(request)]
    for definition in definitions_of(request):
        _check_definition(request, definition)
        training_requests.check_request(child_request("checked", definition, {}, []))
    _check_limits(config, found)
    _check_strategy(request, config)


def check_parents(context: Context, tx: Transaction, request: dict[str, Any]) -> None:
    """The parents of a warm start exist, have ended, and had the same objective."""
    config = request.get("WarmStartConfig")
    if not config:
        return
    wanted = _objectives(request)
    for parent in config["ParentHyperParameterTuningJobs"]:
        name = parent.get("HyperParameterTuningJobName", "")
        row = resources.find(tx, context.account, context.region, KIND, name)
        if row is None:
            raise ResourceNotFound(f"Requested resource not found: {names.arn(context, KIND, name)}")
        if row.status not in {"Completed", "Stopped", "Failed"}:
            raise ValidationException(f"The parent tuning job {name} has not ended yet; it is {row.status}.")
        if _objectives(row.document["request"]) != wanted:
            raise ValidationException(f"The parent tuning job {name} has another objective.")


def _check_shape(request: dict[str, Any], config: dict[str, Any]) -> None:
    """One definition takes ranges and objective from the job, several have their own."""
    if (request.get("TrainingJobDefinition") is None) == (not request.get("TrainingJobDefinitions")):
        raise ValidationException("Specify either TrainingJobDefinition or TrainingJobDefinitions, and not both.")
    several = request.get("TrainingJobDefinitions") or []
    if not several:
        return
    if config.get("ParameterRanges") or config.get("HyperParameterTuningJobObjective"):
        raise ValidationException(
            "With TrainingJobDefinitions, ranges and objectives belong into HyperParameterRanges and TuningObjective "
            "of each definition, not into HyperParameterTuningJobConfig."
        )
    found = [definition.get("DefinitionName") for definition in several]
    if None in found or len(set(found)) != len(found):
        raise ValidationException("Each of the TrainingJobDefinitions must have a DefinitionName of its own.")


def _checked_ranges(request: dict[str, Any], definition: dict[str, Any]) -> Ranges:
    raw = ranges_of(request, definition)
    names.refuse_unserved(f"{_OPERATION} ParameterRanges", raw, "AutoParameters")
    try:
        ranges = read_ranges(raw)
    except RangeError as error:
        raise ValidationException(str(error)) from error
    if not ranges:
        raise ValidationException("At least one hyperparameter must have a range.")
    if len(ranges) > _MOST_RANGES:
        raise ResourceLimitExceeded(f"At most {_MOST_RANGES} hyperparameters may have ranges.")
    static = definition.get("StaticHyperParameters") or {}
    for item in ranges:
        if item.name in static:
            raise ValidationException(f"The hyperparameter {item.name} has both a range and a static value.")
    if len(static.keys() | {OBJECTIVE_HYPERPARAMETER}) + len(ranges) > _MOST_HYPERPARAMETERS:
        raise ValidationException(f"A training job may have at most {_MOST_HYPERPARAMETERS} hyperparameters.")
    return ranges


def _check_definition(request: dict[str, Any], definition: dict[str, Any]) -> None:
    objective = objective_of(request, definition)
    if objective is None:
        raise ValidationException(
            "An objective must be specified: its metric, and whether to minimize or maximize it."
        )
    types = {(objective_of(request, each) or {}).get("Type") for each in definitions_of(request)}
    if len(types) > 1:
        raise ValidationException("All definitions must have the same type of objective.")
    metrics = [item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions") or []]
    if metrics and objective["MetricName"] not in metrics:
        raise ValidationException(
            f"The objective metric {objective['MetricName']} is not in MetricDefinitions: {', '.join(metrics)}."
        )
    if not metrics and _needs_definitions(definition):
        raise ValidationException(
            "A metric is required for this hyperparameter tuning job objective."
            " Provide a metric in the metric definitions."
        )
    if not metrics:
        _check_own_metric(definition, objective["MetricName"])
    given = definition.get("HyperParameterTuningResourceConfig")
    if bool(given) == bool(definition.get("ResourceConfig")):
        raise ValidationException("Specify either ResourceConfig or HyperParameterTuningResourceConfig.")
    names.refuse_unserved(
        f"{_OPERATION} HyperParameterTuningResourceConfig", given or {}, "InstanceConfigs", "AllocationStrategy"
    )


def _check_limits(config: dict[str, Any], ranges: list[Ranges]) -> None:
    limits = config["ResourceLimits"]
    most = limits.get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        most = _grid_size(ranges, most)
    if most is None:
        raise ValidationException("ResourceLimits must have MaxNumberOfTrainingJobs with this strategy.")
    if most > _MOST_JOBS:
        raise ResourceLimitExceeded(f"A tuning job may have at most {_MOST_JOBS} training jobs, not {most}.")
    if limits["MaxParallelTrainingJobs"] > _MOST_PARALLEL:
        raise ResourceLimitExceeded(f"A tuning job may have at most {_MOST_PARALLEL} training jobs at the same time.")


def _grid_size(ranges: list[Ranges], most: int | None) -> int:
    for item in (item for each in ranges for item in each):
        if not isinstance(item, Categorical):
            raise ValidationException(f"The Grid strategy needs categorical ranges; {item.name} is not categorical.")
    total = sum(combinations(each) or 0 for each in ranges)
    if most is not None and most != total:
        raise ValidationException(
            f"MaxNumberOfTrainingJobs ({most}) must be the number of combinations ({total}) or be left out with the "
            "Grid strategy."
        )
    return total


def _check_strategy(request: dict[str, Any], config: dict[str, Any]) -> None:
    strategy = config["Strategy"]
    if request.get("WarmStartConfig") and strategy not in {"Bayesian", "Random"}:
        raise ValidationException(f"A warm start needs the Bayesian or Random strategy, not {strategy}.")
    if strategy != "Hyperband":
        if config.get("StrategyConfig"):
            raise ValidationException("StrategyConfig belongs to the Hyperband strategy.")
        return
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise ValidationException("TrainingJobEarlyStoppingType must be Off with the Hyperband strategy.")
    found = hyperband_resources(request)
    if found is None:
        raise ValidationException("The Hyperband strategy needs MaxResource, or a static hyperparameter epochs.")
    if found[1] > _MOST_EPOCHS:
        raise ValidationException(f"MaxResource ({found[1]}) is greater than {_MOST_EPOCHS}.")
    if found[0] > found[1]:
        raise ValidationException(f"MinResource ({found[0]}) is greater than MaxResource ({found[1]}).")


def _needs_definitions(definition: dict[str, Any]) -> bool:
    """Not so for images that nothing stands for: their training jobs tell what is wrong."""
    image = definition["AlgorithmSpecification"].get("TrainingImage") or ""
    return has_family(image) and not tells_metrics(
        image, definition.get("StaticHyperParameters") or {}, definition.get("Environment")
    )


def _check_own_metric(definition: dict[str, Any], objective: str) -> None:
    """One that the image's algorithm prints. What a script prints in rounds of XGBoost nobody knows before."""
    image = definition["AlgorithmSpecification"].get("TrainingImage") or ""
    if not trains_alone(image, definition.get("StaticHyperParameters") or {}, definition.get("Environment")):
        return
    own = [item["Name"] for item in metric_definitions(split_image(image)[0])]
    if objective not in own:
        raise ValidationException(
            f"The objective metric for the hyperparameter tuning job, [{objective}], isn't valid for the [{image}] "
            f"algorithm. Choose a valid objective metric from [{', '.join(own)}]."
        )


def _objectives(request: dict[str, Any]) -> set[tuple[str, str]]:
    found = (objective_of(request, definition) or {} for definition in definitions_of(request))
    return {(objective["Type"], objective["MetricName"]) for objective in found}
