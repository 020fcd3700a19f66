"""What every step must have, and that its references lead to something. For `document`, which reads definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from clary.base.errors import ValidationException
from clary.definitions.conditions import check_conditions
from clary.definitions.paths import UnresolvedReference, read_path
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
            raise invalid(f"{step.name} can not depends on {name}: a Fail step ends the execution.")
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
    return step.name


def invalid(text: str) -> ValidationException:
    return ValidationException(f"Invalid pipeline definition: {text}")
