"""A pipeline's definition as it was sent, read into steps and parameters, and checked as a whole.

What is wrong with it is told at CreatePipeline, not in the middle of the first execution: unknown steps and
parameters in references, cycles, members that are missing, kinds of steps that are not served.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from clary.base.errors import NotServed, ValidationException
from clary.definitions.caching import CachePolicy, read_cache_policy
from clary.definitions.checks import check_references, check_step
from clary.definitions.order import find_cycle
from clary.definitions.parameters import fitting
from clary.definitions.retries import read_retries

VERSION = "2020-12-01"
_LARGEST = 1024 * 1024
_MOST_STEPS = 5000
_DEEPEST = 10
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_PLAIN_MEMBERS = frozenset(  # of steps, in which no references stand
    {"Name", "Type", "DependsOn", "CacheConfig", "RetryPolicies", "PropertyFiles", "DisplayName", "Description"}
)
_MEMBERS = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps", "MlflowConfig"})
# What AWS assumes when the definition does not speak of experiments; null means none.
_DEFAULT_EXPERIMENT = {
    "ExperimentName": {"Get": "Execution.PipelineName"},
    "TrialName": {"Get": "Execution.PipelineExecutionId"},
}
_PARAMETER_TYPES = frozenset({"String", "Integer", "Float", "Boolean"})

SERVED = frozenset(
    {
        "Processing",
        "Training",
        "Tuning",
        "Transform",
        "Model",
        "RegisterModel",
        "Condition",
        "Fail",
        "Lambda",
        "Callback",
        "EndpointConfig",
        "Endpoint",
    }
)
KNOWN = SERVED | {
    "AutoML",
    "QualityCheck",
    "ClarifyCheck",
    "EMR",
    "EMRServerless",
    "InferenceComponent",
    "Lineage",
    "ForEach",
    "Athena",
    "Cleanup",
    "HubContent",
    "Job",
    "BedrockCustomModel",
    "BedrockCustomModelDeployment",
    "BedrockProvisionedModelThroughput",
    "BedrockModelImport",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter. `default` is None when a value must be given at the start."""

    name: str
    type: str
    default: Any = None
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class PropertyFile:
    """A JSON file among the outputs of a processing step, which conditions may look into."""

    name: str
    output: str
    path: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `branch` is (condition step, outcome) for steps that only run when a condition has that outcome.

    `needs` are the steps that must have succeeded before: those named in DependsOn and in references, and the
    condition. `after` are steps inside a condition that DependsOn names: they must have ended too, if they run.
    """

    name: str
    type: str
    arguments: Any = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    branch: tuple[str, bool] | None = None
    display_name: str | None = None
    description: str | None = None
    cache: CachePolicy | None = None
    retries: tuple[Mapping[str, Any], ...] = ()
    property_files: Mapping[str, PropertyFile] = field(default_factory=lambda: MappingProxyType({}))
    raw: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole definition. `steps` are in an order in which nothing comes before what it needs."""

    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]
    experiment: Mapping[str, Any] | None = None


def read_definition(text: str) -> Definition:
    """Read and check; ValidationException (or NotServed for a kind of step) with what is wrong."""
    document = _parse(text)
    parameters = _parameters(document.get("Parameters") or [])
    experiment = document.get("PipelineExperimentConfig", _DEFAULT_EXPERIMENT)
    if experiment is not None and not isinstance(experiment, Mapping):
        raise _invalid("PipelineExperimentConfig must be an object.")
    raw = list(_flatten(document.get("Steps"), None, 0))
    if not raw:
        raise _invalid("The pipeline has no steps.")
    if len(raw) > _MOST_STEPS:
        raise _invalid(f"The pipeline has more than {_MOST_STEPS} steps.")
    steps = _steps(raw)
    for step in steps.values():
        check_step(step, steps)
    check_references(experiment, "PipelineExperimentConfig", steps, parameters)
    return Definition(parameters, _ordered(_with_needs(steps, parameters)), experiment)


