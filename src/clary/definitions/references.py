"""Replacing references by what they stand for: Get, Std:Join, Std:JsonGet.

`Scope` is what an execution knows; the engine implements it. Nothing here reads anything by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from clary.definitions.paths import UnresolvedReference, follow, read_path

EXECUTION_VARIABLES = frozenset(
    {
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "StartDateTime",
        "CurrentDateTime",
        "TrainingJobName",
        "ProcessingJobName",
    }
)
EXPERIMENT_VARIABLES = frozenset({"ExperimentName", "TrialName"})

__all__ = ["EXECUTION_VARIABLES", "EXPERIMENT_VARIABLES", "Scope", "UnresolvedReference", "resolve"]


class Scope(Protocol):
    """What references may stand for in one execution. Each may raise UnresolvedReference."""

    def parameter(self, name: str) -> Any: ...

    def execution(self, name: str) -> Any: ...

    def experiment(self, name: str) -> Any: ...

    def properties(self, step: str) -> Mapping[str, Any]:
        """What the step has become: the Describe answer of what it made, OutputParameters ..."""

    def property_file(self, step: str, name: str) -> str:
        """Text of a property file."""

    def object_text(self, uri: str) -> str:
        """Text of an object in S3."""


def resolve(value: Any, scope: Scope) -> Any:
    """A copy of `value` with every reference replaced."""
    if isinstance(value, list):
        return [resolve(entry, scope) for entry in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((word, inner),) = value.items()
        if word == "Get" and isinstance(inner, str):
            return _get(inner, scope)
        if word == "Std:Join" and isinstance(inner, dict):
            return _join(inner, scope)
        if word == "Std:JsonGet" and isinstance(inner, dict):
            return _json_get(inner, scope)
    return {key: resolve(entry, scope) for key, entry in value.items()}


def as_text(value: Any) -> str:
    """A value as part of a joined text: numbers and truth values as JSON writes them, times in ISO form."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return json.dumps(value, default=str)


def _get(reference: str, scope: Scope) -> Any:
    head, _, rest = reference.partition(".")
    if head == "Parameters":
        return scope.parameter(rest)
    if head == "Execution":
        return scope.execution(rest)
    if head == "PipelineExperimentConfig":
        return scope.experiment(rest)
    if head == "Steps":
        _, step, *path = read_path(reference)
        return follow(scope.properties(str(step)), path, reference)
    raise UnresolvedReference(f"{reference!r} is a reference of no known kind.")


def _join(inner: dict[str, Any], scope: Scope) -> str:
    values = inner.get("Values") or []
    return as_text(inner.get("On", "")).join([as_text(resolve(value, scope)) for value in values])


def _json_get(inner: dict[str, Any], scope: Scope) -> Any:
    path = str(resolve(inner.get("Path", ""), scope))
    if "PropertyFile" in inner:
        reference = inner["PropertyFile"]
        text = reference.get("Get", "") if isinstance(reference, dict) else str(reference)
        _, step, _, name = read_path(text)
        content, where = scope.property_file(str(step), str(name)), f"The property file {name} of the step {step}"
    else:
        uri = str(resolve(inner.get("S3Uri", ""), scope))
        content, where = scope.object_text(uri), uri
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnresolvedReference(f"{where} is not JSON: {error}") from error
    return follow(document, read_path(path), f"{where}, asked for {path!r},")
