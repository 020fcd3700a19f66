"""What every step must have, and that its references lead to something. For `document`, which reads definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from clary.base.errors import ValidationException
from clary.definitions.conditions import check_conditions
from clary.definitions.paths import Part, UnresolvedReference, read_path
from clary.definitions.references import EXECUTION_VARIABLES, EXPERIMENT_VARIABLES

_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Processing": ("ProcessingResources", "AppSpecification", "RoleArn"),
    "Training": ("AlgorithmSpecification", "OutputDataConfig", "RoleArn"),
    "Tuning": ("HyperParameterTuningJobConfig",),
    "Transform": ("ModelName", "TransformInput", "TransformOutput", "TransformResources"),
    "RegisterModel": (),
    "Model": (),
    "Condition": ("Conditions",),
    "Fail": ("ErrorMessage",),
    "EndpointConfig": ("ProductionVariants",),
    "Endpoint": ("EndpointConfigName",),
}
_REQUIRED_BESIDE: Mapping[str, tuple[str, ...]] = {"Lambda": ("FunctionArn",), "Callback": ("SqsQueueUrl",)}


class CheckedStep(Protocol):
    """What is looked at of a step."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def arguments(self) -> Any: ...

    @property
    def raw(self) -> Mapping[str, Any]: ...

    @property
    def property_files(self) -> Mapping[str, Any]: ...


def check_step(step: CheckedStep, steps: Mapping[str, CheckedStep]) -> None:
    """Members that must be there, and names in DependsOn."""
    if not isinstance(step.arguments, dict):
        raise invalid(f"Arguments of the step {step.name} must be an object.")
    for member in _REQUIRED.get(step.type, ()):
        if member not in step.arguments:
            raise invalid(f"The {step.type} step {step.name} needs {member} in its Arguments.")
    for member in _REQUIRED_BESIDE.get(step.type, ()):
        if member not in step.raw:
            raise invalid(f"The {step.type} step {step.name} needs {member}.")
    for name in step.raw.get("DependsOn") or []:
        if name not in steps or name == step.name:
            raise invalid(f"The step {step.name} depends on {name!r}, which is no other step of this pipeline.")
        if steps[name].type == "Fail":
            raise invalid(f"The step {step.name} cannot depend on {name}: a Fail step ends the execution.")
    if step.type == "Condition":
        check_conditions(step.name, step.arguments["Conditions"])
    for name, file in step.property_files.items():
        if file.output not in _outputs(step.arguments):
            raise invalid(f"The property file {name} of the step {step.name} is in no output {file.output} of it.")


def _outputs(arguments: Mapping[str, Any]) -> list[Any]:
    """Names of a processing job's outputs."""
    config = arguments.get("ProcessingOutputConfig")
    listed = config.get("Outputs") if isinstance(config, dict) else None
    return (
        [entry.get("OutputName") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )


def check_references(
    value: Any, where: str, steps: Mapping[str, CheckedStep], parameters: Mapping[str, Any]
) -> set[str]:
    """The steps that references inside `value` lead to; ValidationException for one that leads nowhere."""
    needed: set[str] = set()
    _check_functions(value, where)
    for reference in references_in(value):
        head, _, rest = reference.partition(".")
        if head == "Parameters":
            if rest not in parameters:
                raise invalid(f"{where} refers to {reference}, but there is no such parameter.")
        elif head == "Execution":
            if rest not in EXECUTION_VARIABLES:
                raise invalid(f"{where} refers to {reference}, but there is no such execution variable.")
        elif head == "PipelineExperimentConfig":
            if rest not in EXPERIMENT_VARIABLES:
                raise invalid(f"{where} refers to {reference}, which is neither ExperimentName nor TrialName.")
        elif head == "Steps":
            needed.add(_step_of(reference, where, steps))
        else:
            raise invalid(f"{where} has the reference {reference!r}, which is of no known kind.")
    return needed


def references_in(value: Any) -> Iterator[str]:
    """The texts of all {"Get": ...} inside a value."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
            return
        for entry in value.values():
            yield from references_in(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from references_in(entry)


def _step_of(reference: str, where: str, steps: Mapping[str, CheckedStep]) -> str:
    try:
        _, name, *rest = read_path(reference)
    except (UnresolvedReference, ValueError) as error:
        raise invalid(f"{where} has the reference {reference!r}, which is not a path.") from error
    step = steps.get(str(name))
    if step is None:
        raise invalid(f"{where} refers to {reference}, but there is no step {name}.")
    if rest[:1] == ["PropertyFiles"] and (len(rest) != 2 or rest[1] not in step.property_files):
        raise invalid(f"{where} refers to {reference}, but the step {name} has no such property file.")
    if _is_dangling(step, rest):
        raise invalid(f"{where} refers to {reference}, but the step {name} has no such output.")
    return step.name


def _is_dangling(step: CheckedStep, path: list[Part]) -> bool:
    """Whether the path names an output that the step does not declare. What else it may become is not known yet."""
    if step.type in _REQUIRED_BESIDE and path[:1] == ["OutputParameters"] and len(path) > 1:
        listed = step.raw.get("OutputParameters") or []
        return path[1] not in [entry.get("OutputName") for entry in listed if isinstance(entry, dict)]
    if step.type == "Processing" and path[:2] == ["ProcessingOutputConfig", "Outputs"] and len(path) > 2:
        names = _outputs(step.arguments)
        if not all(isinstance(name, str) for name in names):
            return False  # a name that is a reference itself
        return not -len(names) <= path[2] < len(names) if isinstance(path[2], int) else path[2] not in names
    return False


def _check_functions(value: Any, where: str) -> None:
    """The form of Std:Join and Std:JsonGet; there are no others."""
    if isinstance(value, list):
        for entry in value:
            _check_functions(entry, where)
    if not isinstance(value, dict):
        return
    for word, inner in value.items():
        if len(value) == 1 and isinstance(word, str) and word.startswith("Std:"):
            _check_function(word, inner if isinstance(inner, dict) else {}, where)
        _check_functions(inner, where)


def _check_function(word: str, inner: Mapping[str, Any], where: str) -> None:
    if word == "Std:Join":
        if not isinstance(inner.get("Values"), list):
            raise invalid(f"Std:Join in {_inside(where)} needs a list of Values.")
    elif word == "Std:JsonGet":
        if "Path" not in inner or ("PropertyFile" in inner) == ("S3Uri" in inner):
            raise invalid(f"Std:JsonGet in {_inside(where)} needs a Path, and either PropertyFile or S3Uri.")
    else:
        raise invalid(f"{where} has {word[:80]}, which is no known function.")


def _inside(where: str) -> str:
    return where[:1].lower() + where[1:] if where.startswith("The ") else where


def invalid(text: str) -> ValidationException:
    return ValidationException(f"Invalid pipeline definition: {text}")
