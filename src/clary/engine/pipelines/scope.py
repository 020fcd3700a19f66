"""What references stand for in one execution: parameters, times, and what its steps have become."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.base.errors import ApiError
from clary.definitions.document import Definition
from clary.definitions.paths import UnresolvedReference, follow
from clary.definitions.references import as_text
from clary.engine.role_objects import RoleObjects
from clary.runtimes.errors import StagingError
from clary.runtimes.sources import parse_s3_uri
from clary.store.resources import Resource

_LARGEST_FILE = 16 * 1024 * 1024


class ExecutionScope:
    """Implements `definitions.references.Scope` for one step. `job_name` is what the step's job is called."""

    def __init__(
        self,
        definition: Definition,
        execution: Resource,
        row: Callable[[str], Resource | None],
        objects: Callable[[], RoleObjects],
        now: datetime,
        job_name: str,
    ) -> None:
        self._definition = definition
        self._execution = execution
        self._row = row
        self._objects = objects
        self._now = now
        self._job_name = job_name

    def parameter(self, name: str) -> Any:
        parameters = self._execution.document["parameters"]
        if name not in parameters:
            raise UnresolvedReference(f"The execution has no parameter {name}.")
        return parameters[name]

    def execution(self, name: str) -> Any:
        known = {
            "PipelineName": self._execution.document["pipeline_name"],
            "PipelineArn": self._execution.parent,
            "PipelineExecutionId": self._execution.name,
            "PipelineExecutionArn": self._execution.arn,
            "StartDateTime": as_text(self._execution.created_at),
            "CurrentDateTime": as_text(self._now),
            "TrainingJobName": self._job_name,
            "ProcessingJobName": self._job_name,
        }
        if name not in known:
            raise UnresolvedReference(f"There is no execution variable {name}.")
        return known[name]

    def experiment(self, name: str) -> Any:
        config = self._execution.document.get("experiment") or {}
        if name not in config:
            raise UnresolvedReference(f"The execution has no {name}: its PipelineExperimentConfig is null.")
        return config[name]

    def properties(self, step: str) -> Mapping[str, Any]:
        row = self._row(step)
        if row is None or row.status != "Succeeded":
            state = row.status if row else "not started"
            raise UnresolvedReference(f"The step {step} has no properties: it is {state}.")
        properties: Mapping[str, Any] = row.document.get("properties") or {}
        return properties

    def property_file(self, step: str, name: str) -> str:
        file = self._definition.steps[step].property_files[name]
        path = ("ProcessingOutputConfig", "Outputs", file.output, "S3Output", "S3Uri")
        uri = follow(self.properties(step), path, f"The property file {name} of the step {step}")
        return self.object_text(f"{str(uri).rstrip('/')}/{file.path}")

    def object_text(self, uri: str) -> str:
        """Read as the execution's role."""
        try:
            bucket, key = parse_s3_uri(uri)
            role = self._objects()
            if role.size(bucket, key) > _LARGEST_FILE:
                raise UnresolvedReference(f"{uri} is too large to be looked into.")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "file"
                role.fetch(bucket, key, path)
                with path.open("rb") as file:
                    return file.read(_LARGEST_FILE).decode("utf-8", "replace")
        except FileNotFoundError as error:
            raise UnresolvedReference(f"There is no object {uri}.") from error
        except (ApiError, StagingError, ValueError) as error:
            raise UnresolvedReference(f"{uri} cannot be read: {error}") from error
