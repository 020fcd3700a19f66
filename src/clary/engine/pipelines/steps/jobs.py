"""What the four kinds of job steps share: create a job of a derived name, watch it to its end, stop it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.base.errors import ApiError, ResourceInUse, ResourceNotFound
from clary.engine.pipelines.steps.port import STOPPED, Sight, Task

_STATUSES: Mapping[str, str] = {
    "InProgress": "Executing",
    "Stopping": "Stopping",
    "Completed": "Succeeded",
    "Failed": "Failed",
    "Stopped": "Stopped",
}


@dataclass(frozen=True, slots=True)
class JobStep:
    """`word` as in CreateTrainingJob; the members of the API's requests and answers follow from it."""

    word: str
    metadata: str
    longest: int = 63
    experiments: bool = True

    def start(self, task: Task) -> Sight:
        request = self._request(task)
        try:
            answer = task.call("sagemaker", f"Create{self.word}", request)
        except ResourceInUse:
            answer = self._ours(task, self._describe(task))
        return Sight("Executing", self._metadata(answer))

    def look(self, task: Task) -> Sight:
        try:
            told = self._describe(task)
        except ResourceNotFound:
            return Sight("Failed", failure="InternalServerError: The job is gone.")
        return self._sight(task, told)

    def settle(self, task: Task) -> Sight:
        try:
            return self._sight(task, self._describe(task))
        except ResourceNotFound:
            return STOPPED

    def stop(self, task: Task) -> None:
        task.call("sagemaker", f"Stop{self.word}", {f"{self.word}Name": self._name(task)})

    def _name(self, task: Task) -> str:
        """A name in the definition is a prefix: definitions that do not want one have none."""
        prefix = task.resolve(task.step.arguments.get(f"{self.word}Name"))
        return task.name(prefix, self.longest)

    def _request(self, task: Task) -> dict[str, Any]:
        request: dict[str, Any] = task.resolve(task.step.arguments)
        request[f"{self.word}Name"] = self._name(task)
        request["Tags"] = [*(request.get("Tags") or []), *task.tags]
        experiment = task.experiment() if self.experiments else None
        if experiment and not request.get("ExperimentConfig"):
            request["ExperimentConfig"] = dict(experiment)
        return request

    def _describe(self, task: Task) -> dict[str, Any]:
        return task.call("sagemaker", f"Describe{self.word}", {f"{self.word}Name": self._name(task)})

    def _ours(self, task: Task, told: dict[str, Any]) -> dict[str, Any]:
        """A job of this name that was there before the step began is somebody else's."""
        if told["CreationTime"] < task.row.created_at:
            raise ApiError(
                f"A job with the name {self._name(task)} already exists.", code="ResourceInUse", status=400
            )
        return told

    def _metadata(self, told: Mapping[str, Any]) -> dict[str, Any]:
        return {self.metadata: {"Arn": told[f"{self.word}Arn"]}}

    def _sight(self, task: Task, told: Mapping[str, Any]) -> Sight:
        status = _STATUSES[told[f"{self.word}Status"]]
        metadata = self._metadata(told)
        if status == "Succeeded":
            return Sight(status, metadata, told)
        if status == "Failed":
            return Sight(status, metadata, told, told.get("FailureReason") or "The job failed.")
        if status == "Stopped" and task.execution.status != "Stopping":
            # Nobody asked the pipeline to stop: what needs this job's result must not go on as if nothing was.
            why = told.get("SecondaryStatus", "Stopped")
            return Sight("Failed", metadata, told, f"ClientError: The job was stopped before its end ({why}).")
        return Sight(status, metadata)
