"""Endpoint steps: create the endpoint, or update the one of that name, and wait until it is in service."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.engine.pipelines.steps.port import STOPPED, Sight, Task

_BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
_CREATE_ONLY = frozenset({"Tags"})


class EndpointStep:
    """Decides by what the endpoint is, so that a repeated start does nothing twice."""

    def start(self, task: Task) -> Sight:
        request = self._request(task)
        told = self._describe(task, request["EndpointName"])
        if told is None:
            tagged = {**request, "Tags": [*(request.get("Tags") or []), *task.tags]}
            answer = task.call("sagemaker", "CreateEndpoint", tagged)
        elif told["EndpointStatus"] in _BUSY:
            # Ours from before a crash, or somebody else's deployment: it has to end first.
            return Sight("Starting")
        elif told["EndpointConfigName"] == request["EndpointConfigName"] and told["EndpointStatus"] == "InService":
            answer = told
        else:
            changes = {name: value for name, value in request.items() if name not in _CREATE_ONLY}
            answer = task.call("sagemaker", "UpdateEndpoint", changes)
        return Sight("Executing", self._metadata(answer))

    def look(self, task: Task) -> Sight:
        request = self._request(task)
        told = self._describe(task, request["EndpointName"])
        if told is None:
            return Sight("Failed", failure="ClientError: The endpoint was deleted.")
        if told["EndpointStatus"] in _BUSY:
            return Sight("Executing", self._metadata(told))
        if told["EndpointStatus"] == "InService" and told["EndpointConfigName"] == request["EndpointConfigName"]:
            return Sight("Succeeded", self._metadata(told), told)
        reason = told.get("FailureReason") or f"The endpoint is {told['EndpointStatus']}."
        return Sight("Failed", self._metadata(told), told, reason)

    def settle(self, task: Task) -> Sight:
        return STOPPED

    def stop(self, task: Task) -> None:
        """A deployment cannot be called back; the step ends when it has."""

    def _request(self, task: Task) -> dict[str, Any]:
        request: dict[str, Any] = task.resolve(task.step.arguments)
        return {**request, "EndpointName": request.get("EndpointName") or task.name()}

    def _describe(self, task: Task, name: str) -> dict[str, Any] | None:
        try:
            return task.call("sagemaker", "DescribeEndpoint", {"EndpointName": name})
        except ApiError as error:
            if "Could not find" not in error.message:
                raise
            return None

    def _metadata(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"Endpoint": {"Arn": told["EndpointArn"]}}