def _parse(text: str) -> Mapping[str, Any]:
    if len(text.encode("utf-8", "surrogatepass")) > _LARGEST:
        raise _invalid("It is larger than 1 MiB.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"It is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise _invalid("It must be a JSON object.")
    if document.get("Version") != VERSION:
        raise _invalid(f"Version must be {VERSION!r}, but is {document.get('Version')!r}.")
    unknown = sorted(set(document) - _MEMBERS)
    if unknown:
        raise _invalid(f"Unknown members: {', '.join(unknown)}.")
    if document.get("MlflowConfig") is not None:  # version 3 of the SDK always sends the member, mostly null
        raise NotServed("CreatePipeline with MlflowConfig is not served by this version of Clary.")
    return document


def _parameters(listed: Any) -> dict[str, Parameter]:
    if not isinstance(listed, list):
        raise _invalid("Parameters must be a list.")
    found: dict[str, Parameter] = {}
    for entry in listed:
        name, kind = (entry.get("Name"), entry.get("Type")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or kind not in _PARAMETER_TYPES:
            raise _invalid(f"A parameter needs a Name and a Type of {', '.join(sorted(_PARAMETER_TYPES))}.")
        if name in found:
            raise _invalid(f"The parameter {name} is declared twice.")
        found[name] = _parameter(name, kind, entry.get("DefaultValue"), entry.get("EnumValues") or [])
    return found


def _parameter(name: str, kind: str, default: Any, choices: Any) -> Parameter:
    if not isinstance(choices, list):
        raise _invalid(f"EnumValues of the parameter {name} must be a list.")
    parameter = Parameter(name, kind, default, tuple(choices))
    if default is not None:
        try:
            fitting(parameter, default)
        except ValidationException as error:
            raise _invalid(error.message) from error
    return parameter


def _flatten(
    listed: Any, branch: tuple[str, bool] | None, depth: int
) -> Iterator[tuple[dict[str, Any], tuple[str, bool] | None]]:
    """Every step with the branch it belongs to, those inside conditions behind them."""
    if not isinstance(listed, list):
        raise _invalid("Steps must be a list.")
    if depth > _DEEPEST:
        raise _invalid(f"Conditions are nested more than {_DEEPEST} deep.")
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("Name"), str):
            raise _invalid("Every step must be an object with a Name.")
        yield entry, branch
        if entry.get("Type") == "Condition" and isinstance(entry.get("Arguments"), dict):
            for member, outcome in (("IfSteps", True), ("ElseSteps", False)):
                yield from _flatten(entry["Arguments"].get(member) or [], (entry["Name"], outcome), depth + 1)


def _steps(raw: list[tuple[dict[str, Any], tuple[str, bool] | None]]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    taken: set[str] = set()
    for entry, branch in raw:
        name, kind = entry["Name"], entry.get("Type")
        if not _NAME.fullmatch(name):
            raise _invalid(f"{name[:80]!r} is no name for a step: letters, digits, hyphens, underscores; at most 64.")
        if name.lower() in taken:
            raise _invalid(f"Two steps have the name {name}.")
        taken.add(name.lower())
        if kind not in KNOWN:
            raise _invalid(f"The step {name} has the unknown Type {kind!r}.")
        if kind not in SERVED:
            raise NotServed(f"Pipeline steps of Type {kind} (step {name}) are not served by this version of Clary.")
        steps[name] = _step(entry, branch)
    return steps


def _step(entry: dict[str, Any], branch: tuple[str, bool] | None) -> Step:
    name = entry["Name"]
    arguments = entry.get("Arguments")
    if entry["Type"] == "Condition" and isinstance(arguments, dict):
        arguments = {key: value for key, value in arguments.items() if key not in {"IfSteps", "ElseSteps"}}
    depends = entry.get("DependsOn") or []
    if not isinstance(depends, list) or not all(isinstance(item, str) for item in depends):
        raise _invalid(f"DependsOn of the step {name} must be a list of names.")
    return Step(
        name=name,
        type=entry["Type"],
        arguments={} if arguments is None else arguments,
        branch=branch,
        display_name=entry.get("DisplayName"),
        description=entry.get("Description"),
        cache=read_cache_policy(name, entry.get("CacheConfig")),
        retries=read_retries(name, entry.get("RetryPolicies")),
        property_files=_property_files(name, entry.get("PropertyFiles") or []),
        raw={key: value for key, value in entry.items() if key != "Arguments"},
    )


def _property_files(step: str, listed: Any) -> dict[str, PropertyFile]:
    found = {}
    for entry in listed if isinstance(listed, list) else [None]:
        members = ("PropertyFileName", "OutputName", "FilePath")
        if not isinstance(entry, dict) or not all(isinstance(entry.get(member), str) for member in members):
            raise _invalid(f"A property file of the step {step} needs {', '.join(members)}.")
        name, output, path = (entry[member] for member in members)
        found[name] = PropertyFile(name, output, path)
    return found


def _with_needs(steps: Mapping[str, Step], parameters: Mapping[str, Parameter]) -> dict[str, Step]:
    """Steps with what they need: references and DependsOn; a Condition in DependsOn means its branches as well."""
    inside: dict[str, set[str]] = {name: set() for name in steps}
    for step in steps.values():
        if step.branch:
            inside[step.branch[0]].add(step.name)
    found = {}
    for step in steps.values():
        values = [step.arguments, _outside(step.raw)]
        needs = set(check_references(values, f"The step {step.name}", steps, parameters))
        above, after = _conditions_above(step, steps), set[str]()
        for name in step.raw.get("DependsOn") or []:
            needs.add(name)
            if name not in above:
                after |= _all_inside(name, inside) - {step.name}
        if step.branch:
            needs.add(step.branch[0])
        found[step.name] = replace(step, needs=frozenset(needs), after=frozenset(after - needs))
    return found


def _outside(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a step besides its arguments in which references may stand."""
    return {key: value for key, value in raw.items() if key not in _PLAIN_MEMBERS}


def _all_inside(name: str, inside: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for child in inside.get(name, ()):
        found |= {child, *_all_inside(child, inside)}
    return found


def _conditions_above(step: Step, steps: Mapping[str, Step]) -> set[str]:
    """Conditions whose branches the step is in: to depend on one of them means on the decision alone."""
    found: set[str] = set()
    while step.branch is not None:
        found.add(step.branch[0])
        step = steps[step.branch[0]]
    return found


def _ordered(steps: Mapping[str, Step]) -> dict[str, Step]:
    needs = {name: step.needs | step.after for name, step in steps.items()}
    cycle, order = find_cycle(needs)
    if cycle:
        raise _invalid(f"The steps {' -> '.join(cycle)} wait for each other.")
    return {name: steps[name] for name in order}


def _invalid(text: str) -> ValidationException:
    return ValidationException(f"Invalid pipeline definition: {text}")
