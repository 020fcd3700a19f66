"""EndpointConfig steps: CreateEndpointConfig, under the name given or a derived one."""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.engine.pipelines.steps.instant import InstantStep
from clary.engine.pipelines.steps.port import Sight, Task


class EndpointConfigStep(InstantStep):
    """A configuration of this name that is older than the step is somebody else's: configurations never change."""

    def start(self, task: Task) -> Sight:
        request = task.resolve(task.step.arguments)
        name = request.get("EndpointConfigName") or task.name()
        request |= {"EndpointConfigName": name, "Tags": [*(request.get("Tags") or []), *task.tags]}
        try:
            task.call("sagemaker", "CreateEndpointConfig", request)
        except ApiError as error:
            if "already exist" not in error.message:
                raise
            told = task.call("sagemaker", "DescribeEndpointConfig", {"EndpointConfigName": name})
            if told["CreationTime"] < task.row.created_at:
                raise
        else:
            told = task.call("sagemaker", "DescribeEndpointConfig", {"EndpointConfigName": name})
        return Sight("Succeeded", {"EndpointConfig": {"Arn": told["EndpointConfigArn"]}}, told)
